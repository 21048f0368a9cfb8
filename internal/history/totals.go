package history

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// What is added below a declared total is added to it in the same step, of which nobody
// is told. So for each such operation one is made up for every total above it. Whether
// that was one at that time is known where nothing that tells of it was under way: then
// it certainly was charged, or not; otherwise it may have been.

// above is a counter above another that may have been its total.
type above struct {
	counter uint32
	level   uint8
}

// noteTotal learns that a counter may be a total.
func (c *checker) noteTotal(o *Op) {
	if r := roleOf(o); o.Op != cuenta.Limit || !c.extra(o).Terms.Total || r != roleChange && r != roleMaybe {
		return
	}
	if c.totals == nil {
		c.totals = make([]bool, len(c.h.Counters))
	}
	c.totals[o.Counter] = true
}

func (c *checker) isTotal(counter uint32) bool { return c.totals != nil && c.totals[counter] }

// isBelow reports whether a counter's name is below another's.
func (c *checker) isBelow(counter, total uint32) bool {
	rest, ok := strings.CutPrefix(c.name(counter), c.name(total))
	return ok && strings.HasPrefix(rest, "/")
}

// climb finds what may be totals above each counter.
func (c *checker) climb() {
	index := map[string]uint32{}
	for i, is := range c.totals {
		if is {
			index[c.h.Counters[i]] = uint32(i)
		}
	}
	c.above = make([][]above, len(c.h.Counters))
	for i, name := range c.h.Counters {
		for level := uint8(1); level <= cuenta.MaxLevels; level++ {
			at := strings.LastIndexByte(name, '/')
			if at < 0 {
				break
			}
			name = name[:at]
			if total, ok := index[name]; ok {
				c.above[i] = append(c.above[i], above{total, level})
			}
		}
	}
}

// lessByTotals is the value that a clamped change makes, which totals may let go less
// far than its own limits do.
func (c *checker) lessByTotals(o *Op, before, after int64) int64 {
	if c.above == nil || len(c.above[o.Counter]) == 0 {
		return after
	}
	value := after
	if o.told(WithAmount) {
		value = before + c.extra(o).Amount
	} else if o.told(WithValue) && o.Code == cuenta.OK {
		value = o.Value
	}
	if min(before, after) <= value && value <= max(before, after) {
		return value
	}
	return after
}

// charges makes up what totals are charged with, and turns what was refused for their
// limits into looks at them.
func (c *checker) charges() {
	if c.totals == nil {
		return
	}
	c.climb()
	times := c.declarations()
	for id := range c.n + uint32(len(c.made)) {
		e, ok := c.entryOf(id)
		if !ok || len(c.above[c.at(id).Counter]) == 0 {
			continue
		}
		switch o := c.at(id); {
		case o.Op != cuenta.Add && o.Op != cuenta.Settle:
		case o.Code == cuenta.Limited || o.Code == cuenta.Overflow:
			c.refusedAbove(id)
		case e.role == roleChange || e.role == roleMaybe:
			for _, a := range c.above[o.Counter] {
				c.charge(id, e.role, a.counter, times[a.counter].is(c.at(id)))
			}
		}
	}
	c.conserved(times)
}

// charge makes up what an operation adds to a total, if it was one.
func (c *checker) charge(id uint32, r role, total uint32, was certainty) {
	o := c.at(id)
	x := c.extra(o)
	share := Op{
		Start: o.Start, End: o.End, Op: cuenta.Add, N: o.N, Counter: total, Client: o.Client, Batch: o.Batch, Told: Charged,
	}
	if x.Terms.Clamp {
		if share.N = x.Amount; !o.told(WithAmount) && was != no {
			why := fmt.Sprintf("it is not told how far %s was clamped", c.describe(id))
			c.leave(total, why)
			if !o.told(WithValue) {
				c.leave(o.Counter, why)
			}
			return
		}
	}
	switch {
	case was == no || share.N == 0 && o.Op == cuenta.Settle:
		return
	case was == yes && r == roleChange:
		share.Told |= Answered
	}
	c.add(share, c.original(id))
}

// refusedAbove takes an operation that was refused for a limit for what it was: if that
// was a total's, a look at that.
func (c *checker) refusedAbove(id uint32) {
	o := *c.at(id)
	level := c.extra(&o).Level
	if o.told(WithLevel) && level == 0 {
		return // the counter's own
	}
	c.forget(id)
	if !o.told(WithLevel) {
		return
	}
	for _, a := range c.above[o.Counter] {
		if a.level != level {
			continue
		}
		look := Op{
			Start: o.Start, End: o.End, Op: cuenta.Add, N: o.N, Counter: a.counter, Client: o.Client,
			Code: o.Code, Value: o.Value, Told: Answered | o.Told&(WithValue|WithAmount),
		}
		if o.told(WithAmount) {
			c.addExtra(&look, Extra{Amount: c.extra(&o).Amount})
		}
		c.add(look, c.original(id))
		return
	}
	c.violated(c.name(o.Counter), "%o, and there was no such total", []uint32{id})
}

// declared are the times at which a counter was made a total, and at which it may have
// ceased to be one.
type declared struct {
	made, ended []declaration
	mayEnd      bool // nobody knows when
}

type declaration struct {
	start, end int64
	certain    bool
	value      int64
}

func (c *checker) declarations() map[uint32]*declared {
	times := map[uint32]*declared{}
	for i, is := range c.totals {
		if is {
			times[uint32(i)] = &declared{mayEnd: c.mayEnd(uint32(i))}
		}
	}
	for id := range c.n + uint32(len(c.made)) {
		e, ok := c.entryOf(id)
		o := c.at(id)
		if !ok || !c.totals[o.Counter] || e.role != roleChange && e.role != roleMaybe {
			continue
		}
		of, d := times[o.Counter], declaration{o.Start, o.End, e.role == roleChange, o.Value}
		switch {
		case o.Op == cuenta.Limit && c.extra(o).Terms.Total:
			of.made = append(of.made, d)
		case o.Op == cuenta.Limit || c.deletes(o):
			of.ended = append(of.ended, d)
		}
	}
	return times
}

// is tells whether the counter was a total when an operation below it was carried out.
func (d *declared) is(o *Op) certainty {
	during := func(start, end int64) func(declaration) bool {
		return func(x declaration) bool { return x.end >= start && x.start <= end }
	}
	if !d.mayEnd {
		for _, m := range d.made {
			if m.certain && m.end < o.Start && !slices.ContainsFunc(d.ended, during(m.start, o.End)) {
				return yes
			}
		}
	}
	if !slices.ContainsFunc(d.made, func(m declaration) bool { return m.start <= o.End }) {
		return no
	}
	for _, e := range d.ended {
		if e.certain && e.end < o.Start && !slices.ContainsFunc(d.made, during(e.start, o.End)) {
			return no
		}
	}
	return unsure
}
