package shm

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// yields is how often a waiter offers the processor to others before it goes to
// sleep. On a machine with few cores the other side then often runs at once and
// no wake-up is needed; spinning without yielding would keep it from running. On
// two cores a round trip between processes takes 10 µs without yields, 3.5 µs
// with one, 0.5 to 1.7 µs with twenty, and no less with more.
const yields = 20

// On a machine that is busy with other things the processor comes back late, and
// it comes later each time: the kernel takes a yield for a sign that there is no
// hurry, where it hurries to run who was woken. So after one yield that took
// longYield, nobody in this process yields for the time of yieldRest.
const (
	longYield = 50 * time.Microsecond
	yieldRest = 20 * time.Millisecond
)

// Doorbell wakes the process at the other end of a ring. It is an eventfd, with
// a flag in shared memory that says whether somebody sleeps: an awake peer is
// not rung, so under load no system call is made at all.
//
// The sleeper raises the flag, looks at the ring once more, and sleeps; the
// other side publishes and then looks at the flag. Whichever comes first, one of
// the two sees the other's step, so no wake-up is lost.
type Doorbell struct {
	asleep *atomic.Uint32
	fd     int
	file   *os.File // fd on the runtime's poller, nil until Poll
}

// NewDoorbell makes a doorbell whose flag is asleep.
func NewDoorbell(asleep *atomic.Uint32) (*Doorbell, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("creating a doorbell: %w", err)
	}
	return OpenDoorbell(fd, asleep), nil
}

// OpenDoorbell is the doorbell of a descriptor that came from the process that
// made it. The doorbell owns fd from then on.
func OpenDoorbell(fd int, asleep *atomic.Uint32) *Doorbell {
	return &Doorbell{asleep: asleep, fd: fd}
}

// Poll puts the doorbell on the runtime's poller, for [Doorbell.Wait]. The side
// that only rings must not do so: each ring would wake its own poller as well.
func (d *Doorbell) Poll() { d.file = os.NewFile(uintptr(d.fd), "doorbell") }

// Ring wakes the peer if it sleeps.
func (d *Doorbell) Ring() error {
	if d.asleep.Load() == 0 || d.asleep.Swap(0) == 0 {
		return nil
	}
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	// EAGAIN: the counter is full, and so wakes the peer already.
	if _, err := unix.Write(d.fd, one[:]); err != nil && err != unix.EAGAIN {
		return fmt.Errorf("ringing a doorbell: %w", err)
	}
	return nil
}

// Wait returns when ready holds, or after a ring, whose reason may be gone
// already. It fails once the doorbell is closed. One goroutine at a time.
func (d *Doorbell) Wait(ready func() bool) error {
	if Yield(ready) || !d.Arm(ready) {
		return nil
	}
	var count [8]byte
	_, err := d.file.Read(count[:])
	d.Disarm()
	return err
}

var (
	// yielding is how many goroutines of this process are in Yield. Each keeps
	// others from running that have something to do, so with many links most sleep
	// at once.
	yielding    atomic.Int32
	maxYielding = int32(max(1, runtime.NumCPU()/2))

	yieldClock = time.Now()
	yieldAgain atomic.Int64 // by that clock, when a rest is over
)

// Yield offers the processor to others for a moment, unless that does not pay
// now. It reports whether ready came to hold.
func Yield(ready func() bool) bool {
	if ready() {
		return true
	}
	before := time.Since(yieldClock)
	if before < time.Duration(yieldAgain.Load()) {
		return false
	}
	defer yielding.Add(-1)
	if yielding.Add(1) > maxYielding {
		return false
	}
	for range yields {
		// Cannot fail. By Syscall, so that the scheduler may run another
		// goroutine meanwhile.
		_, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		after := time.Since(yieldClock)
		long := after-before > longYield
		if long {
			yieldAgain.Store(int64(after + yieldRest))
		}
		if ready() {
			return true
		}
		if long {
			return false
		}
		before = after
	}
	return false
}

// Arm says that the caller is about to sleep, unless ready holds: then it
// reports false and the caller must not sleep. With [Doorbell.Disarm] it is for
// an event loop that has FD among its descriptors, edge-triggered.
func (d *Doorbell) Arm(ready func() bool) bool {
	d.asleep.Store(1)
	if ready() {
		d.asleep.Store(0)
		return false
	}
	return true
}

// Disarm says that the caller is awake.
func (d *Doorbell) Disarm() { d.asleep.Store(0) }

// FD is the descriptor to hand to the other process, and to watch in an event
// loop; the doorbell keeps and closes it.
func (d *Doorbell) FD() int { return d.fd }

// Close closes the doorbell. A Wait returns with an error; a Ring must not be
// under way.
func (d *Doorbell) Close() error {
	if d.file != nil {
		return d.file.Close()
	}
	return unix.Close(d.fd)
}
