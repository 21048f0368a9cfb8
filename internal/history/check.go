package history

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cuenta-server/cuenta"
)

// checker is one run of Check. It knows an operation by its id: an index in the
// history or, from n on, in made.
type checker struct {
	h      *History
	n      uint32
	found  findings
	extras []Extra // of operations made up, numbered behind the history's

	// made are the operations made up: identities with all their attempts, the
	// counters of states as reads, and deletions at their ends. origin is the id that each stands for; of
	// states it is n plus their index.
	made   []Op
	origin []uint32
	skip   []uint64 // a bit for each operation of the history that one made up stands for

	deletable      []bool            // by counter: something may have deleted it
	deletions      []uint64          // revisions of deletions, sorted, each once
	looseFloor     bool              // there may have been deletions at revisions unknown
	looseDeletions []looseDeletion   // the first ones of two counters, those at their ends included
	ending         []bool            // by counter: it may have had an end; nil if none has
	unclear        []bool            // by counter: nothing is decided of it; nil if there is none such
	holding        []bool            // by counter: it may have had holds; nil if none has
	kept           map[holdOf]bool   // those that certainly did not end by time
	totals         []bool            // by counter: it may have been a declared total; nil if none was
	above          [][]above         // by counter: those above it; as totals
	rated          []bool            // by counter: rates were taken from it
	tickets        *tickets          // nil if there are none
	partial        atomic.Bool       // of some counter there is no order
	grants         map[uint64]uint32 // who was granted a session, by its id
	joined         bool              // batches, states or deletions tie counters together
	touches        []touch
}

// Check decides whether the history is possible. The history stays as it is. An
// error says that it is no history: that it cannot be judged.
func Check(h *History) (*Report, error) {
	c := &checker{h: h, n: uint32(h.Len()), grants: map[uint64]uint32{}}
	if err := c.survey(); err != nil {
		return nil, err
	}
	c.batches()
	c.identities()
	c.states()
	c.giveTickets()
	c.ends()
	c.charges()
	c.eachCounter()
	if c.joined {
		c.serialize()
	}
	return c.found.report(), nil
}

func (c *checker) at(id uint32) *Op {
	if id < c.n {
		return c.h.At(int(id))
	}
	return &c.made[id-c.n]
}

func (c *checker) original(id uint32) uint32 {
	if id < c.n {
		return id
	}
	return c.origin[id-c.n]
}

func (c *checker) isState(id uint32) bool { return c.original(id) >= c.n }

func (c *checker) leaveOut(id uint32) { c.skip[id>>6] |= 1 << (id & 63) }

func (c *checker) leftOut(id uint32) bool { return c.skip[id>>6]&(1<<(id&63)) != 0 }

// add makes up an operation that stands for the one with id origin.
func (c *checker) add(o Op, origin uint32) {
	c.made = append(c.made, o)
	c.origin = append(c.origin, origin)
}

// maxOperations keeps ids within 31 bits, made-up ones included.
const maxOperations = 1 << 30

// survey looks at each operation by itself, and learns what there is.
func (c *checker) survey() error {
	if c.h.Len() > maxOperations {
		return fmt.Errorf("history: %d operations, at most %d", c.h.Len(), maxOperations)
	}
	if !slices.IsSortedFunc(c.h.Clocks, func(a, b Clock) int { return cmp.Compare(a.From, b.From) }) {
		return errors.New("history: its clocks are not in order")
	}
	c.skip = make([]uint64, c.n/64+1)
	c.deletable, c.rated = make([]bool, len(c.h.Counters)), make([]bool, len(c.h.Counters))
	var last uint32
	batches := map[uint32]bool{}
	for id := range c.n {
		o := c.at(id)
		if o.Op == 0 {
			continue
		}
		if err := c.sound(o); err != nil {
			return fmt.Errorf("history: operation %d: %w", id, err)
		}
		if o.Batch != 0 && o.Batch != last {
			if batches[o.Batch] {
				return fmt.Errorf("history: operation %d: those of batch %d do not stand together", id, o.Batch)
			}
			batches[o.Batch] = true
			c.joined = true
		}
		last = o.Batch
		c.found.Operations++
		c.noteDeletion(o)
		c.noteEnd(o)
		c.noteHold(o)
		c.noteTotal(o)
		c.noteTake(o)
		c.noteTicket(id, o)
		c.grant(id, o)
		c.alone(id, o)
	}
	slices.Sort(c.deletions)
	c.deletions = slices.Compact(c.deletions)
	for _, s := range c.h.States {
		for _, count := range s.Counters {
			if int(count.Counter) >= len(c.h.Counters) {
				return fmt.Errorf("history: state %s: there is no counter %d", s.Label, count.Counter)
			}
		}
	}
	return nil
}

