package history

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// An ident is an identity: all that ask for it are answered with the same numbers, and
// one of them has changed the counter. That the numbers have no gaps, and none is given
// twice, follows from the counter's chain. Where an ident's numbers may have been
// forgotten, because the counter of its series or the one that keeps them was changed
// in between, each that was answered as new stands for itself.

// ticketOf is whom numbers of a counter are for.
type ticketOf struct{ counter, ident uint32 }

type tickets struct {
	asked   map[ticketOf][]uint32 // ids
	keepers []bool                // by counter: it keeps the numbers of an ident
	forgets map[ticketOf][]declaration
}

// noteTicket gathers what was asked for.
func (c *checker) noteTicket(id uint32, o *Op) {
	if o.Op != cuenta.Ticket {
		return
	}
	if c.tickets == nil {
		c.tickets = &tickets{asked: map[ticketOf][]uint32{}, keepers: make([]bool, len(c.h.Counters)), forgets: map[ticketOf][]declaration{}}
	}
	of := ticketOf{o.Counter, c.extra(o).Terms.Ident}
	c.tickets.asked[of] = append(c.tickets.asked[of], id)
}

func (c *checker) keepsTicket(counter uint32) bool {
	return c.tickets != nil && c.tickets.keepers[counter]
}

// giveTickets checks every ident by itself, and puts one operation in the place of all
// that was asked for it.
func (c *checker) giveTickets() {
	if c.tickets == nil {
		return
	}
	c.keptTickets()
	all := make([]ticketOf, 0, len(c.tickets.asked))
	for of := range c.tickets.asked {
		all = append(all, of)
	}
	slices.SortFunc(all, func(a, b ticketOf) int {
		return cmp.Or(cmp.Compare(a.counter, b.counter), cmp.Compare(a.ident, b.ident))
	})
	for _, of := range all {
		g := ticketGroup{c: c}
		start, end := int64(Never), int64(0)
		for _, id := range c.tickets.asked[of] {
			o := c.at(id)
			start, end = min(start, o.Start), max(end, o.End)
			g.sort(id)
		}
		forgotten := func(from, to int64) bool {
			return slices.ContainsFunc(c.tickets.forgets[of], func(d declaration) bool { return d.end >= from && d.start <= to })
		}
		if forgotten(start, end) {
			g.givenAnew(forgotten)
		} else if g.agree() && g.merged {
			g.merge()
		}
	}
}

// keptTickets finds the counters that keep numbers. What was found in them tells of the
// ident, and so does that nothing was.
func (c *checker) keptTickets() {
	keeps, series := c.keepersOf()
	for id := range c.n + uint32(len(c.made)) {
		e, ok := c.entryOf(id)
		if !ok {
			continue
		}
		o := c.at(id)
		of, keeper := keeps[o.Counter]
		switch changes := e.role == roleChange || e.role == roleMaybe; {
		case keeper && changes:
			c.tickets.forgets[of] = append(c.tickets.forgets[of], declaration{start: o.Start, end: o.End})
		case keeper && o.Op == cuenta.Get && o.told(WithRevision):
			c.tickets.asked[of] = append(c.tickets.asked[of], id)
		case changes:
			for _, of := range series[o.Counter] {
				c.tickets.forgets[of] = append(c.tickets.forgets[of], declaration{start: o.Start, end: o.End})
			}
		}
	}
}

// keepersOf finds, by their names, the counters that keep numbers, and those of series.
func (c *checker) keepersOf() (keeps map[uint32]ticketOf, series map[uint32][]ticketOf) {
	keeps, series = map[uint32]ticketOf{}, map[uint32][]ticketOf{}
	type named struct{ name, ident string }
	idents, of := map[named]ticketOf{}, map[string][]ticketOf{}
	for t := range c.tickets.asked {
		name := c.name(t.counter)
		idents[named{name, c.h.Idents[t.ident-1]}] = t
		of[name] = append(of[name], t)
	}
	for i, name := range c.h.Counters {
		for at := range len(name) {
			if name[at] != '/' || of[name[:at]] == nil {
				continue
			}
			if name[at+1:] == "#" {
				series[uint32(i)] = of[name[:at]]
				continue
			}
			number, ident, _ := strings.Cut(name[at+1:], "/")
			if t, ok := idents[named{name[:at], ident}]; ok && strings.Trim(number, "-0123456789") == "" {
				keeps[uint32(i)], c.tickets.keepers[i] = t, true
			}
		}
	}
	return keeps, series
}

// ticketGroup is all that was asked for one ident.
type ticketGroup struct {
	c *checker

	given  []uint32 // it was answered with its numbers, or they were found
	anew   []uint32 // those answered as if it had none
	open   []uint32 // of unknown fate
	absent []uint32 // it had none

	merged bool // one operation may stand for all
}

