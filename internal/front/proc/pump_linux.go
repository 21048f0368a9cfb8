package proc

import (
	"fmt"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// pump serves a worker's link: everything that is on the ring becomes one batch,
// and its answers are published together. It returns nil when the doorbell is
// closed, and an error if the worker lies.
func (p *process) pump() error {
	var (
		tags  []uint64 // of all messages taken, in their order
		batch = cuenta.Batch{
			Class:  cuenta.ClassQueue,
			Origin: cuenta.Origin{Front: front, Peer: p.peer},
		}
	)
	for {
		run, err := p.requests.Take()
		if err != nil {
			return err
		}
		if len(run) == 0 {
			p.figures()
			if p.bell.Wait(p.requests.Ready) != nil {
				return nil
			}
			continue
		}
		batch.Requests = batch.Requests[:0]
		if tags, err = p.parse(run, tags[:0], &batch); err != nil {
			return err
		}
		if len(batch.Requests) > 0 {
			p.s.conf.Service.Do(p.s.ctx, &batch)
		}
		if err := p.answer(tags, &batch); err != nil {
			return err
		}
	}
}

// helloBit marks the tag of a message that is not in the batch. Tags are 32
// bits wide.
const helloBit = 1 << 32

// parse reads all messages of a run, of which it believes nothing. The run is a
// copy: the worker cannot change it any more.
func (p *process) parse(run shm.Messages, tags []uint64, b *cuenta.Batch) ([]uint64, error) {
	for {
		m, err := run.Next()
		if m == nil || err != nil {
			return tags, err
		}
		if len(tags) == p.s.settings.traffic().inFlight {
			return tags, fmt.Errorf("%w: too much at once", errLie)
		}
		var r request
		if err := parseRequest(m, &r); err != nil {
			return tags, err
		}
		if r.kind == kindHello {
			p.s.conf.Log.Info("new connection", "front", front, "peer", string(r.Counter), "worker", p.told.PID)
			tags = append(tags, uint64(r.tag)|helloBit)
			continue
		}
		b.Requests = append(b.Requests, r.Request)
		tags = append(tags, uint64(r.tag))
	}
}

// answer answers every message. There is always room for what an honest worker
// has in flight, so the server never waits for a worker that does not take its
// answers.
func (p *process) answer(tags []uint64, b *cuenta.Batch) error {
	var (
		message [answerSize]byte
		hello   cuenta.Result
		next    int
	)
	for _, tag := range tags {
		r := &hello
		if tag&helloBit == 0 {
			r = &b.Results[next]
			next++
		}
		ok, err := p.answers.Put(appendAnswer(message[:0], uint32(tag), r))
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%w: more than it may have in flight", errLie)
		}
	}
	p.answers.Publish()
	return p.worker.Ring()
}
