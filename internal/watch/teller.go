package watch

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	// minRest is the least rest. What changes while all is calm is told at once; to
	// wake up for every group while it is not would take more than the telling.
	minRest = 10 * time.Millisecond

	// maxRest bounds the rest, and with it how late a change is told.
	maxRest = 10 * time.Second

	// maxPending is how many changes may wait for the end of a rest.
	maxPending = 1 << 18
)

// At most wakeAtOnce watchers are woken at a time, of one feed wakeOfFeed: many more
// would keep the processors from the counting until all of them have written.
const (
	wakeAtOnce = 64
	wakeOfFeed = 32
)

// tell is the teller: round after round it takes changes out of the ring, makes
// deliveries of them, and wakes some of those who wait for one.
func (h *Hub) tell() {
	var buffer copied
	beats := time.NewTicker(h.config.Heartbeat / 2)
	defer beats.Stop()
	for more := false; ; {
		beat, over := h.await(more, beats.C)
		if over {
			return
		}
		began := time.Now()
		h.gather(&buffer)
		woken, left, pending := h.deliver(beat)
		more = left > 0 || pending
		if !h.rest(h.pace.after(time.Since(began), woken, left), &buffer) {
			return
		}
	}
}

// await waits until there may be something to do, unless there is more already. Beat
// says that it is time to tell that all is quiet where it is.
func (h *Hub) await(more bool, beats <-chan time.Time) (beat, over bool) {
	if more {
		select {
		case <-beats:
			return true, false
		case <-h.done:
			return false, true
		default:
			return false, false
		}
	}
	select {
	case <-h.due:
	case <-h.full:
	case <-beats:
		beat = true
	case <-h.done:
		over = true
	}
	return beat, over
}

// rest waits, and takes out of the ring meanwhile what it has no room for. It
// reports false if the hub has ended.
func (h *Hub) rest(long time.Duration, buffer *copied) bool {
	timer := time.NewTimer(long)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case <-h.full:
			if h.gather(buffer) > maxPending {
				return h.relieve()
			}
			h.signalDue() // there is something to tell
		case <-h.done:
			return false
		}
	}
}

// relieve wakes all who are still to be woken, so that what is pending is delivered
// next, however little that rests.
func (h *Hub) relieve() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.topics.all(func(f *feed) { f.wake(math.MaxInt) })
	h.signalDue()
	return true
}

func (h *Hub) signalDue() {
	select {
	case h.due <- struct{}{}:
	default: // it has a token already
	}
}

// gather takes down everything that was told so far, and returns how much is
// pending.
func (h *Hub) gather(buffer *copied) int {
	h.ring.mu.Lock()
	end, head := h.ring.end, h.ring.head
	h.ring.mu.Unlock()
	for {
		h.mu.Lock()
		if h.next >= end {
			h.gathered = max(h.gathered, head)
			pending := h.pending
			h.mu.Unlock()
			return pending
		}
		next, ok := h.ring.copy(buffer, h.next, end)
		if ok {
			h.take(buffer)
		} else {
			next = end
			h.lose(head)
		}
		h.next = next
		h.behind.Store(next)
		h.mu.Unlock()
	}
}

// take hands changes to the feeds. Under mu.
func (h *Hub) take(changes *copied) {
	changes.each(func(e *entry, name []byte) {
		h.topics.each(name, func(f *feed) {
			before := len(f.pending.changes)
			f.gather(e, name)
			h.pending += len(f.pending.changes) - before
		})
		h.gathered = e.group
	})
}

// lose is for changes that the ring dropped before they were taken down. Under mu.
func (h *Hub) lose(through uint64) {
	h.topics.all(func(f *feed) { f.lose(through) })
	h.pending, h.gathered = 0, through
}

// deliver makes deliveries of what was taken down, and wakes some of those who wait
// for them. It returns how many, how many are left, and whether changes are left too.
func (h *Hub) deliver(beat bool) (woken, left int, pending bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.position(h.gathered)
	h.ring.mu.Lock()
	floor := h.ring.floor
	h.ring.mu.Unlock()
	h.topics.all(func(f *feed) {
		h.pending -= f.deliver(h.gathered, at, beat)
		if beat {
			f.expire(floor)
		}
		now, later := f.wake(min(wakeOfFeed, wakeAtOnce-woken))
		woken, left = woken+now, left+later
	})
	return woken, left, h.pending > 0
}

// pace says how long to rest.
type pace struct {
	writes  atomic.Int64  // by watchers
	writing atomic.Int64  // the time that those took
	besides atomic.Int64  // what watchers worked on their own
	usual   time.Duration // that one takes
	factor  time.Duration
}

const (
	// maxWrite and maxWriteChange are how long a write may take that is work, and what
	// it may take longer for each change: one that takes more waits for its reader.
	maxWrite       = 100 * time.Microsecond
	maxWriteChange = 200 * time.Nanosecond
)

// wrote counts a write of so many changes.
func (p *pace) wrote(took time.Duration, changes int) {
	p.writes.Add(1)
	p.writing.Add(int64(min(took, maxWrite+time.Duration(changes)*maxWriteChange)))
}

// worked counts work of a watcher of its own.
func (p *pace) worked(took time.Duration) { p.besides.Add(int64(took)) }

// after returns how long to rest after a round that took so long and woke so many
// watchers, with so many left. What these will take is not known yet: it is guessed
// from before.
func (p *pace) after(work time.Duration, woken, left int) time.Duration {
	if p.usual == 0 {
		p.usual = maxWrite / 10 // until it is known
	}
	if n := p.writes.Swap(0); n > 0 {
		p.usual = (3*p.usual + time.Duration(p.writing.Swap(0)/n)) / 4
	}
	work += time.Duration(woken)*p.usual + time.Duration(p.besides.Swap(0))
	if p.factor == 0 {
		return 0
	}
	most := maxRest * time.Duration(max(woken, 1)) / time.Duration(max(woken, 1)+left)
	return min(max(p.factor*work, minRest), most)
}
