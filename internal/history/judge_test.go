package history

import (
	"fmt"
	"math/rand/v2"
	"os"
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
	Step: func(state, input, output any) []any {
		w, e := state.(world), output.(event)
		next, answer := w.do(input.(request))
		if !e.answered {
			return []any{w, next} // it may never have arrived
		}
		if !e.agrees(answer) {
			return nil
		}
		return []any{next}
	},
}).ToModel()

// agrees reports whether what was told of an answer is true of this one.
func (e *event) agrees(answer reply) bool {
	if e.request.state {
		return e.reply.counters == answer.counters && e.reply.floor == answer.floor
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
	r := e.reply.results[i]
	told := e.told
	switch {
	case r.code != cuenta.OK && r.code != cuenta.Overflow && r.code != cuenta.Unmet:
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
	for _, e := range events {
		operations = append(operations, porcupine.Operation{
			ClientId: e.client, Input: e.request, Call: e.start, Output: e, Return: e.end,
		})
	}
	return porcupine.CheckOperationsTimeout(porcupineModel, operations, time.Second)
}

// told writes the events down as a history.
func toldOf(events []event) *History {
	h := &History{Keys: []string{"none", "k1", "k2", "k3"}}
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
	"everything":  {clients: 3, each: 5, counters: 3, batches: 3, keyed: 4, bare: 2, lost: 2, deltas: 3, deletes: true, states: true},
}

// TestAgreesWithPorcupine lets both judge small histories, a quarter of them
// possible and the others spoilt in one to three places. They must agree, but
// where the package comment says that something may be missed. ROUNDS in the
// environment is how many of each kind.
func TestAgreesWithPorcupine(t *testing.T) {
	rounds := 250
	if testing.Short() {
		rounds = 40
	}
	if n, err := strconv.Atoi(os.Getenv("ROUNDS")); err == nil {
		rounds = n
	}
	for name, p := range recipes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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
			if it.op == cuenta.Delete && (!e.answered || e.itemTold(i)&WithRevision == 0) {
				return true // its revision makes a floor
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
