package transfer

import (
	"context"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// What a Redis has beside the types of its own that are no counters.
const (
	kindText = "string that is no integer"
	kindName = "name that no counter can have"
	kindGone = "gone meanwhile"
)

// scan is the keys of a Redis while it goes on working: what is there all the time
// comes at least once, with a value that it had meanwhile.
type scan struct {
	conn   *conn
	cursor string
	ended  bool

	found []Entry // still to be handed on

	done, total atomic.Int64 // keys; more may be done than there were
}

// OpenRedis connects to the Redis at an address such as redis://localhost:6379/0.
func OpenRedis(ctx context.Context, address string) (Source, error) {
	p, err := parseURL(address)
	if err != nil {
		return nil, err
	}
	c, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	s := &scan{conn: c, cursor: "0"}
	c.command("DBSIZE")
	err = c.flush(ctx)
	if err == nil {
		var size reply
		size, err = c.demand(':')
		s.total.Store(size.n)
	}
	if err != nil {
		c.Close() // the first error tells more
		return nil, err
	}
	return s, nil
}

// IsRedis reports whether an import's source is the address of a Redis.
func IsRedis(source string) bool {
	return strings.HasPrefix(source, "redis://") || strings.HasPrefix(source, "rediss://")
}

// PublicName is the address without the password, to be shown.
func PublicName(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	return scheme + "://" + rest
}

func (s *scan) Close() error { return s.conn.Close() }

func (s *scan) Progress() (done, total int64) { return s.done.Load(), s.total.Load() }

func (s *scan) Read(ctx context.Context, entries []Entry) (int, error) {
	for len(s.found) == 0 {
		if s.ended {
			return 0, io.EOF
		}
		if err := s.page(ctx); err != nil {
			return 0, err
		}
	}
	n := copy(entries, s.found)
	s.found = s.found[n:]
	s.done.Add(int64(n))
	return n, nil
}

// page asks for the next keys, for their values, and what those are that have none.
func (s *scan) page(ctx context.Context) error {
	s.conn.command("SCAN", s.cursor, "COUNT", strconv.Itoa(pageSize))
	if err := s.conn.flush(ctx); err != nil {
		return err
	}
	names, err := s.names()
	if err != nil {
		return err
	}
	if err := s.values(ctx, names); err != nil {
		return err
	}
	return s.kinds(ctx)
}

// names reads the reply to SCAN: those that may name counters. The others are found
// to be of their kind.
func (s *scan) names() (names []string, err error) {
	if r, err := s.conn.demand('*'); err != nil || r.n != 2 {
		return nil, orReply(err)
	}
	cursor, err := s.conn.demand('$')
	if err != nil {
		return nil, err
	}
	s.cursor = string(cursor.text)
	s.ended = s.cursor == "0"
	list, err := s.conn.demand('*')
	if err != nil {
		return nil, err
	}
	s.found = s.found[:0]
	for range list.n {
		r, err := s.conn.demand('$')
		if err != nil {
			return nil, err
		}
		if r.whole() && cuenta.ValidName(r.text) {
			names = append(names, string(r.text))
		} else {
			s.found = append(s.found, Entry{Kind: kindName})
		}
	}
	return names, nil
}

// untyped marks what is to be asked about again.
const untyped = "?"

// values asks for the values of keys, and how long each is to be there.
func (s *scan) values(ctx context.Context, names []string) error {
	for len(names) > 0 {
		part := names[:min(len(names), pageSize)]
		names = names[len(part):]
		for _, name := range part {
			s.conn.command("GET", name)
			s.conn.command("PTTL", name)
		}
		if err := s.conn.flush(ctx); err != nil {
			return err
		}
		for _, name := range part {
			r, err := s.conn.next()
			if err != nil {
				return err
			}
			e, err := valueOf(name, &r)
			if err != nil {
				return err
			}
			if err := s.end(&e); err != nil {
				return err
			}
			s.found = append(s.found, e)
		}
	}
	return nil
}

// end reads how long a key is to be there: -1 is for ever, -2 that it is gone.
func (s *scan) end(e *Entry) error {
	left, err := s.conn.demand(':')
	switch {
	case err != nil:
		return err
	case left.n == -2 && e.Kind == "":
		e.Kind = kindGone
	case left.n >= 0:
		e.Ends = time.Now().UnixMilli() + left.n
	}
	return nil
}

func valueOf(name string, r *reply) (Entry, error) {
	e := Entry{Name: name}
	switch {
	case r.kind == '-' && strings.HasPrefix(string(r.text), "WRONGTYPE"):
		e.Kind = untyped
	case r.kind == '-':
		return e, orReply(refusalOf(r))
	case r.kind != '$':
		return e, errReply
	case r.n < 0:
		e.Kind = kindGone
	default:
		var ok bool
		if e.Value, ok = wire.ParseInt(r.text); !ok || !r.whole() {
			e.Kind = kindText
		}
	}
	return e, nil
}

// kinds asks of what type the keys are that have no plain value.
func (s *scan) kinds(ctx context.Context) error {
	for from := 0; from < len(s.found); from += pageSize {
		part := s.found[from:min(len(s.found), from+pageSize)]
		asked := 0
		for i := range part {
			if part[i].Kind == untyped {
				s.conn.command("TYPE", part[i].Name)
				asked++
			}
		}
		if asked == 0 {
			continue
		}
		if err := s.conn.flush(ctx); err != nil {
			return err
		}
		for i := range part {
			if part[i].Kind != untyped {
				continue
			}
			r, err := s.conn.demand('+')
			if err != nil {
				return err
			}
			if part[i].Kind = string(r.text); part[i].Kind == "none" {
				part[i].Kind = kindGone
			}
		}
	}
	return nil
}

// orReply is the error, or, where there is none, that the reply makes no sense.
func orReply(err error) error {
	if err == nil {
		return errReply
	}
	return err
}
