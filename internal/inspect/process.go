package inspect

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// maxCommand is the longest command line in a report, in bytes.
const maxCommand = 256

// Process is a process and what it uses. What cannot be read is zero.
type Process struct {
	PID        int32     `json:"pid"`
	Name       string    `json:"name"`
	Command    string    `json:"command,omitempty"` // of this server only
	CPUPercent float64   `json:"cpu_percent"`       // of one core, over its whole life
	RSS        uint64    `json:"rss"`               // bytes of memory
	Threads    int32     `json:"threads"`
	FDs        int32     `json:"fds"` // open descriptors
	Started    time.Time `json:"started,omitzero"`
}

// readProcess reads what can be read of a process; nil if there is none. The
// errors of the single figures are ignored: whose permissions forbid one of them
// should still see the others.
//
// Command lines of other people's processes stay out of the report, which goes
// over the network: they may hold passwords.
func readProcess(ctx context.Context, pid int32) *Process {
	p, err := process.NewProcessWithContext(ctx, pid)
	if err != nil {
		return nil
	}
	r := &Process{PID: pid}
	r.Name, _ = p.NameWithContext(ctx)
	if int(pid) == os.Getpid() {
		command, _ := p.CmdlineWithContext(ctx)
		r.Command = shorten(command)
	}
	r.CPUPercent, r.RSS = load(ctx, p)
	r.Threads, _ = p.NumThreadsWithContext(ctx)
	r.FDs, _ = p.NumFDsWithContext(ctx)
	if ms, err := p.CreateTimeWithContext(ctx); err == nil {
		r.Started = time.UnixMilli(ms)
	}
	return r
}

func shorten(command string) string {
	if len(command) <= maxCommand {
		return command
	}
	return strings.ToValidUTF8(command[:maxCommand], "") + "…"
}

func load(ctx context.Context, p *process.Process) (cpu float64, rss uint64) {
	cpu, _ = p.CPUPercentWithContext(ctx)
	if memory, err := p.MemoryInfoWithContext(ctx); err == nil {
		rss = memory.RSS
	}
	return cpu, rss
}

// Worker is a worker process of a front.
type Worker struct {
	Front       string  `json:"front"`
	PID         int     `json:"pid"`
	Connections int64   `json:"connections"` // open now
	Accepted    int64   `json:"accepted"`
	Requests    int64   `json:"requests"`
	BytesIn     int64   `json:"bytes_in"`
	BytesOut    int64   `json:"bytes_out"`
	CPUPercent  float64 `json:"cpu_percent"` // of one core, over its whole life
	RSS         uint64  `json:"rss"`         // bytes of memory
}

// ReadWorkers adds to each worker what the system knows of its process. One that
// has ended meanwhile keeps zeros.
func ReadWorkers(ctx context.Context, workers []Worker) {
	for i := range workers {
		if ctx.Err() != nil {
			return
		}
		w := &workers[i]
		if p, err := process.NewProcessWithContext(ctx, int32(w.PID)); err == nil {
			w.CPUPercent, w.RSS = load(ctx, p)
		}
	}
}
