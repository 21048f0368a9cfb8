package history

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/cuenta-server/cuenta"
)

// event is one request of a small history, before it is told to either judge.
type event struct {
	client     int
	start, end int64 // end is Never if there is no bound
	request    request
	reply      reply
	answered   bool
	told       Told // of its answers
}

// porcupineModel judges with the naive world.
var porcupineModel = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{world{}} },
	Step: func(state, input, output any) (next []any) {
		e := output.(event)
		for _, w := range withLapses(state.(world)) {
			after, answer := w.do(input.(request))
			switch {
			case !e.answered:
				next = append(next, w, after) // it may never have arrived
			case e.agrees(answer):
				next = append(next, after)
			}
		}
		return next
	},
}).ToModel()

// withLapses are what a world may have come to by itself: each counter whose time is
// over may have been deleted.
func withLapses(w world) []world {
	all := []world{w}
	for i := range w.counters {
		if w.over(i) {
			for _, other := range all {
				other.drop(i)
				all = append(all, other)
			}
		}
	}
	return all
}

// agrees reports whether what was told of an answer is true of this one.
func (e *event) agrees(answer reply) bool {
	switch {
	case e.request.tick != 0:
		return true
	case e.request.state:
		return bare(e.reply.counters) == bare(answer.counters) && e.reply.floor == answer.floor
	}
	if e.told&First != 0 && answer.replayed || e.told&Replayed != 0 && !answer.replayed {
		return false
	}
	for i := range e.request.n {
		a, b := e.reply.results[i], answer.results[i]
		if a.code != b.code {
			return false
		}
		told := e.itemTold(i)
		if told&WithAmount != 0 && a.amount != b.amount || told&WithTerms != 0 && a.terms != b.terms {
			return false
		}
		if told&WithValue != 0 && a.value != b.value || told&WithRevision != 0 && a.revision != b.revision {
			return false
		}
		// A bare answer to a deletion says that there was something to delete.
		if bare := told&WithRevision == 0; bare && e.request.items[i].op == cuenta.Delete && b.code == cuenta.OK && b.revision == 0 {
			return false
		}
	}
	return true
}

// itemTold is what is told of one result.
func (e *event) itemTold(i int) Told {
	told := e.partTold(i)
	it, r := e.request.items[i], e.reply.results[i]
	if told&WithRevision == 0 {
		return told
	}
	if it.op == cuenta.Describe && r.code == cuenta.OK {
		told |= WithTerms
	}
	if r.code == cuenta.Limited || r.code == cuenta.OK && it.terms.Clamp && changing(it.op) {
		told |= WithAmount
	}
	return told
}

func (e *event) partTold(i int) Told {
	r := e.reply.results[i]
	told := e.told
	switch {
	case r.code != cuenta.OK && r.code != cuenta.Overflow && r.code != cuenta.Unmet && r.code != cuenta.Limited:
		told &^= WithValue | WithRevision
	case e.request.items[i].op == cuenta.Outcome:
		told &^= First | Replayed
	case e.request.check && i > 0 && e.reply.results[0].code == cuenta.Unmet:
		told &^= WithValue | WithRevision // refused unseen
	case e.request.items[i].op == cuenta.Delete && r.code == cuenta.OK && r.revision == 0:
		told |= WithValue | WithRevision
	case e.request.items[i].op == cuenta.Delete && told&WithRevision == 0:
		told &^= WithValue
	}
	return told
}

func byPorcupine(events []event) porcupine.CheckResult {
	var operations []porcupine.Operation
	ticks := map[int64]bool{}
	for _, e := range events {
		call, end := 2*e.start, e.end
		if end != Never {
			end *= 2
		}
		operations = append(operations, porcupine.Operation{ClientId: e.client, Input: e.request, Call: call, Output: e, Return: end})
		for _, it := range e.request.items[:e.request.n] {
			ticks[it.terms.Expiry.Time] = true
		}
	}
	for _, at := range slices.Sorted(maps.Keys(ticks)) {
		if at != 0 { // just before whatever starts at that time
			tick := event{client: 6, request: request{tick: at}, answered: true}
			operations = append(operations, porcupine.Operation{ClientId: 6, Input: tick.request, Call: 2*at - 1, Output: tick, Return: 2*at - 1})
		}
	}
	return porcupine.CheckOperationsTimeout(porcupineModel, operations, time.Second)
}

// bare are counters without their terms.
func bare(counters [worldCounters]cell) (all [worldCounters]cell) {
	for i, c := range counters {
		all[i] = cell{value: c.value, revision: c.revision, alive: c.alive}
	}
	return all
}

