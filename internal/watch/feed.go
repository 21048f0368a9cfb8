package watch

import (
	"sync"
	"sync/atomic"

	"github.com/cuenta-server/cuenta"
)

const (
	// maxDelivery is the most changes in one delivery that many share. It bounds what
	// a watcher holds that does not go on.
	maxDelivery = 4096

	// keptDeliveries and keptChanges are how many deliveries a feed keeps for its
	// watchers, and the changes in them.
	keptDeliveries = 64
	keptChanges    = 4 * maxDelivery

	// maxKept is the most changes that all feeds together keep beyond the last
	// delivery of each.
	maxKept = 1 << 18
)

// feed is what the watchers of one topic are told.
type feed struct {
	topic
	watchers int    // under the hub's mu, as are the two below
	pending  merged // of the groups behind upto
	quiet    bool   // nothing was delivered since the last beat of the heart

	mu      sync.Mutex
	upto    uint64 // all groups through this one are in deliveries
	kept    []kept
	first   uint64            // number of the oldest one kept; deliveries are counted from 0
	changes int               // in those kept
	budget  *atomic.Int64     // changes that all feeds keep
	dropped uint64            // the last group of which a delivery is no longer kept
	waiting []chan<- struct{} // of those who wait for something new
	ready   []chan<- struct{} // of those for whom there is, and who were not woken yet
	joining bool              // somebody waits for upto to pass a group

	listing chan struct{} // one token: who has it reads the state of all that the feed covers
	state   *state        // that was read not long ago, or nil; under mu
}

// state is the state of all that a feed covers, as of a group.
type state struct {
	deliveries []*cuenta.Delivery
	at         uint64
	changes    int
}

// kept is a delivery of what concerns the feed in the groups from+1 to to.
type kept struct {
	*cuenta.Delivery
	from, to uint64
}

func newFeed(t topic, upto uint64, budget *atomic.Int64) *feed {
	return &feed{topic: t, upto: upto, dropped: upto, budget: budget,
		listing: make(chan struct{}, 1)}
}

// gather takes a change down.
func (f *feed) gather(e *entry, name []byte) {
	if e.group > f.upto {
		f.pending.add(e, name)
	}
}

// deliver makes deliveries of what is pending, which goes through a group, or one
// that tells of quiet, unless there are watchers that are still to be woken for the
// last ones. It returns how many changes are not pending any more.
func (f *feed) deliver(through uint64, at cuenta.Position, beat bool) (delivered int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.ready) > 0 {
		return 0
	}
	changes := f.pending.take()
	delivered = len(changes)
	from := f.upto
	f.upto = through
	switch {
	case len(changes) > 0:
		f.quiet = false
	case beat && f.quiet:
		f.keep(kept{&cuenta.Delivery{Kind: cuenta.TellQuiet, Position: at}, from, through})
	case !f.joining:
		f.quiet = f.quiet || beat
		return 0
	}
	for len(changes) > 0 {
		n := min(len(changes), maxDelivery)
		d := &cuenta.Delivery{Kind: cuenta.TellChanged, Changes: changes[:n:n]}
		if changes = changes[n:]; len(changes) == 0 {
			d.Position = at
		}
		f.keep(kept{d, from, through})
	}
	f.getReady()
	return delivered
}

// getReady has all who wait woken. Under mu.
func (f *feed) getReady() {
	f.ready, f.waiting, f.joining = append(f.ready, f.waiting...), f.waiting[:0], false
}

// wake wakes some of those for whom there is something, and returns how many, and how
// many are left.
func (f *feed) wake(most int) (woken, left int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	woken = min(most, len(f.ready))
	for _, w := range f.ready[:woken] {
		select {
		case w <- struct{}{}:
		default: // it has a token already
		}
	}
	f.ready = f.ready[:copy(f.ready, f.ready[woken:])]
	return woken, len(f.ready)
}

// keep adds a delivery, and drops the oldest ones. Under mu.
func (f *feed) keep(k kept) {
	f.kept = append(f.kept, k)
	f.count(len(k.Changes))
	drop := 0
	for n := len(f.kept); n > keptDeliveries || n > 1 && (f.changes > keptChanges || f.budget.Load() > maxKept); n-- {
		f.count(-len(f.kept[drop].Changes))
		f.dropped = f.kept[drop].to
		drop++
	}
	if drop > 0 {
		n := copy(f.kept, f.kept[drop:])
		clear(f.kept[n:])
		f.kept, f.first = f.kept[:n], f.first+uint64(drop)
	}
}

// count counts changes that are kept. Under mu.
func (f *feed) count(changes int) {
	f.changes += changes
	f.budget.Add(int64(changes))
}

// forget keeps nothing any more: nobody watches.
func (f *feed) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count(-f.changes)
	f.kept = nil
	f.setState(nil)
}

// share keeps a state for those who begin next.
func (f *feed) share(s *state) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.budget.Load() <= maxKept {
		f.setState(s)
	}
}

// expire forgets the state if it is older than a group.
func (f *feed) expire(floor uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != nil && f.state.at < floor {
		f.setState(nil)
	}
}

// setState is under mu.
func (f *feed) setState(s *state) {
	if f.state != nil {
		f.budget.Add(-int64(f.state.changes))
	}
	if f.state = s; s != nil {
		f.budget.Add(int64(s.changes))
	}
}

// lose forgets everything through a group: its changes were dropped before they
// could be taken down.
func (f *feed) lose(through uint64) {
	f.pending.take()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.first += uint64(len(f.kept)) + 1 // a number that nobody gets, so that all see it
	f.count(-f.changes)
	f.kept = nil
	f.upto, f.dropped = through, through
	f.getReady()
}

// last returns the number of the delivery to come. Under mu.
func (f *feed) last() uint64 { return f.first + uint64(len(f.kept)) }

// align returns the number of the delivery with which a watcher goes on that was
// told everything through a group, which is not above upto. It reports false if
// there is none: some it has missed, or has had a part of. Under mu.
func (f *feed) align(group uint64) (number uint64, ok bool) {
	if group < f.dropped {
		return 0, false
	}
	for i := range f.kept {
		if k := &f.kept[i]; k.to > group {
			return f.first + uint64(i), k.from >= group
		}
	}
	return f.last(), true
}
