package inspect

import (
	"context"
	"os"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// Own is what the system knows of this process.
type Own struct {
	RSS, PeakRSS uint64        // bytes of memory, now and at most
	User, System time.Duration // of processor time
}

// ReadOwn reads it. What cannot be read stays 0.
func ReadOwn(ctx context.Context) (own Own) {
	p, err := process.NewProcessWithContext(ctx, int32(os.Getpid()))
	if err != nil {
		return own
	}
	if memory, err := p.MemoryInfoWithContext(ctx); err == nil {
		own.RSS, own.PeakRSS = memory.RSS, max(memory.HWM, memory.RSS)
	}
	if times, err := p.TimesWithContext(ctx); err == nil {
		own.User = time.Duration(times.User * float64(time.Second))
		own.System = time.Duration(times.System * float64(time.Second))
	}
	return own
}
