package history

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// faulty is a server with the naive world, a disk, group commits and crashes,
// into which a fault can be planted. It is driven step by step.
type faulty struct {
	*rand.Rand
	fault   fault
	now     int64
	memory  world // what it works on
	disk    world // what survives
	old     world // what did before
	waiting []*pending
	clients []*client
	state   func(w world, label string)
	last    [worldKeys]request
	terms   bool // counters have limits and ends
}

type fault int

const (
	sane           fault = iota
	skippedSync          // a commit is answered, and was never written
	earlyAnswer          // changes are answered before their commit
	earlyRead            // reads are answered before what they show is committed
	forgetsOnCrash       // identities are not on the disk
	forgetsUnsaid        // the same, and answers do not say whether they are a repeat's
	forgetsNow           // identities are not remembered at all
	wraps                // values wrap at the ends of int64
	lostUpdate           // a change is answered and has no effect
	staleRead            // a read shows what was a while ago
	torn                 // a batch's second half is lost in a crash
	limitPassed          // a change beyond a limit is carried out
	wrongAmount          // a change that is clamped tells the amount asked for
	lapsesTwice          // the deletion at an end takes two revisions
	lapsesEarly          // a counter is deleted before its end
	lapsesNever          // a counter lives on after its end
	termsLost            // limits and ends are not on the disk
	endedRead            // a counter whose time is over is read until it is deleted
)

type client struct {
	log     *Log
	pending *pending
	retry   *request
}

type pending struct {
	c       *client
	request request
	first   int
	reply   reply
	at      int64 // when it was carried out
}

// tick is the clock: it never stands still.
func (f *faulty) tick() int64 {
	f.now++
	return f.now
}

// step lets one thing happen.
func (f *faulty) step() {
	switch k := f.IntN(100); {
	case k < 3:
		f.crash()
	case k < 25:
		f.commit()
	default:
		if c := f.clients[f.IntN(len(f.clients))]; c.pending == nil {
			f.ask(c)
		}
	}
}

func (f *faulty) ask(c *client) {
	r := f.request()
	if f.terms {
		r = f.termsRequest()
	}
	if c.retry != nil {
		r, c.retry = *c.retry, nil
	}
	p := &pending{c: c, request: r}
	c.pending = p
	requests := make([]cuenta.Request, r.n)
	for i := range requests {
		it := r.items[i]
		requests[i] = cuenta.Request{Op: it.op, If: it.cond, N: it.n, Counter: fmt.Appendf(nil, "c%d", it.counter)}
		if it.terms != (Terms{}) || it.op == cuenta.Limit || it.op == cuenta.Describe {
			t := it.terms
			requests[i].Terms = &cuenta.Terms{Floor: t.Floor, Ceiling: t.Ceiling, Clamp: t.Clamp, Expect: t.Expect, Expiry: t.Expiry}
		}
		if r.key > 0 {
			requests[i].Identity.Key = fmt.Appendf(nil, "k%d", r.key)
		}
	}
	if r.n > 1 {
		p.first = c.log.BeginBatch(true, requests)
	} else {
		p.first = c.log.Begin(&requests[0])
	}
	f.carryOut(p)
}

func (f *faulty) carryOut(p *pending) {
	if f.terms {
		f.lapse()
		p.at = f.memory.now
	}
	before := f.memory
	f.memory, p.reply = f.memory.do(p.request)
	it := p.request.items[0]
	if f.terms {
		f.spoilTerms(&p.reply, p.request, &before)
	}
	switch f.fault {
	case forgetsNow:
		f.memory.memory = [worldKeys]remembered{}
	case wraps:
		if p.reply.results[0].code == cuenta.Overflow {
			c := &f.memory.counters[it.counter]
			c.value += it.n
			c.revision++
			p.reply.results[0] = result{value: c.value, revision: c.revision}
		}
	case lostUpdate:
		if f.IntN(10) == 0 && p.request.n == 1 && it.op == cuenta.Add {
			f.memory.counters = before.counters
		}
	case staleRead:
		if it.op == cuenta.Get && p.request.n == 1 && f.IntN(3) == 0 {
			c := f.old.counters[it.counter]
			p.reply.results[0] = result{value: c.value, revision: c.revision}
		}
	}
	early := f.fault == earlyRead && it.op == cuenta.Get || f.fault == earlyAnswer && it.op != cuenta.Get
	if early && p.request.n == 1 {
		f.answer(p)
		return
	}
	f.waiting = append(f.waiting, p)
}

func (f *faulty) request() request {
	r := request{n: 1}
	switch k := f.IntN(10); {
	case k < 6:
		r.items[0] = item{op: cuenta.Add, counter: f.IntN(2), n: 1 + f.Int64N(1000)}
		if f.IntN(10) == 0 {
			r.items[0].n = 1 << 62
		}
	case k < 8:
		r.items[0] = item{op: cuenta.Get, counter: f.IntN(2)}
	default:
		r.n, r.whole = 2, true
		r.items[0] = item{op: cuenta.Add, counter: 0, n: 7}
		r.items[1] = item{op: cuenta.Add, counter: 1, n: -7}
	}
	if r.items[0].op == cuenta.Add && f.IntN(3) == 0 {
		r.key = 1 + f.IntN(worldKeys-1)
		if last := f.last[r.key]; last.n > 0 && f.IntN(2) == 0 {
			return last
		}
		f.last[r.key] = r
	}
	return r
}

