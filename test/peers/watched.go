//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/bench"
)

// watcherCount is how many watch at once.
const watcherCount = 1000

// watchedLonger is how much longer than others these loads are measured: the server
// tells so many watchers in bouts, with rests between, and some of both must fit in.
const watchedLonger = 3

// watchedRow is a busy prefix, measured with and without watchers.
type watchedRow struct {
	title         string
	prefix        string
	config        bench.Config
	without, with series
	told          []float64 // bytes per second to all watchers
	heard         []float64 // watchers that were told anything while the load lasted
	last          []float64 // seconds after it until all of them were
}

// measureWatched compares rounds with and without watchers, in turn.
func measureWatched(ctx context.Context, w *workshop, s *settings) ([]*watchedRow, error) {
	c, err := w.startCuenta(ctx, "watched", "--web", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	load := bench.Config{Front: cuenta.FrontRESP, Connections: loadConnections, Pipeline: 16, Distribution: bench.Uniform}
	rows := []*watchedRow{
		{title: "1,000 counters, alike", prefix: "key:000000000", config: load},
		{title: "one counter", prefix: "key:000000000000", config: load},
	}
	rows[0].config.Keys, rows[1].config.Keys = 1000, 1
	if err := fillKeys(ctx, c, rows[0].config.Keys); err != nil {
		return nil, err
	}
	for round := range s.rounds {
		for _, row := range rows {
			if err := row.measure(ctx, c, s); err != nil {
				return nil, fmt.Errorf("%d watchers of %s: %w", watcherCount, row.prefix, err)
			}
			at := len(row.with) - 1
			progress("round %d of %d  %s: %.0f op/s, watched %.0f op/s; %.0f watchers told %.1f MB/s, all of them %.2f s later", round+1, s.rounds, row.title,
				row.without[at].perSecond, row.with[at].perSecond, row.heard[at], row.told[at]/1e6, row.last[at])
		}
	}
	return rows, c.process.stop()
}

// measure does one round.
func (row *watchedRow) measure(ctx context.Context, c *contestant, s *settings) error {
	without, err := measure(ctx, c, ownLoad(row.config), watchedLonger*s.seconds)
	if err != nil {
		return err
	}
	watchers, err := watch(ctx, c.web, row.prefix, watcherCount)
	if err != nil {
		return err
	}
	with, err := measure(ctx, c, ownLoad(row.config), watchedLonger*s.seconds)
	told, heard, ended := watchers.told.Load(), watchers.heard.Load(), time.Now()
	if err == nil {
		err = watchers.awaitAll(ctx)
	}
	last := time.Since(ended)
	if err = errors.Join(err, watchers.end()); err != nil {
		return err
	}
	row.heard, row.last = append(row.heard, float64(heard)), append(row.last, last.Seconds())
	row.without, row.with = append(row.without, without), append(row.with, with)
	row.told = append(row.told, float64(told)/(float64(with.operations)/with.perSecond))
	return nil
}

// watchers are watches under way.
type watchers struct {
	conns  []net.Conn
	told   atomic.Int64 // bytes since each was current
	heard  atomic.Int64 // watches that were told anything since
	cut    atomic.Int64 // watches that ended by themselves
	ending atomic.Bool
	all    sync.WaitGroup
}

// watch begins so many watches of a prefix, as server-sent events, and returns when all
// of them are current.
func watch(ctx context.Context, address, prefix string, n int) (*watchers, error) {
	w := &watchers{}
	current := make(chan error, n)
	for range n {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, errors.Join(err, w.end())
		}
		w.conns = append(w.conns, conn)
		w.all.Go(func() { w.follow(conn, prefix, current) })
	}
	for range n {
		select {
		case err := <-current:
			if err != nil {
				return nil, errors.Join(err, w.end())
			}
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), w.end())
		}
	}
	return w, nil
}

// heardPatience is how long it may take until the last watcher is told of changes that
// have been made.
const heardPatience = 30 * time.Second

// awaitAll waits until every watcher was told something.
func (w *watchers) awaitAll(ctx context.Context) error {
	for began := time.Now(); w.heard.Load() < int64(len(w.conns)); {
		if n := w.cut.Load(); n > 0 {
			return fmt.Errorf("%d watches ended by themselves", n)
		}
		if time.Since(began) > heardPatience {
			return fmt.Errorf("%d watchers of %d were told nothing in %v", int64(len(w.conns))-w.heard.Load(), len(w.conns), heardPatience)
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// follow reads one watch to its end. What comes once it is current is only counted.
func (w *watchers) follow(conn net.Conn, prefix string, current chan<- error) {
	events, err := awaitCurrent(conn, prefix)
	current <- err
	if err != nil {
		return
	}
	b := make([]byte, 16<<10)
	for first := true; ; {
		n, err := events.Read(b)
		w.told.Add(int64(n))
		if first && n > 0 {
			w.heard.Add(1)
			first = false
		}
		if err != nil {
			if !w.ending.Load() {
				w.cut.Add(1)
			}
			return
		}
	}
}

// awaitCurrent asks for a watch and reads until all is told that there is. What follows
// is in the events.
func awaitCurrent(conn net.Conn, prefix string) (events io.Reader, err error) {
	request, err := http.NewRequest(http.MethodGet, "http://"+conn.RemoteAddr().String()+"/v1/counters:watch?prefix="+prefix, nil)
	if err == nil {
		err = request.Write(conn)
	}
	if err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return nil, err
	}
	// The body is never closed: the connection is, at the end.
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 200)) // says why, as far as it can be read
		return nil, fmt.Errorf("a watch was answered %s: %s", answer.Status, strings.TrimSpace(string(text)))
	}
	lines, current := bufio.NewReader(answer.Body), false
	for {
		line, err := lines.ReadString('\n')
		switch {
		case err != nil:
			return nil, fmt.Errorf("a watch ended before it was current: %w", err)
		case line == "event: current\n":
			current = true
		case line == "\n" && current:
			return lines, nil
		}
	}
}

// end ends the watches, and tells whether they were what they should be.
func (w *watchers) end() error {
	w.ending.Store(true)
	for _, conn := range w.conns {
		_ = conn.Close() // whatever still comes is of no interest
	}
	w.all.Wait()
	if n := w.cut.Load(); n > 0 {
		return fmt.Errorf("%d watches ended by themselves", n)
	}
	return nil
}
