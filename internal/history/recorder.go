package history

import (
	"slices"
	"sync"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Recorder gathers what many clients do, each in a log of its own.
type Recorder struct {
	now func() int64

	mu       sync.Mutex
	logs     []*Log
	clients  []string
	counters table[string]
	keys     table[string]
	sessions table[uint64]
	batches  uint32
	states   []State
	clocks   []Clock
	rates    table[cuenta.Rate]
	idents   table[string]
	held     []Held
}

// table numbers what it has seen.
type table[K comparable] struct {
	index map[K]uint32
	all   []K
}

func (t *table[K]) of(k K) uint32 {
	i, ok := t.index[k]
	if !ok {
		if t.index == nil {
			t.index = make(map[K]uint32)
		}
		i = uint32(len(t.all))
		t.index[k] = i
		t.all = append(t.all, k)
	}
	return i
}

// NewRecorder returns an empty recorder. now is the clock, in nanoseconds; nil
// is the time since the call, by the monotonic clock.
func NewRecorder(now func() int64) *Recorder {
	if now == nil {
		begin := time.Now()
		now = func() int64 { return int64(time.Since(begin)) }
	}
	return &Recorder{now: now}
}

// Client begins the log of one client. The Log is for one goroutine at a time;
// different logs may be written at the same time.
func (r *Recorder) Client(name string) *Log {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := &Log{recorder: r, client: uint32(len(r.clients)), counters: map[string]uint32{}, sessions: map[uint64]uint32{}}
	r.clients = append(r.clients, name)
	r.logs = append(r.logs, l)
	return l
}

// State notes what was found durable between start and now.
func (r *Recorder) State(label string, start int64, counters []cuenta.Counter, floor uint64) {
	r.found(State{Label: label, Start: start, Floor: floor, WithFloor: true}, counters)
}

// Part notes that at least these counters were found.
func (r *Recorder) Part(label string, start int64, counters []cuenta.Counter, floor uint64) {
	r.found(State{Label: label, Start: start, Floor: floor, WithFloor: true, Partial: true}, counters)
}

func (r *Recorder) found(s State, counters []cuenta.Counter) {
	s.End = r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range counters {
		s.Counters = append(s.Counters, Count{r.counters.of(c.Name), c.Value, c.Revision})
	}
	r.states = append(r.states, s)
}

// Clock notes what the ledger's time is from now on: low and high are between what it
// is now. It is for whoever starts a server, once it is up.
func (r *Recorder) Clock(low, high int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.clocks = append(r.clocks, Clock{now, low - now, high - now})
}

// Now is the recorder's time.
func (r *Recorder) Now() int64 { return r.now() }

// History returns what was recorded. No log may be written any more: the history
// takes their memory over.
func (r *Recorder) History() *History {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := &History{
		Counters: r.counters.all, Clients: r.clients, Keys: r.keys.all, Sessions: r.sessions.all, States: r.states, Clocks: r.clocks,
		Rates: r.rates.all, Idents: r.idents.all, Held: r.held,
	}
	for _, l := range r.logs {
		l.renumber(uint32(len(h.Extras)))
		h.chunks = append(h.chunks, l.chunks...)
		h.Extras = append(h.Extras, l.extras...)
	}
	h.length = h.Len()
	return h
}

// Log is what one client does.
type Log struct {
	recorder *Recorder
	client   uint32
	counters map[string]uint32 // as the recorder numbers them, without its lock
	sessions map[uint64]uint32
	chunks   [][]Op
	length   int
	extras   []Extra
}

// renumber moves the log's extras behind as many others.
func (l *Log) renumber(by uint32) {
	if by == 0 || len(l.extras) == 0 {
		return
	}
	for i := range l.length {
		if o := l.at(i); o.Extra != 0 {
			o.Extra += by
		}
	}
}

// extra is what request i has besides, which is made if there is nothing yet.
func (l *Log) extra(i int) *Extra {
	o := l.at(i)
	if o.Extra == 0 {
		l.extras = append(l.extras, Extra{})
		o.Extra = uint32(len(l.extras))
	}
	return &l.extras[o.Extra-1]
}

// Begin notes a request that is about to be sent, and returns its number in the
// log. Until it has ended it counts as one of unknown fate.
func (l *Log) Begin(r *cuenta.Request) int { return l.begin(r, 0, 0) }

// BeginBatch notes requests that are sent to be carried out together, and
// returns the number of the first; the rest follow. With whole they are carried
// out all or none, and an identity is given to each of them alike.
func (l *Log) BeginBatch(whole bool, requests []cuenta.Request) int {
	l.recorder.mu.Lock()
	l.recorder.batches++
	batch := l.recorder.batches
	l.recorder.mu.Unlock()
	var told Told
	if whole {
		told = Whole
	}
	first := l.length
	for i := range requests {
		l.begin(&requests[i], batch, told)
		l.at(first + i).Start = l.at(first).Start
	}
	return first
}

func (l *Log) at(i int) *Op { return &l.chunks[i>>chunkBits][i&(chunkSize-1)] }

func (l *Log) begin(r *cuenta.Request, batch uint32, told Told) int {
	if l.length == len(l.chunks)<<chunkBits {
		l.chunks = append(l.chunks, make([]Op, chunkSize))
	}
	i := l.length
	l.length++
	o := l.at(i)
	*o = Op{End: Never, N: r.N, Counter: l.counter(r.Counter), Client: l.client, Batch: batch, Op: r.Op, If: r.If, Told: told}
	if r.Terms != nil && r.Op != cuenta.Describe {
		l.extra(i).Terms = l.recorder.termsOf(r.Terms)
	}
	l.identify(o, &r.Identity)
	o.Start = l.recorder.now()
	return i
}

func (l *Log) counter(name []byte) uint32 {
	if len(name) == 0 {
		name = []byte(cuenta.DefaultCounter)
	}
	i, ok := l.counters[string(name)]
	if !ok {
		l.recorder.mu.Lock()
		i = l.recorder.counters.of(string(name))
		l.recorder.mu.Unlock()
		l.counters[string(name)] = i
	}
	return i
}

func (l *Log) identify(o *Op, id *cuenta.Identity) {
	switch {
	case len(id.Key) > 0:
		l.recorder.mu.Lock()
		o.Session, o.Number = ByKey, uint64(l.recorder.keys.of(string(id.Key)))
		l.recorder.mu.Unlock()
	case id.Session != 0:
		i, ok := l.sessions[id.Session]
		if !ok {
			l.recorder.mu.Lock()
			i = l.recorder.sessions.of(id.Session) + firstSession
			l.recorder.mu.Unlock()
			l.sessions[id.Session] = i
		}
		o.Session, o.Number = i, id.Number
		if spread := id.Number - id.Lowest; id.Lowest != 0 && spread == uint64(uint32(spread)) {
			o.Spread = uint32(spread)
			o.Told |= WithLowest
		}
	}
}

// End notes the answer to request i, and which parts of it the protocol had room
// for: any of WithValue, WithRevision, First and Replayed. A Delete answered
// with neither value nor revision has deleted something; one that found nothing
// is noted with both, 0. WithAmount is for those that have one, WithLevel for refusals
// that say whose limit it was; a Describe's terms are for Described.
func (l *Log) End(i int, result *cuenta.Result, told Told) {
	o := l.at(i)
	o.End = l.recorder.now()
	o.Code, o.Value, o.Revision = result.Code, result.Value, result.Revision
	o.Told |= Answered | told&(WithValue|WithRevision|First|Replayed|WithAmount|WithLevel)
	if told&WithAmount != 0 {
		l.extra(i).Amount = result.Amount
	}
	if told&WithLevel != 0 && result.Level != 0 {
		l.extra(i).Level = result.Level
	}
}

// Described notes the answer to request i, a Describe, with all that it tells.
func (l *Log) Described(i int, result *cuenta.Result, terms *cuenta.Terms) {
	l.End(i, result, WithValue|WithRevision|WithAmount)
	l.at(i).Told |= WithTerms
	x := l.extra(i)
	x.Terms = l.recorder.termsOf(terms)
	if terms.Held != 0 || terms.HeldDown != 0 {
		x.Held = l.recorder.heldOf(Held{terms.Held, terms.HeldDown, slices.Clone(terms.Holds)})
	}
}

// termsOf takes over what is judged of terms.
func (r *Recorder) termsOf(t *cuenta.Terms) Terms {
	of := Terms{
		Floor: t.Floor, Ceiling: t.Ceiling, Clamp: t.Clamp, Total: t.Total, Expect: t.Expect, Expiry: t.Expiry, Hold: t.Hold,
	}
	if t.Rate.Kind == cuenta.NoRate && len(t.Ident) == 0 {
		return of
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.Rate.Kind != cuenta.NoRate {
		of.Rate = r.rates.of(t.Rate) + 1
	}
	if len(t.Ident) > 0 {
		of.Ident = r.idents.of(string(t.Ident)) + 1
	}
	return of
}

func (r *Recorder) heldOf(h Held) uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = append(r.held, h)
	return uint32(len(r.held))
}

// Lost notes that request i gets no answer, and cannot take effect later than
// now: the process that had it is dead.
func (l *Log) Lost(i int) { l.at(i).End = l.recorder.now() }