func (f *faulty) commit() {
	f.old = f.disk
	if f.fault != skippedSync || f.IntN(4) > 0 {
		f.disk = f.memory
	}
	for _, p := range f.waiting {
		f.answer(p)
	}
	f.waiting = nil
}

func (f *faulty) answer(p *pending) {
	for i := range p.request.n {
		r := p.reply.results[i]
		told := WithValue | WithRevision
		if r.code == cuenta.Conflict || r.code == cuenta.Aborted {
			told = 0
		}
		if p.request.key > 0 && r.code != cuenta.Conflict && f.fault != forgetsUnsaid {
			if told |= First; p.reply.replayed {
				told ^= First | Replayed
			}
		}
		f.tell(p, i, told)
	}
	p.c.pending = nil
}

// crash loses what is not on the disk. Clients ask again if they can.
func (f *faulty) crash() {
	f.memory = f.disk
	switch f.fault {
	case termsLost:
		for i := range f.memory.counters {
			c := &f.memory.counters[i]
			c.floor, c.ceiling, c.ends = cuenta.Bound{}, cuenta.Bound{}, 0
		}
	case forgetsOnCrash, forgetsUnsaid:
		f.memory.memory = [worldKeys]remembered{}
	case torn:
		if len(f.waiting) > 0 && f.waiting[0].request.n > 1 && f.waiting[0].reply.results[0].code == cuenta.OK && !f.waiting[0].reply.replayed {
			next, _ := f.memory.do(request{n: 1, items: f.waiting[0].request.items})
			f.memory.counters[0] = next.counters[0]
		}
	}
	f.disk = f.memory
	for _, p := range f.waiting {
		for i := range p.request.n {
			p.c.log.Lost(p.first + i)
		}
		if p.c.pending = nil; p.request.key > 0 {
			p.c.retry = &p.request
		}
	}
	f.waiting = nil
	f.state(f.disk, "a crash")
}

// recorded runs the server for a while and returns the history.
func recorded(seed uint64, planted fault, terms bool) *History {
	f := &faulty{Rand: rand.New(rand.NewPCG(seed, 1)), fault: planted, terms: terms}
	r := NewRecorder(f.tick)
	if terms {
		r.Clock(f.now+1, f.now+1) // the recorder's clock is the ledger's
	}
	f.state = func(w world, label string) {
		w.now = f.tick()
		var counters []cuenta.Counter
		for i, c := range w.counters {
			if c.alive && !w.over(i) {
				counters = append(counters, cuenta.Counter{Name: fmt.Sprintf("c%d", i), Value: c.value, Revision: c.revision})
			}
		}
		r.State(label, w.now, counters, w.floor)
	}
	for i := range 4 {
		f.clients = append(f.clients, &client{log: r.Client(fmt.Sprintf("client-%d", i))})
	}
	for range 300 {
		f.step()
	}
	f.commit()
	f.state(f.disk, "the end")
	return r.History()
}

// TestPlantedFaults plants each fault into a server and expects the checker to
// report it, in the words given; a sane server gives it nothing to report.
func TestPlantedFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault fault
		want  []string // each of them, in some history
	}{
		{"none", sane, nil},
		{"skipped sync", skippedSync, []string{"what was revealed was lost", "was given twice"}},
		{"answer before sync", earlyAnswer, []string{"what was revealed was lost", "was given twice"}},
		{"read before sync", earlyRead, []string{"what was revealed was lost", "does not agree with"}},
		{"identity forgotten in a crash", forgetsOnCrash, []string{"an identity was carried out twice"}},
		{"doubled identity, two answers", forgetsUnsaid, []string{"one identity got two answers", "one identity was accepted for two operations"}},
		{"identity forgotten", forgetsNow, []string{"an identity was carried out twice"}},
		{"wrap", wraps, []string{"it wrapped"}},
		{"lost update", lostUpdate, []string{"was given twice"}},
		{"stale read", staleRead, []string{"a stale read"}},
		{"torn batch", torn, []string{"each have taken effect at one moment"}},
		{"limit passed", limitPassed, []string{"does not follow from"}},
		{"wrong amount of a clamp", wrongAmount, []string{"does not follow from"}},
		{"end that comes twice", lapsesTwice, []string{"nothing was deleted at that revision"}},
		{"end that comes early", lapsesEarly, []string{"leads from value"}},
		{"end that does not come", lapsesNever, []string{"met with a counter whose time was over"}},
		{"terms lost in a crash", termsLost, []string{"does not agree with", "does not follow from"}},
		{"read of an ended counter", endedRead, []string{"met with a counter whose time was over"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			said := map[string]bool{}
			for seed := range uint64(80) {
				terms := c.fault >= limitPassed || c.fault == sane && seed%2 == 0
				report, err := Check(recorded(seed, c.fault, terms))
				if err != nil {
					t.Fatal(err)
				}
				if c.fault == sane {
					if report.Err() != nil || len(report.Undecided) > 0 {
						t.Fatalf("seed %d: %s", seed, report)
					}
					continue
				}
				for _, want := range c.want {
					if strings.Contains(report.String(), want) {
						said[want] = true
					}
				}
			}
			for _, want := range c.want {
				if !said[want] {
					t.Errorf("it was never said that %q", want)
				}
			}
		})
	}
}