func (g *ticketGroup) sort(id uint32) {
	o := g.c.at(id)
	if len(g.given)+len(g.open)+len(g.absent) == 0 {
		g.merged = true
	}
	switch {
	case o.Op == cuenta.Get && o.Revision == 0:
		g.absent = append(g.absent, id)
		return
	case o.Op == cuenta.Get:
		g.given = append(g.given, id)
		return
	case !o.told(Answered) || o.Code == cuenta.Unknown:
		g.open = append(g.open, id)
	case o.Code == cuenta.OK:
		if g.given = append(g.given, id); !o.isRepeat() && o.told(WithRevision|First) {
			g.anew = append(g.anew, id)
		}
	case o.Code == cuenta.Limited || o.Code == cuenta.Overflow:
		g.absent = append(g.absent, id)
	}
	g.merged = g.merged && o.Batch == 0
}

// givenAnew checks numbers that may have been forgotten in between.
func (g *ticketGroup) givenAnew(forgotten func(from, to int64) bool) {
	slices.SortFunc(g.anew, func(a, b uint32) int { return cmp.Compare(g.c.at(a).Start, g.c.at(b).Start) })
	for i := 1; i < len(g.anew); i++ {
		if a, b := g.anew[i-1], g.anew[i]; !forgotten(g.c.at(a).Start, max(g.c.at(a).End, g.c.at(b).End)) {
			g.violated("an ident got numbers twice: %o and %o", a, b)
			return
		}
	}
}

func (g *ticketGroup) violated(format string, ids ...uint32) bool {
	g.c.violated("", format, ids)
	return false
}

// agree checks that the ident got its numbers once, and all were told the same.
func (g *ticketGroup) agree() bool {
	if len(g.anew) > 1 {
		return g.violated("an ident got numbers twice: %o and %o", g.anew[0], g.anew[1])
	}
	for i, id := range g.given {
		o := g.c.at(id)
		for _, other := range g.given[:i] {
			p := g.c.at(other)
			both := o.Told & p.Told
			if both&WithValue != 0 && o.Value != p.Value || both&WithAmount != 0 && g.c.extra(o).Amount != g.c.extra(p).Amount {
				return g.violated("an ident got two numbers: %o and %o", other, id)
			}
		}
		if first := g.first(); (o.Op == cuenta.Get || o.isRepeat()) && first > o.End {
			return g.violated("%o, but nobody had asked for it before", id)
		}
		if len(g.anew) > 0 && o.End < g.c.at(g.anew[0]).Start {
			return g.violated("%o, and later %o as if it had none", id, g.anew[0])
		}
		for _, none := range g.absent {
			if o.End < g.c.at(none).Start {
				return g.violated("an ident's numbers were forgotten: %o, and later %o", id, none)
			}
		}
	}
	return true
}

// first is when the first asked that may have got the numbers.
func (g *ticketGroup) first() int64 {
	first := int64(Never)
	for _, list := range [][]uint32{g.given, g.open} {
		for _, id := range list {
			if o := g.c.at(id); o.Op == cuenta.Ticket && !o.isRepeat() {
				first = min(first, o.Start)
			}
		}
	}
	return first
}

// merge makes one operation of all that were asked, and leaves those out.
func (g *ticketGroup) merge() {
	model, known := g.model()
	if !known {
		if len(g.given) > 0 && g.c.at(g.given[0]).Op == cuenta.Ticket {
			g.c.leave(g.c.at(g.given[0]).Counter, "how many numbers an ident got")
		}
		return
	}
	made := *g.c.at(model)
	x := *g.c.extra(&made)
	start, end := g.first(), int64(-1)
	for _, id := range g.open {
		end = max(end, g.c.at(id).End)
		g.c.forget(id)
	}
	if len(g.given) > 0 {
		end = Never
	}
	for _, id := range g.given {
		o := g.c.at(id)
		end = min(end, o.End)
		made.Code, made.Told = cuenta.OK, made.Told|Answered&^Replayed
		if o.told(WithValue) {
			made.Value, made.Told = o.Value, made.Told|WithValue
		}
		if o.Op == cuenta.Ticket {
			g.c.forget(id)
		}
	}
	for _, id := range g.absent {
		start = max(start, g.c.at(id).Start)
	}
	if len(g.anew) > 0 {
		start = g.c.at(model).Start
	}
	made.Start, made.End = start, max(start, end)
	g.c.addExtra(&made, x)
	g.c.add(made, g.c.original(model))
}

// model is the attempt that got the numbers, or one like it.
func (g *ticketGroup) model() (id uint32, known bool) {
	if len(g.anew) > 0 {
		return g.anew[0], true
	}
	var amount int64
	for _, id := range g.given {
		if o := g.c.at(id); o.told(WithAmount) {
			amount = g.c.extra(o).Amount
		}
	}
	for _, list := range [][]uint32{g.given, g.open} {
		for _, i := range list {
			switch o := g.c.at(i); {
			case o.Op != cuenta.Ticket || o.isRepeat() || amount != 0 && o.N != amount:
			case known && g.c.at(id).N != o.N:
				return 0, false
			default:
				id, known = i, true
			}
		}
	}
	return id, known
}
