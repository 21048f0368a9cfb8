package watch

import (
	"sync/atomic"
	"time"
)

const (
	// maxRest bounds the rest, and with it how late a change is told.
	maxRest = 10 * time.Second

	// maxPending is how many changes may wait for the end of a rest.
	maxPending = 1 << 18
)

// tell is the teller: round after round it takes changes out of the ring and makes
// deliveries of them.
func (h *Hub) tell() {
	var buffer copied
	beats := time.NewTicker(h.config.Heartbeat / 2)
	defer beats.Stop()
	for {
		beat := false
		select {
		case <-h.due:
		case <-h.full:
		case <-beats.C:
			beat = true
		case <-h.done:
			return
		}
		began := time.Now()
		h.gather(&buffer)
		woken := h.deliver(beat)
		if !h.rest(h.pace.after(time.Since(began), woken), &buffer) {
			return
		}
	}
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
				h.signalDue()
				return true
			}
		case <-h.done:
			return false
		}
	}
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

// deliver makes deliveries of what was taken down, and returns how many watchers
// were woken.
func (h *Hub) deliver(beat bool) (woken int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.position(h.gathered)
	h.ring.mu.Lock()
	floor := h.ring.floor
	h.ring.mu.Unlock()
	h.topics.all(func(f *feed) {
		woken += f.deliver(h.gathered, at, beat)
		if beat {
			f.expire(floor)
		}
	})
	h.pending = 0
	return woken
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
// watchers. What these will take is not known yet: it is guessed from before.
func (p *pace) after(work time.Duration, woken int) time.Duration {
	if p.usual == 0 {
		p.usual = maxWrite / 10 // until it is known
	}
	if n := p.writes.Swap(0); n > 0 {
		p.usual = (3*p.usual + time.Duration(p.writing.Swap(0)/n)) / 4
	}
	work += time.Duration(woken)*p.usual + time.Duration(p.besides.Swap(0))
	return min(p.factor*work, maxRest)
}
