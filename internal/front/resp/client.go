package resp

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

const errClientName = "ERR Client names cannot contain spaces, newlines or special characters."

// client is what CLIENT tells of a connection. Other sessions read it.
type client struct {
	id          uint64
	peer, local string
	since       time.Time

	// For the session alone.
	command *command // the last one
	located bool     // the peer's address was read
	host    uint32   // what stands for it; 0 if it is none

	active atomic.Int64 // when it last spoke, in Unix nanoseconds
	shown  atomic.Pointer[command]

	mu                        sync.Mutex
	name, library, libVersion string
}

func (p *Protocol) register(c *client, peer, local string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastID++
	c.id, c.peer, c.local, c.since = p.lastID, peer, local, p.now()
	c.active.Store(c.since.UnixNano())
	p.clients[c.id] = c
}

func (p *Protocol) unregister(c *client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.clients, c.id)
}

// connected returns the clients by age.
func (p *Protocol) connected() []*client {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*client, 0, len(p.clients))
	for _, c := range p.clients {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *client) int { return cmp.Compare(a.id, b.id) })
	return all
}

// spoke notes when the client last said something, and what.
func (c *client) spoke(now time.Time) {
	c.active.Store(now.UnixNano())
	if c.command != c.shown.Load() {
		c.shown.Store(c.command)
	}
}

// number stands for the client's host in requests with an identity.
func (c *client) number() uint32 {
	if !c.located {
		c.located, c.host = true, cuenta.ClientAt(c.peer)
	}
	return c.host
}

// setName names the connection, or takes its name if it is empty. It reports
// false for a name that would not fit in the list.
func (c *client) setName(name string) bool {
	if !isLabel(name) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.name = name
	return true
}

// isLabel reports whether a text can be one field of a line.
func isLabel(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < '!' || r > '~' })
}

// describe returns the client's line. It has Redis' names for what it tells.
func (c *client) describe(now time.Time) string {
	c.mu.Lock()
	name, library, version := c.name, c.library, c.libVersion
	c.mu.Unlock()
	last := "NULL"
	if command := c.shown.Load(); command != nil {
		last = command.full
	}
	idle := now.Sub(time.Unix(0, c.active.Load()))
	return fmt.Sprintf("id=%d addr=%s laddr=%s name=%s age=%d idle=%d flags=N db=0 sub=0 psub=0 ssub=0 cmd=%s user=default lib-name=%s lib-ver=%s",
		c.id, c.peer, c.local, name, wholeSeconds(now.Sub(c.since)), wholeSeconds(idle), last, library, version)
}

func wholeSeconds(d time.Duration) int64 { return int64(max(d, 0) / time.Second) }

func runClientID(s *Session, dst []byte, _ [][]byte) []byte {
	return wire.AppendInt(dst, int64(s.client.id))
}

func runClientGetName(s *Session, dst []byte, _ [][]byte) []byte {
	s.client.mu.Lock()
	name := s.client.name
	s.client.mu.Unlock()
	if name == "" {
		return wire.AppendNull(dst, s.version)
	}
	return wire.AppendBulk(dst, name)
}

func runClientSetName(s *Session, dst []byte, args [][]byte) []byte {
	if !s.client.setName(string(args[2])) {
		return wire.AppendError(dst, errClientName)
	}
	return append(dst, ok...)
}

func runClientSetInfo(s *Session, dst []byte, args [][]byte) []byte {
	option, value := args[2], string(args[3])
	c := &s.client
	switch {
	case !isWord(option, "lib-name") && !isWord(option, "lib-ver"):
		return wire.AppendError(dst, "ERR Unrecognized option '"+string(shown(option, len(option)))+"'")
	case !isLabel(value):
		return wire.AppendError(dst, "ERR "+strings.ToLower(string(option))+" cannot contain spaces, newlines or special characters.")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if isWord(option, "lib-name") {
		c.library = value
	} else {
		c.libVersion = value
	}
	return append(dst, ok...)
}

func runClientInfo(s *Session, dst []byte, _ [][]byte) []byte {
	return wire.AppendVerbatim(dst, s.version, []byte(s.client.describe(s.p.now())+"\n"))
}

func runClientList(s *Session, dst []byte, args [][]byte) []byte {
	wanted, refusal := clientFilter(args[2:])
	if refusal != "" {
		return wire.AppendError(dst, refusal)
	}
	now := s.p.now()
	var lines []byte
	for _, c := range s.p.connected() {
		if wanted(c) {
			lines = append(lines, c.describe(now)...)
			lines = append(lines, '\n')
		}
	}
	return wire.AppendVerbatim(dst, s.version, lines)
}

// clientFilter reads the options of CLIENT LIST.
func clientFilter(options [][]byte) (wanted func(*client) bool, refusal string) {
	switch {
	case len(options) == 0:
		return func(*client) bool { return true }, ""
	case isWord(options[0], "type") && len(options) == 2:
		switch kind := strings.ToLower(string(options[1])); kind {
		case "normal":
			return func(*client) bool { return true }, ""
		case "master", "replica", "slave", "pubsub":
			return func(*client) bool { return false }, ""
		}
		return nil, "ERR Unknown client type '" + string(options[1]) + "'"
	case isWord(options[0], "id") && len(options) > 1:
		ids := make(map[uint64]bool)
		for _, arg := range options[1:] {
			id, isInt := wire.ParseInt(arg)
			if !isInt {
				return nil, "ERR Invalid client ID"
			}
			ids[uint64(id)] = true
		}
		return func(c *client) bool { return ids[c.id] }, ""
	}
	return nil, errSyntax
}

// runClientSwitch accepts what makes no difference here.
func runClientSwitch(s *Session, dst []byte, args [][]byte) []byte {
	if !isWord(args[2], "on") && !isWord(args[2], "off") {
		return wire.AppendError(dst, errSyntax)
	}
	return append(dst, ok...)
}