// told writes the events down as a history.
func toldOf(events []event) *History {
	h := &History{Keys: []string{"none", "k1", "k2", "k3"}, Clocks: []Clock{{From: -1 << 40}}}
	for i := range worldCounters {
		h.Counters = append(h.Counters, fmt.Sprintf("c%d", i))
	}
	for i := range 8 {
		h.Clients = append(h.Clients, fmt.Sprintf("client-%d", i))
	}
	batch := uint32(0)
	for _, e := range events {
		if e.request.state && !e.answered {
			continue
		}
		if e.request.state {
			s := State{Label: "the end", Start: e.start, End: e.end, Floor: e.reply.floor, WithFloor: true}
			for i, c := range e.reply.counters {
				if c.alive {
					s.Counters = append(s.Counters, Count{uint32(i), c.value, c.revision})
				}
			}
			h.States = append(h.States, s)
			continue
		}
		o := Op{Start: e.start, End: e.end, Client: uint32(e.client)}
		if e.request.n > 1 {
			batch++
			o.Batch = batch
		}
		if e.request.whole {
			o.Told |= Whole
		}
		if e.request.key > 0 {
			o.Session, o.Number = ByKey, uint64(e.request.key)
		}
		for i := range e.request.n {
			it := e.request.items[i]
			x := o
			x.Op, x.If, x.N, x.Counter = it.op, it.cond, it.n, uint32(it.counter)
			if e.answered {
				r := e.reply.results[i]
				x.Told |= Answered | e.itemTold(i)
				x.Code, x.Value, x.Revision = r.code, r.value, r.revision
			}
			if extra := (Extra{Terms: it.terms, Amount: e.reply.results[i].amount}); extra != (Extra{}) || x.told(WithTerms|WithAmount) {
				if x.told(WithTerms) {
					extra.Terms = e.reply.results[i].terms
				}
				h.Extras = append(h.Extras, extra)
				x.Extra = uint32(len(h.Extras))
			}
			h.Append(x)
		}
	}
	return h
}

var recipes = map[string]recipe{
	"exact":       {clients: 3, each: 6, counters: 2, deltas: 3},
	"one counter": {clients: 4, each: 6, counters: 1, deltas: 2},
	"lost":        {clients: 3, each: 6, counters: 1, lost: 3, deltas: 5},
	"lost bound":  {clients: 3, each: 6, counters: 1, lost: 3, deltas: 5, bounded: true},
	"values":      {clients: 3, each: 6, counters: 1, bare: 10, deltas: 3},
	"mixed":       {clients: 3, each: 6, counters: 2, bare: 4, lost: 2, deltas: 3, deletes: true},
	"deletes":     {clients: 3, each: 6, counters: 3, deltas: 3, deletes: true},
	"identities":  {clients: 3, each: 6, counters: 2, keyed: 7, deltas: 3},
	"keys lost":   {clients: 3, each: 4, counters: 2, keyed: 7, lost: 4, bare: 2, deltas: 3, deletes: true},
	"batches":     {clients: 3, each: 5, counters: 3, batches: 5, deltas: 3},
	"states":      {clients: 3, each: 5, counters: 2, lost: 3, deltas: 3, states: true},
	"state batch": {clients: 3, each: 5, counters: 3, lost: 2, deltas: 3, batches: 5, states: true},
	"state del":   {clients: 3, each: 5, counters: 3, deltas: 3, deletes: true, states: true},
	"limits":      {clients: 3, each: 6, counters: 2, deltas: 3, limits: true},
	"limits bare": {clients: 3, each: 6, counters: 1, bare: 6, lost: 2, deltas: 3, limits: true, deletes: true},
	"limits keys": {clients: 3, each: 5, counters: 2, keyed: 5, batches: 3, lost: 2, deltas: 3, limits: true},
	"ends":        {clients: 3, each: 6, counters: 1, deltas: 3, ends: true},
	"ends bare":   {clients: 3, each: 6, counters: 1, bare: 6, deltas: 3, ends: true},
	"ends lost":   {clients: 3, each: 6, counters: 1, bare: 2, lost: 3, deltas: 3, ends: true, bounded: true},
	"ends floors": {clients: 3, each: 6, counters: 3, deltas: 3, ends: true, deletes: true, states: true},
	"ends batch":  {clients: 3, each: 5, counters: 3, batches: 5, keyed: 3, deltas: 3, ends: true, limits: true},
	"all terms":   {clients: 3, each: 5, counters: 3, batches: 3, keyed: 4, bare: 2, lost: 2, deltas: 3, ends: true, limits: true, deletes: true, states: true},
	"everything":  {clients: 3, each: 5, counters: 3, batches: 3, keyed: 4, bare: 2, lost: 2, deltas: 3, deletes: true, states: true},
}

