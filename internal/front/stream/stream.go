// Package stream serves a protocol on stream sockets, whatever the protocol is:
// that is a [Conversation], a step machine that turns bytes into requests and
// results into bytes. There are two ways to serve, with the same meaning.
//
// # One loop
//
// On Linux one thread serves all connections. It reads every socket that has
// something, decodes everything that is complete into one batch, has the service
// do that batch, which is one commit, and writes all the answers. The busier the
// server, the larger the batches: while a batch is written and synced, and its
// answers are sent, the next one gathers in the kernel. The thread that has
// decoded the requests leads the commit as well, so nobody is woken up and waited
// for between a request and its answer. A second thread would divide among two
// syncs what one covers.
//
// What a round does is bounded, in requests and in bytes. Connections that want
// little come first in it, the others take turns, with at most 1024 requests each:
// those that never stop talking cost the others a round and not more.
//
// # A goroutine per connection
//
// Elsewhere, and for connections that are not plain TCP sockets, each connection
// has a goroutine that reads what has arrived, has it done as one batch and writes
// the answers.
//
// # Slow and silent clients
//
// Nobody is waited for. Answers that a client does not take are kept up to a
// bound; at the bound its connection is not read any more, and if the answers do
// not move for a while it is closed. A connection that is silent holds no memory
// but its own few words and what its conversation keeps.
package stream

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/accept"
)

// Conversation is a protocol on one connection, as a step machine without input
// and output. Only one goroutine at a time uses it.
type Conversation interface {
	// Space returns the room to read into, which is not empty unless the
	// conversation is Pending. Requests decoded earlier are invalid afterwards.
	Space() []byte

	// Filled says that n bytes were read into Space.
	Filled(n int)

	// Decode takes complete commands and appends their requests to b.Requests,
	// which then holds at most max. It returns how many commands it took; with
	// 0 although the conversation is Pending it waits for more room in a batch.
	Decode(b *cuenta.Batch, max int) (commands int)

	// AppendAnswers appends the answers to the commands of the last Decode, given
	// the results of the requests that it appended. A conversation that has a method
	// Refused tells by that how many of these commands were refused by the service.
	AppendAnswers(dst []byte, results []cuenta.Result) []byte

	// Pending reports whether a Decode may take a command without reading more.
	Pending() bool

	// Partial reports whether the beginning of a command is buffered, and no more.
	Partial() bool

	// Ended reports whether the conversation is over: the answers that are due
	// are written and the connection is closed.
	Ended() bool

	// Malformed returns how many commands of the last Decode were refused without
	// asking the service.
	Malformed() int

	// Close is called once, when the connection is gone.
	Close()
}

const (
	// maxTurn is how many requests of one connection go into one batch, so that
	// a long pipeline shares it with the others.
	maxTurn = 1024

	// maxRefusing is how many connections are told at a time that there is no
	// room for them; what comes beyond is closed without a word.
	maxRefusing = 256

	// lingering is how long a server that has ended a connection listens for
	// the client's own end, and refusing how long when it has refused it.
	lingering = time.Second
	refusing  = lingering / 4

	// maxUnheard is how much a client may still say meanwhile, in bytes.
	maxUnheard = 1 << 20
)

// Config is what a server needs. A zero limit stands for its default.
type Config struct {
	Service cuenta.Service
	Traffic *cuenta.Traffic
	Log     *slog.Logger // nil logs nothing

	Front string       // the front's name
	Class cuenta.Class // of its batches

	// New begins the conversation of a connection, given both its addresses.
	New func(peer, local string) Conversation

	// BusyLine is what a client hears for which there is no room.
	BusyLine []byte

	// MaxConns is how many connections are served at once; a further one gets
	// the BusyLine and is closed. Default 10,000.
	MaxConns int

	// IdleTimeout closes a connection that says nothing. Default 10 minutes;
	// negative for never.
	IdleTimeout time.Duration

	// PartialTimeout closes a connection that does not finish a command it has
	// begun. Default 30 seconds.
	PartialTimeout time.Duration

	// WriteTimeout closes a connection that does not take its answers. Default
	// 10 seconds.
	WriteTimeout time.Duration

	// MaxOutput is how many bytes of answers may wait for a client before its
	// connection is not read any more. The answers of one turn come on top of
	// it. Default 1 MiB.
	MaxOutput int

	// Goroutines has every connection served by a goroutine, on Linux too.
	Goroutines bool
}

