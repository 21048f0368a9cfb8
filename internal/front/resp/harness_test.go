package resp

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// store is a service with a directory: it lists the counters that it was asked
// about and that exist.
type store struct {
	*fronttest.Service
	names []string
}

func (s *store) Do(ctx context.Context, b *cuenta.Batch) {
	for i := range b.Requests {
		if name := string(b.Requests[i].Counter); name != "" && !slices.Contains(s.names, name) {
			s.names = append(s.names, name)
		}
	}
	s.Service.Do(ctx, b)
}

func (s *store) Count() uint64 { return uint64(s.Len()) }

func (s *store) List(_ context.Context, prefix string, cursor uint64, limit int) (found []cuenta.Counter, next uint64, err error) {
	for ; cursor < uint64(len(s.names)) && len(found) < limit; cursor++ {
		name := s.names[cursor]
		if value, revision := s.Value(name); revision > 0 && strings.HasPrefix(name, prefix) {
			found = append(found, cuenta.Counter{Name: name, Value: value, Revision: revision})
		}
	}
	if cursor >= uint64(len(s.names)) {
		cursor = 0
	}
	return found, cursor, nil
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 123456000, time.UTC)

// world is a server's protocol and its counters.
type world struct {
	*Protocol
	store *store
}

func newWorld() *world {
	s := &store{Service: fronttest.NewService()}
	s.Now(func() time.Time { return noon })
	expiring := int64(7)
	return &world{store: s, Protocol: New(Config{
		Directory: s,
		Now:       func() time.Time { return noon },
		Facts: func() Facts {
			return Facts{
				Version: "0.1.0", Executable: "/usr/bin/cuenta", PID: 77, Port: 6380, Started: noon.Add(-25 * time.Hour),
				MemoryUsed: 1234567, MemoryRSS: 5 << 30, MemoryPeak: 1023, CPUUser: 1500 * time.Millisecond,
				MaxClients: 10000, IdleTimeout: 10 * time.Minute, Accepted: 5, Refused: 1, Requests: 99, BytesIn: 1000, BytesOut: 900,
				LastSnapshot: noon.Add(-time.Hour), JournalErr: "it is broken", Syncs: 12, Expiring: &expiring,
			}
		},
	})}
}

// peer is a client's connection to a world.
type peer struct {
	t       testing.TB
	w       *world
	session *Session
	limit   int // of its batches
}

func (w *world) dial(t testing.TB) *peer {
	n := w.lastID + 1
	return &peer{t, w, w.NewSession(fmt.Sprintf("127.0.0.1:%d", 50000+n), "127.0.0.1:6380"), cuenta.MaxBatch}
}

// hears returns the answers to a piece of the stream.
func (p *peer) hears(stream []byte) (out []byte) {
	p.t.Helper()
	for len(stream) > 0 && !p.session.Ended() {
		space := p.session.Space()
		if len(space) == 0 {
			p.t.Fatal("no space to read into")
		}
		n := copy(space, stream)
		p.session.Filled(n)
		stream = stream[n:]
		for more := true; more; more = p.session.Pending() {
			out = p.round(out)
		}
	}
	return out
}

// round is one Decode and its answers. Others have requests in the same batch.
func (p *peer) round(out []byte) []byte {
	p.t.Helper()
	foreign := cuenta.Request{Op: cuenta.Get, Counter: []byte("foreign")}
	b := cuenta.Batch{Requests: []cuenta.Request{foreign}}
	commands := p.session.Decode(&b, p.limit)
	if len(b.Requests) > max(p.limit, 1) {
		p.t.Fatalf("%d requests, at most %d are allowed", len(b.Requests), p.limit)
	}
	if commands == 0 && p.session.Pending() {
		// What does not fit beside others fits alone.
		b.Requests = b.Requests[:0]
		if p.session.Decode(&b, cuenta.MaxBatch) == 0 && p.session.Pending() {
			p.t.Fatal("a command fits in no batch")
		}
		p.w.store.Do(context.Background(), &b)
		return p.session.AppendAnswers(out, b.Results)
	}
	mine := len(b.Requests)
	b.Requests = append(b.Requests, foreign)
	p.w.store.Do(context.Background(), &b)
	return p.session.AppendAnswers(out, b.Results[1:mine])
}

// said is a command as clients send it.
func said(args ...string) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&out, "$%d\r\n%s\r\n", len(arg), arg)
	}
	return out.Bytes()
}

// says sends words and returns the answer.
func (p *peer) says(words string) string {
	p.t.Helper()
	return string(p.hears(said(strings.Fields(words)...)))
}