// TestAgreesWithPorcupine lets both judge small histories, a quarter of them
// possible and the others spoilt in one to three places. They must agree, but
// where the package comment says that something may be missed. ROUNDS in the
// environment is how many of each kind.
func TestAgreesWithPorcupine(t *testing.T) {
	rounds := 160
	if testing.Short() {
		rounds = 40
	}
	if n, err := strconv.Atoi(os.Getenv("ROUNDS")); err == nil {
		rounds = n
	}
	for name, p := range recipes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rounds := rounds
			if p.ends {
				rounds /= 3 // time itself is one more client to porcupine
			}
			tally := map[string]int{}
			for seed := range rounds {
				g := &generator{Rand: rand.New(rand.NewPCG(uint64(seed), 7)), recipe: p}
				events := g.events()
				if kind := seed % 4; kind > 0 {
					for range kind {
						g.spoil(events)
					}
				}
				report, err := Check(toldOf(events))
				if err != nil {
					tally["unfit"]++
					continue
				}
				judged := byPorcupine(events)
				ours := porcupine.Ok
				if len(report.Violations) > 0 {
					ours = porcupine.Illegal
				}
				tally[fmt.Sprintf("%s/%s/%d", judged, ours, min(1, len(report.Undecided)))]++
				if judged == porcupine.Unknown || judged == ours {
					continue
				}
				if ours == porcupine.Ok && (len(report.Undecided) > 0 || mayMiss(events)) {
					tally["missed"]++
					continue
				}
				t.Errorf("seed %d: porcupine says %s\n%v\n%s", seed, judged, report, script(events))
				return
			}
			t.Log(tally)
			if tally["Ok/Ok/0"] < rounds/8 || tally["Illegal/Illegal/0"] < rounds/8 {
				t.Errorf("the two agreed on too few histories to mean anything: %v", tally)
			}
		})
	}
}

// mayMiss reports whether the history has what the checker is known not to look
// at: see "What may be missed" in the package comment.
func mayMiss(events []event) bool {
	open := map[int]request{}
	batches := map[int]bool{}
	for _, e := range events {
		batches[e.request.key] = batches[e.request.key] || e.request.key > 0 && e.request.n > 1
	}
	for _, e := range events {
		if e.request.items[0].op == cuenta.Outcome && batches[e.request.key] {
			return true // it tells of the batch as a whole
		}
		if !e.answered && e.request.n > 1 && !e.request.whole {
			return true // parts of it may have been refused
		}
		for i := range e.request.n {
			it := e.request.items[i]
			if !e.answered && it.terms.Expiry.Kind == cuenta.ExpireAt {
				return true // so may the deletion at the end that it may have given
			}
			deletes := it.op == cuenta.Delete || it.op == cuenta.Expire && it.terms.Expiry.Lapse
			if deletes && (!e.answered || e.itemTold(i)&WithRevision == 0) {
				return true // its revision makes a floor
			}
			if e.request.whole && i > 0 && e.answered && forItsSake(e.reply.results[i].code) && slices.ContainsFunc(e.request.items[:i], refusable) {
				return true // those before it would have had to pass
			}
			if it.terms.Expiry.If != cuenta.ExpiryAlways && it.op != cuenta.Expire {
				return true // whether it gave an end, no answer tells
			}
			for k := range i {
				code := e.reply.results[i].code
				if e.request.whole && e.request.items[k].counter == it.counter && code != cuenta.OK && code != cuenta.Aborted {
					return true // it saw what was taken back
				}
			}
		}
		if e.request.key > 0 && !e.answered && e.request.items[0].op != cuenta.Outcome {
			if other, ok := open[e.request.key]; ok && other != e.request {
				return true // one of the two, at most, was carried out
			}
			open[e.request.key] = e.request
		}
	}
	return false
}

// refusable reports whether an item can be refused for its own sake.
func refusable(it item) bool {
	return it.cond != cuenta.Always || it.op == cuenta.Expire || it.op == cuenta.Limit || it.terms != Terms{} || max(it.n, -it.n) > 1000
}

func script(events []event) string {
	h := toldOf(events)
	c := &checker{h: h, n: uint32(h.Len())}
	var s string
	for i := range h.Len() {
		if h.At(i).Op != 0 {
			s += fmt.Sprintf("%s told %b\n", c.describe(uint32(i)), h.At(i).Told)
		}
	}
	for _, state := range h.States {
		s += fmt.Sprintf("%+v\n", state)
	}
	return s
}
