//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cuenta-server/cuenta/internal/bench"
)

// contestant is a server that is measured.
type contestant struct {
	name, note string
	process    *process
	address    string
	rings      string             // path of Cuenta's socket for shared memory
	web        string             // address of Cuenta's HTTP, empty where it is off
	redis      bool               // it speaks the Redis protocol
	ours       bool               // it is Cuenta
	bound      bool               // it counts nothing, and shows what the load allows
	login      []string           // of PostgreSQL: how its programs connect
	swappers   []*swapper         // of etcd
	rates      map[string]float64 // operations per second of each kind of load, as last seen
}

// measurement is one thing that is measured, of every contestant it applies to.
type measurement struct {
	title   string
	command string // as one would type it
	redis   load   // of those that speak the Redis protocol
	others  bool   // PostgreSQL and etcd take part, with loads of their own
}

// openRate is the load of the open loop: under what every Redis can do, so that
// latency is compared at the same work.
const openRate = 20_000

// The measurements, by their place in the list.
const (
	atP1 = iota
	atP16
	atP128
	atHot
	atMany
	atClosed
	atOpen
)

func measurements() []measurement {
	benchmark := func(title string, clients, pipeline int, hot bool) measurement {
		key := "key:__rand_int__"
		if hot {
			key = "key:000000000000"
		}
		return measurement{
			title:   title,
			command: fmt.Sprintf("redis-benchmark -p PORT -c %d -P %d -n N -r 100000 --csv INCR %s", clients, pipeline, key),
			redis:   redisBenchmark(clients, pipeline, hot),
		}
	}
	own := bench.Config{Connections: loadConnections, Pipeline: 1, Keys: 100_000, Distribution: bench.Uniform}
	open := own
	open.Rate = openRate
	return []measurement{
		atP1:     benchmark("P=1", loadConnections, 1, false),
		atP16:    benchmark("P=16", loadConnections, 16, false),
		atP128:   benchmark("P=128", loadConnections, 128, false),
		atHot:    benchmark("one hot counter, P=128", loadConnections, 128, true),
		atMany:   benchmark("1000 clients, P=1", 1000, 1, false),
		atClosed: {title: "closed loop", command: "cuenta bench PORT --connections 50 --pipeline 1 --keys 100000", redis: ownLoad(own), others: true},
		atOpen:   {title: "open loop", command: fmt.Sprintf("cuenta bench PORT --connections 50 --pipeline 1 --keys 100000 --rate %d", openRate), redis: ownLoad(open)},
	}
}

// contest is the whole run.
type contest struct {
	contestants  []*contestant
	measurements []measurement
	results      [][]series // by measurement and contestant
}

func runPeers(ctx context.Context, s *settings) (err error) {
	w, err := openWorkshop(s.root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	c := &contest{measurements: measurements()}
	if err := c.startAll(ctx, w); err != nil {
		return err
	}
	if err := c.measureAll(ctx, w, s); err != nil {
		return err
	}
	m, err := machineOf(w.dir)
	if err != nil {
		return err
	}
	return c.write(s, m)
}

// startAll starts every contestant; they are all alive during the whole run.
func (c *contest) startAll(ctx context.Context, w *workshop) error {
	starts := []func() (*contestant, error){
		func() (*contestant, error) { return w.startCuenta(ctx, "cuenta") },
	}
	for _, mode := range redisModes {
		starts = append(starts, func() (*contestant, error) {
			return w.startRedis(ctx, mode, w.path(mode.dir()))
		})
	}
	starts = append(starts,
		func() (*contestant, error) { return w.startPostgres(ctx) },
		func() (*contestant, error) { return w.startEtcd(ctx) },
		func() (*contestant, error) { return w.startNothing(ctx) })
	for _, start := range starts {
		one, err := start()
		if err != nil {
			return err
		}
		one.rates = make(map[string]float64)
		c.contestants = append(c.contestants, one)
		progress("started %s at %s", one.name, one.address)
	}
	return nil
}

// loadOn returns what a contestant is measured with, nil if it does not take part.
func (m *measurement) loadOn(c *contestant, w *workshop) load {
	switch {
	case c.redis:
		return m.redis
	case !m.others:
		return nil
	case c.swappers != nil:
		return func(ctx context.Context, c *contestant, length time.Duration) (sample, error) {
			return swap(ctx, c.swappers, length)
		}
	}
	return pgbench(w)
}

// measureAll goes round: every measurement takes the contestants in turn, each
// round beginning with another one, so that what changes with time, and what one
// leaves behind for the next, falls on all alike. A first round, shorter, warms up
// and does not count.
func (c *contest) measureAll(ctx context.Context, w *workshop, s *settings) error {
	c.results = make([][]series, len(c.measurements))
	for i := range c.results {
		c.results[i] = make([]series, len(c.contestants))
	}
	for round := 0; round <= s.rounds; round++ {
		for i, m := range c.measurements {
			for k := range c.contestants {
				j := (k + round) % len(c.contestants)
				one := c.contestants[j]
				put := m.loadOn(one, w)
				if put == nil {
					continue
				}
				length := s.seconds
				if round == 0 {
					length /= 5
				}
				got, err := measure(ctx, one, put, length)
				if err != nil {
					return err
				}
				progress("round %d of %d  %-24s %-15s %9.0f op/s  %6.2f µs CPU", round, s.rounds, m.title, one.name, got.perSecond, micros(got.cpu))
				if round > 0 {
					c.results[i][j] = append(c.results[i][j], got)
				}
			}
		}
	}
	return nil
}
