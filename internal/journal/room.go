package journal

import (
	"context"
	"time"

	"github.com/cuenta-server/cuenta/internal/disk"
)

// retryEvery is how long after a failure the next segment is tried again.
const retryEvery = time.Second

// spare is the segment behind the active one.
type spare struct {
	state state
	file  disk.File // if ready
	size  int64
	done  chan struct{} // closed at the end of the first attempt
	err   error         // of the last attempt, if it failed
}

type state uint8

const (
	making state = iota // no attempt has ended
	ready
	lacking // the last attempt failed
)

// Room reports whether a record that is being appended and another one surely
// fit, where bytes is the sum of the most that their entries can take. It returns
// nil, [ErrWait], [cuenta.Full] or [cuenta.TooLarge] as an error, or why the
// journal takes no more records. An answer of nil holds until the one record is
// appended, so the other can be appended too.
func (j *Journal) Room(bytes int64) error {
	bytes += 2 * recordHead
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.err != nil:
		return j.err
	case j.active.fill+bytes+sealSize <= j.active.size:
		return nil
	case bytes > capacity(j.active.size):
		return errTooLarge
	case j.next.state == ready:
		// Wherever the first of the two ends up, an empty segment holds both.
		return nil
	case j.next.state == making:
		return ErrWait
	}
	return errFull
}

// AwaitRoom returns nil when the making of the next segment has ended, well or
// not; Room then tells which. It returns ctx's error if that ends before, or why
// the journal takes no more records.
func (j *Journal) AwaitRoom(ctx context.Context) error {
	j.mu.Lock()
	done := j.next.done
	j.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-j.ended:
		return j.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// makeSegments is the maker: a goroutine that makes each next segment.
func (j *Journal) makeSegments() {
	defer close(j.gone)
	for {
		select {
		case <-j.wanted:
		case <-j.quit:
			return
		}
		for !j.makeNext() {
			select {
			case <-time.After(retryEvery):
			case <-j.quit:
				return
			}
		}
	}
}

// MakeNext makes one attempt to make the next segment, if one is wanted, and
// reports whether none is wanted any more. It is for a journal that was opened with
// [Options.ByHand], and may run beside everything but itself and Close.
func (j *Journal) MakeNext() bool {
	select {
	case <-j.wanted:
	default:
		j.mu.Lock()
		again := j.next.state == lacking
		j.mu.Unlock()
		if !again {
			return true
		}
	}
	return j.makeNext()
}

// makeNext makes one attempt, and reports whether there is a next segment now,
// or none is wanted any more.
func (j *Journal) makeNext() bool {
	j.mu.Lock()
	number, size := j.active.number+1, j.active.size
	idle := j.err != nil || j.next.state == ready
	j.mu.Unlock()
	if idle {
		return true
	}
	file, err := makeSegment(j.fs, j.dir, number, j.history, size)
	if err != nil {
		j.lack(err)
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.next.state == lacking {
		j.log.Info("there is room for the journal again")
	} else {
		close(j.next.done)
	}
	j.next = spare{state: ready, file: file, size: size, done: j.next.done}
	return true
}

// lack notes that there is no next segment.
func (j *Journal) lack(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.next.state == making {
		close(j.next.done)
		j.log.Warn("no room for the journal; changes will be refused until there is",
			"error", err, "full", disk.IsFull(err), "retry", retryEvery)
	}
	j.next.state, j.next.err = lacking, err
}
