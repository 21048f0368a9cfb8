//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/bench"
)

// filled is what ten million counters cost one server.
type filled struct {
	name      string
	fill      time.Duration
	resident  int64 // bytes of the whole process, filled
	restarted int64 // the same after a restart
	disk      int64
	restarts  []float64 // seconds until the server answers again
}

// restartable is a server with data that it can be started on again.
type restartable struct {
	name  string
	dir   string
	start func(context.Context) (*contestant, error)
}

func runScale(ctx context.Context, s *settings) (err error) {
	w, err := openWorkshop(s.root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	// The log is rewritten when we say so, that it can be had plain too.
	mode := redisModes[0]
	redis := restartable{"Redis always", w.path("redis"), func(ctx context.Context) (*contestant, error) {
		return w.startRedis(ctx, mode, w.path("redis"), "--auto-aof-rewrite-percentage", "0")
	}}
	ours := restartable{"Cuenta", w.path("cuenta-data"), func(ctx context.Context) (*contestant, error) {
		return w.startCuenta(ctx, "cuenta-data")
	}}
	var rows []filled
	for _, r := range []restartable{ours, redis} {
		got, err := r.measure(ctx, s)
		if err != nil {
			return err
		}
		rows = append(rows, got...)
	}
	m, err := machineOf(w.dir)
	if err != nil {
		return err
	}
	return writeScale(s, m, rows)
}

// measure fills a server and starts it again, several times and in two ways.
func (r *restartable) measure(ctx context.Context, s *settings) ([]filled, error) {
	c, err := r.start(ctx)
	if err != nil {
		return nil, err
	}
	first := filled{name: r.name + ", clean stop"}
	began := time.Now()
	if err := fillKeys(ctx, c, s.keys); err != nil {
		return nil, err
	}
	first.fill = time.Since(began)
	progress("%s: filled in %v", r.name, first.fill.Round(time.Second))
	u, err := c.process.usage()
	if err != nil {
		return nil, err
	}
	first.resident = u.resident
	if !c.ours {
		first.name = r.name + ", plain AOF"
	}
	if c, err = r.restart(ctx, s, c, &first, syscall.SIGTERM); err != nil {
		return nil, err
	}
	second := filled{name: r.name + ", freshly rewritten AOF", fill: first.fill, resident: first.resident}
	signal := syscall.SIGTERM
	if c.ours {
		second.name, signal = r.name+", kill -9", syscall.SIGKILL
	} else if err := rewrite(ctx, c); err != nil {
		return nil, err
	}
	if c, err = r.restart(ctx, s, c, &second, signal); err != nil {
		return nil, err
	}
	return []filled{first, second}, c.process.stop()
}

// restart ends the server and starts it again, a few times.
func (r *restartable) restart(ctx context.Context, s *settings, c *contestant, f *filled, end syscall.Signal) (*contestant, error) {
	for range min(s.rounds, 3) {
		if c.ours && end == syscall.SIGKILL {
			// Something new, so that there is a log to read.
			if err := fillKeys(ctx, c, min(s.keys, 100_000)); err != nil {
				return nil, err
			}
		}
		c.process.quit = end
		if err := c.process.stop(); err != nil {
			return nil, err
		}
		var err error
		if f.disk, err = diskUse(r.dir); err != nil {
			return nil, err
		}
		began := time.Now()
		if c, err = r.start(ctx); err != nil {
			return nil, err
		}
		took := time.Since(began)
		progress("%s: answers again after %v", f.name, took.Round(time.Millisecond))
		f.restarts = append(f.restarts, took.Seconds())
		u, err := c.process.usage()
		if err != nil {
			return nil, err
		}
		f.restarted = u.resident
	}
	return c, nil
}

// fillKeys makes that many counters.
func fillKeys(ctx context.Context, c *contestant, keys int64) error {
	r, err := bench.Run(ctx, bench.Config{
		Front: cuenta.FrontRESP, Address: c.address, Connections: 8, Pipeline: 256,
		Keys: keys, Operations: keys, Distribution: bench.Sequence,
	}, func(s bench.Snapshot) {
		progress("%s: %d of %d counters", c.name, s.Operations, keys)
	})
	if err == nil && r.Errors > 0 {
		err = fmt.Errorf("%d counters could not be made: %v", r.Errors, r.ErrorKinds)
	}
	return err
}

// rewrite lets Redis rewrite its log, and waits for that.
func rewrite(ctx context.Context, c *contestant) error {
	if answer, err := ask(c.address, "BGREWRITEAOF"); err != nil || !strings.HasPrefix(answer, "+") {
		return fmt.Errorf("BGREWRITEAOF: %q, %w", answer, err)
	}
	host, port, _ := strings.Cut(c.address, ":")
	return c.process.await(ctx, func() error {
		out, err := exec.CommandContext(ctx, "redis-cli", "-h", host, "-p", port, "INFO", "persistence").Output()
		switch {
		case err != nil:
			return err
		case !strings.Contains(string(out), "aof_rewrite_in_progress:0") || !strings.Contains(string(out), "aof_rewrite_scheduled:0"):
			return errors.New("the log is being rewritten")
		case !strings.Contains(string(out), "aof_last_bgrewrite_status:ok"):
			return errors.New("the log could not be rewritten")
		}
		return nil
	})
}

// diskUse adds up the files of a directory.
func diskUse(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}

func writeScale(s *settings, m machine, rows []filled) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## Memory and restart with %s counters\n\n", thousands(s.keys))
	b.WriteString(m.origin(s, redisVersion()))
	b.WriteString("Names of 16 bytes, filled over the Redis protocol. Memory is the resident set of the whole process, shared memory included. " +
		"A restart lasts from the start of the process until it answers `PING`; its files are still in the system's cache. Before each " +
		"`kill -9`, 100,000 counters more were changed.\n\n")
	b.WriteString("| | filled in, s | bytes per counter | after the restart | on disk, MB | restart, s |\n|---|---:|---:|---:|---:|---:|\n")
	for _, r := range rows {
		each := func(n int64) string { return figure(float64(n) / float64(s.keys)) }
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.name, figure(r.fill.Seconds()), each(r.resident), each(r.restarted),
			figure(float64(r.disk)/1e6), spreadOf(r.restarts).cell(1))
	}
	ours, plain, fresh := &rows[0], &rows[2], &rows[3]
	quotient := func(a, b []float64) string { return figure(spreadOf(a).median / spreadOf(b).median) }
	fmt.Fprintf(&b, "\nCuenta needs %s of Redis' memory when filled, and %s after a restart. It is back %s times as fast as Redis from a freshly rewritten "+
		"AOF, and %s times as fast as from a plain one.\n",
		figure(float64(ours.resident)/float64(plain.resident)), figure(float64(ours.restarted)/float64(fresh.restarted)),
		quotient(fresh.restarts, ours.restarts), quotient(plain.restarts, ours.restarts))
	return writeSection(s.root, "scale", b.String())
}
