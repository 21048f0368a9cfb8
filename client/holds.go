package client

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Hold is a part of a counter's limit that is held back.
type Hold struct {
	ID        uint64
	Value     int64 // the counter's, as it was, if that is told
	Available int64 // how much more can be held in the same direction, negative if that is not told
}

// Hold holds amount back until [At] a time, or [After] one: if positive, of what is
// left below the ceiling, if negative, of what is left above the floor. It ends by
// itself then, if it was not settled or released before. What does not fit is refused as
// [cuenta.Limited].
func (n Counter) Hold(ctx context.Context, amount int64, until Option) (Hold, error) {
	r := n.request(cuenta.Hold, amount, []Option{until})
	return n.hold(ctx, r, 0)
}

// Settle ends a hold and adds what was really used of it: less, or more if it fits, or
// with [Clamp] as much as fits. A hold that is not known any more is refused as
// [cuenta.NoHold].
func (n Counter) Settle(ctx context.Context, hold uint64, used int64, options ...Option) (Result, error) {
	r := n.request(cuenta.Settle, used, options)
	termsOf(&r).Hold = hold
	return n.c.do(ctx, r)
}

// Release ends a hold of which nothing was used.
func (n Counter) Release(ctx context.Context, hold uint64) (Hold, error) {
	r := n.request(cuenta.Release, 0, nil)
	termsOf(&r).Hold = hold
	return n.hold(ctx, r, hold)
}

// Extend gives a hold another end: [At] a time, or [After] one.
func (n Counter) Extend(ctx context.Context, hold uint64, until Option) (Hold, error) {
	r := n.request(cuenta.Extend, 0, []Option{until})
	termsOf(&r).Hold = hold
	return n.hold(ctx, r, hold)
}

// hold carries out what is about a hold; a new one has the id that it is given.
func (n Counter) hold(ctx context.Context, r cuenta.Request, id uint64) (Hold, error) {
	u := newUnit(r)
	n.c.run(ctx, u)
	if u.err != nil {
		return Hold{}, u.err
	}
	is := &u.results[0]
	if id == 0 {
		id = is.Revision
	}
	return Hold{ID: id, Value: is.Value, Available: is.Amount}, nil
}

// Held is a hold that has not ended.
type Held struct {
	ID     uint64
	Amount int64
	Ends   time.Time
}

// Holds goes through the holds of the counter. Each is told once, but for those that
// are made or end in the meantime, which may not be told. An error is the last.
func (n Counter) Holds(ctx context.Context) iter.Seq2[Held, error] {
	return func(yield func(Held, error) bool) {
		var order []uint64 // of those told, the last one being where to go on
		told := make(map[uint64]bool)
		for back := 1; ; {
			var behind uint64
			if back <= len(order) {
				behind = order[len(order)-back]
			}
			page, err := n.holdsBehind(ctx, behind)
			switch {
			case behind != 0 && errors.Is(err, cuenta.NoHold.Err()): // it has ended, so it tells no place any more
				back *= 2
				continue
			case err != nil:
				yield(Held{}, err)
				return
			case len(page) == 0:
				return
			}
			back = 1
			for _, h := range page {
				order = append(order, h.ID)
				if !told[h.ID] && !yield(Held{h.ID, h.Amount, time.Unix(0, h.Ends)}, nil) {
					return
				}
				told[h.ID] = true
			}
		}
	}
}

// holdsPage is how many holds are asked for at once. As many fit into a [maxReply].
const holdsPage = 128

// holdsBehind reads some of the holds behind one, or of all. There are none behind the last.
func (n Counter) holdsBehind(ctx context.Context, hold uint64) ([]cuenta.Held, error) {
	r := n.request(cuenta.Describe, 0, nil)
	t := termsOf(&r)
	t.Hold, t.Holds = hold, make([]cuenta.Held, 0, holdsPage)
	u := newUnit(r)
	n.c.run(ctx, u)
	return t.Holds, u.err
}

// lists reports whether a request is for holds, and nothing else that a Describe says.
func lists(r *cuenta.Request) bool {
	return r.Op == cuenta.Describe && r.Terms != nil && cap(r.Terms.Holds) > 0
}