// Server serves a protocol on one listener.
type Server struct {
	conf     Config
	ctx      context.Context // ends with the drain
	cut      context.CancelFunc
	stopping chan struct{} // closed when a drain begins

	accepting sync.WaitGroup // Serve

	mu     sync.Mutex
	shell  shell  // nil before Serve
	places [2]int // that are taken
}

// shell is a way to serve connections.
type shell interface {
	// accept takes in what connections there are, waiting for the first.
	accept() error

	// stopAccepting closes the listener, and accept returns.
	stopAccepting()

	// drain begins to answer what has arrived and to close. Nothing is accepted
	// any more.
	drain()

	// drained is closed when no connection is left.
	drained() <-chan struct{}

	// abandon closes all connections, ends the server's context and returns how
	// many there were.
	abandon() int
}

// New returns a server that is yet to be given its listener.
func New(c Config) *Server {
	c.MaxConns = cmp.Or(c.MaxConns, 10_000)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 10*time.Minute)
	c.PartialTimeout = cmp.Or(c.PartialTimeout, 30*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 10*time.Second)
	c.MaxOutput = cmp.Or(c.MaxOutput, 1<<20)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Log = c.Log.With("front", c.Front)
	s := &Server{conf: c, stopping: make(chan struct{})}
	s.ctx, s.cut = context.WithCancel(context.Background())
	return s
}

// Serve accepts connections until the listener fails, which is an error, or
// [Server.Drain] is called, which is none. It is called once, and closes l.
func (s *Server) Serve(l net.Listener) error {
	// It is closed by a drain as well; whoever is second gets an error that tells nothing.
	defer func() { _ = l.Close() }()
	shell, err := s.begin(l)
	if shell == nil {
		return err
	}
	defer s.accepting.Done()
	defer shell.stopAccepting()
	err = accept.Until(s.stopping, shell.accept, func(err error, pause time.Duration) {
		s.conf.Log.Warn("cannot accept a connection, will try again", "error", err, "pause", pause)
	})
	if err != nil {
		return fmt.Errorf("%s: accepting connections: %w", s.conf.Front, err)
	}
	return nil
}

// begin makes what serves the connections of l; nothing if the server drains.
func (s *Server) begin(l net.Listener) (shell, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining() {
		return nil, nil
	}
	shell, err := s.newShell(l)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.conf.Front, err)
	}
	s.shell = shell
	s.accepting.Add(1)
	return shell, nil
}

func (s *Server) draining() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// place is what there is for a connection that comes in.
type place int

const (
	served  place = iota // it is served
	refused              // it is told that there is no room
	nothing              // it is closed
)

// enter gives a connection its place, which is given back by leave.
func (s *Server) enter() place {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.conf.Traffic
	if s.places[served] < s.conf.MaxConns {
		s.places[served]++
		t.Accepted.Add(1)
		t.Open.Add(1)
		return served
	}
	t.Refused.Add(1)
	if s.places[refused] < maxRefusing {
		s.places[refused]++
		return refused
	}
	return nothing
}

func (s *Server) leave(p place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places[p]--
	if p == served {
		s.conf.Traffic.Open.Add(-1)
	}
}

// serving returns how many connections are served.
func (s *Server) serving() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.places[served]
}

// Drain accepts no more connections, answers the commands that were received,
// and closes. When ctx ends first, what is left is cut off and the error says so.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	if !s.draining() {
		close(s.stopping)
	}
	shell := s.shell
	s.mu.Unlock()
	if shell != nil {
		shell.stopAccepting()
	}
	s.accepting.Wait()

	defer s.cut()
	if shell == nil {
		return nil
	}
	shell.drain()
	select {
	case <-shell.drained():
		return nil
	case <-ctx.Done():
	}
	if n := shell.abandon(); n > 0 {
		return fmt.Errorf("%s: %d connections cut off: %w", s.conf.Front, n, ctx.Err())
	}
	return nil
}

// failures counts the commands just answered that were errors to who asked. A
// conversation whose commands may be several requests tells by itself; of others each
// result counts, but for a condition that does not hold, which is an answer.
func failures(c Conversation, results []cuenta.Result) (n int) {
	if own, ok := c.(interface{ Refused() int }); ok {
		return own.Refused()
	}
	for i := range results {
		if code := results[i].Code; code != cuenta.OK && code != cuenta.Unmet {
			n++
		}
	}
	return n
}
