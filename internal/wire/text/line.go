package text

import (
	"math"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Line is what a line says, and how the results of its requests become its answer.
type Line struct {
	Verdict
	n     int64         // what a transfer moves; the number that val asks about
	down  bool          // dis asks about the floor
	terms *cuenta.Terms // of dis, which are the decoder's
}

// Requests returns how many requests, and results, the line is.
func (l Line) Requests() int {
	switch {
	case l.Verdict < Transfer:
		return 1
	case l.Verdict == Transfer:
		return transferRequests
	case l.Verdict == Renumber:
		return renumberRequests
	}
	return 0
}

// Result returns what the line is answered: its Value, or why it was refused. The
// results are those of its requests.
func (l Line) Result(results []cuenta.Result) cuenta.Result {
	r := results[0]
	switch {
	case l.Verdict == Transfer:
		return transferred(results, l.n)
	case l.Verdict == Renumber:
		return renumbered(results)
	case r.Code != cuenta.OK:
	case l.Verdict == Remains:
		r.Value = remains(&r)
	case l.Verdict == Reserves:
		r.Value = int64(r.Revision)
	case l.Verdict == Leaves && l.down:
		r.Value = leftDown(r.Value, l.terms)
	case l.Verdict == Leaves:
		r.Value = left(r.Value, l.terms)
	case l.Verdict == Valid && 1 <= l.n && l.n <= r.Value:
		r.Value = 1
	case l.Verdict == Valid:
		r.Value = 0
	}
	return r
}

// AppendAnswer appends the answer to the line, its line end included. The results
// are those of its requests.
func (l Line) AppendAnswer(dst []byte, results []cuenta.Result) []byte {
	switch l.Verdict {
	case Command:
		return AppendAnswer(dst, &results[0])
	case Remains, Reserves, Valid, Leaves, Transfer, Renumber:
		r := l.Result(results)
		return AppendAnswer(dst, &r)
	}
	return append(dst, l.Answer()...)
}

const (
	noEnd     = -1
	noCounter = -2
)

// remains returns how many seconds a counter that was described has left, rounded up.
func remains(r *cuenta.Result) int64 {
	switch {
	case r.Revision == 0:
		return noCounter
	case r.Amount == 0:
		return noEnd
	}
	return (r.Amount-1)/int64(time.Second) + 1
}

// left returns how much a counter can still grow or hold, at most the end of int64.
func left(value int64, t *cuenta.Terms) int64 {
	most := int64(math.MaxInt64)
	if t.Ceiling.Set {
		most = t.Ceiling.At
	}
	if left := most - t.Held - value; left >= 0 {
		return left
	}
	return math.MaxInt64
}

// leftDown returns how much a counter can still go down, at most the end of int64.
func leftDown(value int64, t *cuenta.Terms) int64 {
	least := int64(math.MinInt64)
	if t.Floor.Set {
		least = t.Floor.At
	}
	if left := value - (least + t.HeldDown); left >= 0 {
		return left
	}
	return math.MaxInt64
}

// A transfer is an all-or-none of two additions. The read before them is there for
// the repeats of one with a key: of an all-or-none it is the first request's value
// that is remembered, if that is a read.
const transferRequests = 4

func (d *Decoder) appendTransfer(requests []cuenta.Request, c *command) []cuenta.Request {
	floor := d.newTerms()
	c.fillTerms(floor)
	return append(requests,
		cuenta.Request{Op: cuenta.All, Span: transferRequests - 1, Identity: cuenta.Identity{Key: c.key}},
		cuenta.Request{Op: cuenta.Get, Counter: c.counter},
		cuenta.Request{Op: cuenta.Add, N: -c.n, Counter: c.counter, Terms: floor},
		cuenta.Request{Op: cuenta.Add, N: c.n, Counter: c.to})
}

// transferred returns the new value of the counter from which a transfer was made,
// or the refusal of the request that failed.
func transferred(results []cuenta.Result, amount int64) cuenta.Result {
	whole := together(results)
	if whole.Code == cuenta.OK {
		whole = cuenta.Result{Value: whole.Value - amount, Replayed: whole.Replayed}
	}
	return whole
}

// To begin the numbers of tickets anew is an all-or-none of two.
const renumberRequests = 3

func appendRenumber(requests []cuenta.Request, c *command) []cuenta.Request {
	span := cuenta.Renumber(c.counter)
	requests = append(requests, cuenta.Request{Op: cuenta.All, Span: uint16(len(span)), Identity: cuenta.Identity{Key: c.key}})
	return append(requests, span[:]...)
}

// isRenumber reports whether requests are what [appendRenumber] makes.
func isRenumber(r []cuenta.Request) bool {
	return len(r) == renumberRequests && cuenta.Renumbers(r[1:])
}

// renumbered returns the counter's new value, which is 0, or the refusal of the request
// that failed.
func renumbered(results []cuenta.Result) cuenta.Result {
	whole := together(results)
	if whole.Code == cuenta.OK {
		whole = cuenta.Result{Replayed: whole.Replayed}
	}
	return whole
}

// together returns the result of an all-or-none, of which a refusal is that of the
// request that was refused.
func together(results []cuenta.Result) cuenta.Result {
	all := results[0]
	if all.Code == cuenta.OK {
		return all
	}
	for _, r := range results[1:] {
		if r.Code != cuenta.OK && r.Code != cuenta.Aborted {
			return r
		}
	}
	return all
}