func (c *checker) noteDeletion(o *Op) {
	if !c.deletes(o) {
		return
	}
	switch r := roleOf(o); {
	case r == roleChange && o.told(WithRevision):
		c.deletions = append(c.deletions, o.Revision)
	case r == roleMaybe || r == roleChange:
		c.noteLoose(o.Counter, o.Start)
	default:
		return
	}
	c.deletable[o.Counter] = true
	c.joined = true
}

// sound reports what makes an operation unfit to be judged at all.
func (c *checker) sound(o *Op) error {
	switch {
	case int(o.Client) >= len(c.h.Clients):
		return fmt.Errorf("there is no client %d", o.Client)
	case int(o.Counter) >= len(c.h.Counters):
		return fmt.Errorf("there is no counter %d", o.Counter)
	case o.Session == ByKey && o.Number >= uint64(len(c.h.Keys)):
		return fmt.Errorf("there is no key %d", o.Number)
	case o.Session >= firstSession && o.Session-firstSession >= uint32(len(c.h.Sessions)):
		return fmt.Errorf("there is no session %d", o.Session)
	case o.End < o.Start:
		return fmt.Errorf("it ended before it started")
	case o.Op > cuenta.Extend || o.Op == cuenta.All || o.Code >= cuenta.NumCodes || o.If > cuenta.IfRevision:
		return fmt.Errorf("operation %d, code %d, condition %d: there is none such", o.Op, o.Code, o.If)
	case int(o.Extra) > len(c.h.Extras):
		return fmt.Errorf("there are no terms %d", o.Extra)
	case o.told(Charged | ByTime):
		return errors.New("somebody has asked for it")
	case o.Op == cuenta.Ticket && o.Session != NoIdentity:
		return errors.New("a ticket with an identity besides is not judged")
	case o.told(WithAmount|WithTerms) && o.Extra == 0:
		return errors.New("it was told an amount or terms, and has none")
	case !c.h.refers(c.extra(o)):
		return errors.New("there is no such rate, ident, or told of holds")
	case o.Op == cuenta.Take && c.extra(o).Terms.Rate == 0, o.Op == cuenta.Ticket && c.extra(o).Terms.Ident == 0:
		return errors.New("it takes from no rate, or is a ticket for nobody")
	case !c.extra(o).Terms.valid():
		return fmt.Errorf("its terms cannot be meant")
	case o.told(WithRevision) && !o.told(WithValue) && o.Op != cuenta.OpenSession:
		return fmt.Errorf("an answer with a revision has a value too")
	case o.told(WithValue|WithRevision) && !o.told(Answered):
		return fmt.Errorf("it has a value and no answer")
	}
	return nil
}

// states turns what states say into reads.
func (c *checker) states() {
	for i := range c.h.States {
		s := &c.h.States[i]
		origin := c.n + uint32(i)
		read := Op{
			Start: s.Start, End: s.End, Op: cuenta.Get, Told: Answered | WithValue | WithRevision,
		}
		listed := map[uint32]bool{}
		for _, count := range s.Counters {
			listed[count.Counter] = true
			read.Counter, read.Value, read.Revision = count.Counter, count.Value, count.Revision
			c.add(read, origin)
		}
		if !s.Partial {
			read.Value, read.Revision = 0, 0
			for counter := range uint32(len(c.h.Counters)) {
				if !listed[counter] {
					read.Counter = counter
					c.add(read, origin)
				}
			}
		}
		c.joined = true
		c.floorOf(s, origin)
	}
}

// floorOf checks that a state's floor is the revision of some deletion; when it
// was, is for serialize to see.
func (c *checker) floorOf(s *State, origin uint32) {
	if !s.WithFloor {
		return
	}
	if s.Floor != 0 && !c.looseFloor && c.ending == nil && !c.deletedAt(s.Floor) {
		c.found.add(s.End, Violation{Text: fmt.Sprintf(
			"%s: the floor of the revisions is %d, and nothing was deleted at that revision", s.Label, s.Floor)})
		return
	}
	c.touches = append(c.touches, touch{
		node: c.n + uint32(len(c.made)), counter: noCounter, start: s.Start, end: s.End, floor: s.Floor, floored: true,
	})
	c.add(Op{Start: s.Start, End: s.End}, origin)
}

func (c *checker) deletedAt(revision uint64) bool {
	_, found := slices.BinarySearch(c.deletions, revision)
	return found
}

// eachCounter checks every counter by itself, several at a time.
func (c *checker) eachCounter() {
	entries, bounds := c.lists()
	var next atomic.Int64
	var workers sync.WaitGroup
	var touches sync.Mutex
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(c.h.Counters) {
					return
				}
				found := c.counter(uint32(i), entries[bounds[i]:bounds[i+1]])
				if len(found) > 0 {
					touches.Lock()
					c.touches = append(c.touches, found...)
					touches.Unlock()
				}
			}
		})
	}
	workers.Wait()
}
