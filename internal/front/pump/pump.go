// Package pump serves the server's end of a link to another process: everything
// that is on the ring of requests becomes one batch, and its answers are
// published together. It believes nothing of what comes; it only ever copies
// from the ring, so its peer can spoil nothing but its own answers.
package pump

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
)

// ErrLie says that the peer sent what no honest peer sends. It is of no more use.
var ErrLie = errors.New("it sent what none of its kind sends")

// Pump is one link's.
type Pump struct {
	Service cuenta.Service
	Origin  cuenta.Origin

	Requests *shm.Consumer
	Answers  *shm.Producer

	// Wait returns when ready may hold, and fails when there is nobody left to
	// wait for. Ring wakes the peer if it sleeps.
	Wait func(ready func() bool) error
	Ring func() error

	// InFlight is how many messages the peer may have that it has not seen the
	// answers to; there is room for all these answers on the ring.
	InFlight int

	// Client, if not 0, stands for the host that asks, whatever the requests say.
	Client uint32

	// Foreign says that the peer is somebody else's program: a request that means
	// nothing is refused as Syntax, and what it spans too, where of a peer of ours
	// it would be a lie.
	Foreign bool

	Hello func(peer string) // a connection was announced; nil if none may be
	Idle  func()            // there is nothing to do; may be nil

	// Done hears of every batch that is answered, and how many bytes that took on
	// both rings; may be nil.
	Done func(results []cuenta.Result, received, sent int)

	stopping atomic.Bool
	tags     []uint64 // of all messages taken, in their order
	message  []byte   // the answer being made
	batch    cuenta.Batch
	terms    []cuenta.Terms // of its requests; it may move, and what points there stays
	spanned  int            // messages still to come that belong to an earlier one
	doomed   int            // of those, the ones whose earlier one means nothing
}

// Stop has Run return when it has answered what is on the ring by then. If it
// waits, it must be woken.
func (p *Pump) Stop() { p.stopping.Store(true) }

// Run serves the link until it is stopped or Wait fails, which is no error, or
// until the peer lies. The end of ctx gives up what waits for its turn.
func (p *Pump) Run(ctx context.Context) error {
	p.batch.Class, p.batch.Origin = cuenta.ClassQueue, p.Origin
	ready := p.Requests.Ready
	for {
		last := p.stopping.Load() // before the look at the ring, so that what was there is taken
		run, err := p.Requests.Take()
		if err != nil {
			return err
		}
		if len(run) > 0 {
			if err := p.serve(ctx, run); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
		if len(run) > 0 {
			continue
		}
		if p.Idle != nil {
			p.Idle()
		}
		if p.Wait(ready) != nil {
			p.Stop() // something may have come before
		}
	}
}

func (p *Pump) serve(ctx context.Context, run shm.Messages) error {
	received := len(run)
	if err := p.parse(run); err != nil {
		return err
	}
	if len(p.batch.Requests) > 0 {
		p.Service.Do(ctx, &p.batch)
	} else {
		p.batch.Results = p.batch.Results[:0]
	}
	sent, err := p.answer()
	if p.Done != nil {
		p.Done(p.batch.Results, received, sent)
	}
	if err != nil {
		return err
	}
	p.Answers.Publish()
	return p.Ring()
}

// helloBit marks the tag of a message that is not in the batch. Tags are 32
// bits wide.
const helloBit = 1 << 32

// parse makes the batch of all messages of a run. The run is a copy: the peer
// cannot change it any more.
func (p *Pump) parse(run shm.Messages) error {
	p.tags, p.batch.Requests, p.terms = p.tags[:0], p.batch.Requests[:0], p.terms[:0]
	p.spanned, p.doomed = 0, 0
	for {
		m, err := run.Next()
		if err != nil {
			return err
		}
		if m == nil {
			break
		}
		if len(p.tags) == p.InFlight {
			return fmt.Errorf("%w: too much at once", ErrLie)
		}
		if err := p.parseOne(m); err != nil {
			return err
		}
	}
	if p.spanned > 0 {
		return fmt.Errorf("%w: the beginning of a batch", ErrLie)
	}
	return nil
}

// parseOne appends the request in a message, unless it is none.
func (p *Pump) parseOne(m []byte) error {
	n := len(p.batch.Requests)
	p.batch.Requests = append(p.batch.Requests, cuenta.Request{})
	r := &p.batch.Requests[n]
	p.terms = slices.Grow(p.terms, 1)
	behind := p.terms[:len(p.terms)+1]
	head, err := ring.ParseRequest(m, r, &behind[len(p.terms)])
	if r.Terms != nil {
		p.terms = behind
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLie, err)
	}
	if head.Hello {
		if p.Hello == nil {
			return fmt.Errorf("%w: a connection of its own", ErrLie)
		}
		p.Hello(string(r.Counter))
		p.batch.Requests = p.batch.Requests[:n]
		p.tags = append(p.tags, uint64(head.Tag)|helloBit)
		return nil
	}
	p.tags = append(p.tags, uint64(head.Tag))
	sound := ring.Sound(r)
	if !sound && !p.Foreign {
		return fmt.Errorf("%w: a request without meaning", ErrLie)
	}
	if p.Client != 0 {
		r.Client = p.Client
	}
	p.follow(r, sound)
	return nil
}

// follow keeps count of what belongs to an earlier request, and takes away what
// must not be carried out.
func (p *Pump) follow(r *cuenta.Request, sound bool) {
	span := 0
	if r.Op == cuenta.Check || r.Op == cuenta.All {
		span = int(r.Span)
	}
	doomed := p.doomed > 0 || !sound
	p.spanned, p.doomed = max(p.spanned-1, span), max(p.doomed-1, 0)
	if doomed {
		p.doomed = max(p.doomed, span)
		*r = cuenta.Request{} // which every service refuses as Syntax
	}
}

// answer puts the answers to all messages on the ring, and returns how many bytes
// they take there. There is always room for what an honest peer has in flight, so the
// server never waits for a peer that does not take its answers.
func (p *Pump) answer() (sent int, err error) {
	var (
		hello cuenta.Result
		next  int
	)
	for _, tag := range p.tags {
		m := p.message[:0]
		if tag&helloBit == 0 {
			if m, err = p.appendAnswer(m, uint32(tag), next); err != nil {
				return sent, err
			}
			next++
		} else {
			m = ring.AppendAnswer(m, uint32(tag), &hello)
		}
		p.message = m
		ok, err := p.Answers.Put(m)
		if err != nil {
			return sent, err
		}
		if !ok {
			return sent, fmt.Errorf("%w: more than it may have in flight", ErrLie)
		}
		sent += shm.EntrySize(len(m))
	}
	return sent, nil
}

// appendAnswer appends the answer to the request at index. A description tells more
// than one hold only where that leaves room for an answer to all else that may be in
// flight.
func (p *Pump) appendAnswer(dst []byte, tag uint32, index int) ([]byte, error) {
	q, r := &p.batch.Requests[index], &p.batch.Results[index]
	if q.Op != cuenta.Describe || r.Code != cuenta.OK {
		return ring.AppendAnswer(dst, tag, r), nil
	}
	if len(q.Terms.Holds) > 1 {
		room, err := p.Answers.HasRoom(shm.EntrySize(ring.MaxAnswer) + (p.InFlight-1)*shm.EntrySize(ring.ShortAnswer))
		if err != nil {
			return dst, err
		}
		if !room {
			q.Terms.Holds = q.Terms.Holds[:1]
		}
	}
	return ring.AppendDescription(dst, tag, r, q.Terms), nil
}
