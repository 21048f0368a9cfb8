//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/badnet"
)

// load measures how good clients fare alone, and beside a crowd of connections that
// are idle, slow or never read; in turns, several times, by medians.
type load struct {
	program string
	seed    uint64
	crowd   int
	rounds  int
	window  time.Duration // of one measurement
	slack   time.Duration // that the good ones may lose beside twice their time
	spare   int64         // bytes that the server may take beside what the crowd may cost
	out     io.Writer
}

const (
	// good is how many good clients there are on each front. Each asks at an even
	// pace, far below what the server can do.
	good     = 10
	goodPace = 10 * time.Millisecond

	// crowdSettles is how long a crowd is at it before anything is measured.
	crowdSettles = 3 * time.Second

	// What a member of the crowd may cost the server: one that never reads the answers
	// kept for it, which docs/architecture.md bounds, and those of a turn; another one
	// its buffers.
	deafCost, memberCost = 2 * mib, 32 << 10
)

// figures are one measurement.
type figures struct {
	p50, p99 time.Duration
	resident int64
}

func (l *load) run(ctx context.Context) error {
	l.fit()
	a, err := newArena(l.program, smallSize, "--workers", "2")
	if err != nil {
		if a, err = newArena(l.program, 0, "--workers", "2"); err != nil {
			return err
		}
	}
	err = l.compare(ctx, a)
	return errors.Join(err, a.leave(false))
}

// fit makes the crowd as small as the descriptors of a process demand.
func (l *load) fit() {
	var limit syscall.Rlimit
	const others = 500
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return // the connections will tell
	}
	// This program's own limit was raised by its runtime as far as it may.
	if most := int(min(limit.Cur, 1<<30)) - others; l.crowd > most {
		fmt.Fprintf(l.out, "a process may have %d descriptors: %d connections instead of %d\n", limit.Cur, most, l.crowd)
		l.crowd = most
	}
}

func (l *load) compare(ctx context.Context, a *arena) error {
	if err := a.start(ctx); err != nil {
		return err
	}
	var alone, beside []figures
	fmt.Fprintf(l.out, "%d good clients; a crowd of %d: of a hundred, %d slow, %d never read, the others idle\n",
		2*good, l.crowd, slowOfHundred, deafOfHundred)
	fmt.Fprintf(l.out, "%-8s %12s %12s %10s\n", "", "p50", "p99", "memory")
	for range l.rounds {
		f, err := l.measure(ctx, a)
		if err != nil {
			return fmt.Errorf("alone: %w", err)
		}
		alone = append(alone, f)
		l.tell("alone", f)
		if f, err = l.besideCrowd(ctx, a); err != nil {
			return fmt.Errorf("beside a crowd: %w", err)
		}
		beside = append(beside, f)
		l.tell("crowded", f)
	}
	return errors.Join(l.judge(middle(alone), middle(beside)), a.stop(ctx))
}

func (l *load) tell(name string, f figures) {
	fmt.Fprintf(l.out, "%-8s %12v %12v %8dMB\n", name, f.p50.Round(time.Microsecond), f.p99.Round(time.Microsecond), f.resident/mib)
}

// middle takes the median of each figure.
func middle(all []figures) figures {
	by := func(of func(figures) int64) int64 {
		values := make([]int64, len(all))
		for i, f := range all {
			values[i] = of(f)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return figures{
		p50:      time.Duration(by(func(f figures) int64 { return int64(f.p50) })),
		p99:      time.Duration(by(func(f figures) int64 { return int64(f.p99) })),
		resident: by(func(f figures) int64 { return f.resident }),
	}
}

func (l *load) judge(alone, beside figures) error {
	deaf := l.crowd * deafOfHundred / 100
	bound := alone.resident + l.spare + int64(deaf)*deafCost + int64(l.crowd-deaf)*memberCost
	fmt.Fprintf(l.out, "medians: p99 %v alone, %v beside the crowd: %.2f times; memory %d MB, at most %d\n",
		alone.p99.Round(time.Microsecond), beside.p99.Round(time.Microsecond), float64(beside.p99)/float64(alone.p99),
		beside.resident/mib, bound/mib)
	var slow, large error
	if beside.p99 > 2*alone.p99+l.slack {
		slow = errors.New("the good clients wait more than twice as long beside the crowd")
	}
	if beside.resident > bound {
		large = errors.New("the crowd takes more memory than it may")
	}
	return errors.Join(slow, large)
}

func (l *load) besideCrowd(ctx context.Context, a *arena) (f figures, err error) {
	crowdContext, disperse := context.WithCancel(ctx)
	c := crowd{addresses: a.addresses}
	defer c.all.Wait()
	defer disperse()
	if err := c.gather(crowdContext, l.crowd, l.seed); err != nil {
		return f, err
	}
	sleep(ctx, crowdSettles)
	if f, err = l.measure(ctx, a); err == nil && c.open.Load() < atLeastOpen(l.crowd) {
		err = fmt.Errorf("of %d connections only %d are open", l.crowd, c.open.Load())
	}
	return f, err
}

// measure lets the good clients ask for a while.
func (l *load) measure(ctx context.Context, a *arena) (f figures, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	entrances := &entrances{address: a.addresses}
	var asking sync.WaitGroup
	var mu sync.Mutex
	var times []time.Duration
	end := time.Now().Add(l.window)
	for i := range good {
		for _, w := range []way{newLines(cuenta.FrontTCP)(entrances), newCommands(entrances)} {
			d := badnet.Dice(l.seed, fmt.Sprint("good ", i))
			asking.Go(func() {
				defer w.close()
				sleep(ctx, between(d, 0, goodPace))
				mine, failed := pace(ctx, w, end)
				mu.Lock()
				defer mu.Unlock()
				times = append(times, mine...)
				err = errors.Join(err, failed)
			})
		}
	}
	asking.Wait()
	if err != nil || len(times) == 0 {
		return f, errors.Join(errors.New("a good client was not served"), err)
	}
	slices.Sort(times)
	f.p50, f.p99 = times[len(times)/2], times[len(times)*99/100]
	m, err := memoryOf(a.life.pid)
	f.resident = m.resident
	return f, err
}

// pace asks at an even pace and takes the times. A late answer delays no later
// question's time: each counts from when it was to be asked.
func pace(ctx context.Context, w way, end time.Time) (times []time.Duration, err error) {
	b := &bundle{requests: []cuenta.Request{{Op: cuenta.Add, Counter: []byte("good"), N: 1}}}
	if _, err := w.exchange(ctx, b); err != nil { // connects
		return nil, err
	}
	for due := time.Now(); due.Before(end); due = due.Add(goodPace) {
		sleep(ctx, time.Until(due))
		answers, err := w.exchange(ctx, b)
		if err != nil {
			return nil, err
		}
		if code := answers[0].Code; code != cuenta.OK {
			return nil, code.Err()
		}
		times = append(times, time.Since(due))
	}
	return times, nil
}
