//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/bench"
)

// beyondGroup are operations that are measured beside plain increments, which are the
// first of them, in turn on one server.
type beyondGroup struct {
	title   string
	config  bench.Config // but for the operation and the address
	ops     []bench.Op
	server  *contestant
	results []series // by operation
}

// beyondGroups are measured on two servers: every ticket is a counter for good, which
// should not make the others' server larger and larger.
func beyondGroups(server, tickets *contestant) []*beyondGroup {
	var groups []*beyondGroup
	for _, way := range []struct{ front, title string }{
		{cuenta.FrontRESP, "Redis protocol, 50 connections, 16 in flight on each"},
		{cuenta.FrontSHM, "Rings, 50 programs, 16 in flight of each"},
	} {
		c := bench.Config{Front: way.front, Connections: loadConnections, Pipeline: 16, Keys: 100_000, Distribution: bench.Uniform}
		groups = append(groups,
			&beyondGroup{title: way.title, config: c, server: server, ops: []bench.Op{
				bench.Increment, bench.Bounded, bench.Refused, bench.Clamped, bench.Transfer, bench.Reserve, bench.Take, bench.Expire}},
			&beyondGroup{title: way.title + ", on a server of tickets", config: c, server: tickets, ops: []bench.Op{bench.Increment, bench.Ticket}})
	}
	for _, g := range groups {
		g.results = make([]series, len(g.ops))
	}
	return groups
}

// of returns what was measured of an operation.
func (g *beyondGroup) of(op bench.Op) series {
	for i := range g.ops {
		if g.ops[i] == op {
			return g.results[i]
		}
	}
	return nil
}

// runBeyond measures what is beyond increments: what the operations cost, what
// watching costs, and what it does to others when many counters end at once.
func runBeyond(ctx context.Context, s *settings) (err error) {
	if err := raiseFiles(); err != nil {
		return err
	}
	w, err := openWorkshop(s.root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	server, err := w.startCuenta(ctx, "beyond")
	if err != nil {
		return err
	}
	tickets, err := w.startCuenta(ctx, "tickets")
	if err != nil {
		return err
	}
	groups := beyondGroups(server, tickets)
	if err := measureBeyond(ctx, s, groups); err != nil {
		return err
	}
	if err := errors.Join(server.process.stop(), tickets.process.stop()); err != nil {
		return err
	}
	watched, err := measureWatched(ctx, w, s)
	if err != nil {
		return err
	}
	ended, err := measureEnded(ctx, w, s)
	if err != nil {
		return err
	}
	m, err := machineOf(w.dir)
	if err != nil {
		return err
	}
	return writeBeyond(s, m, groups, watched, ended)
}

// measureBeyond goes round; the first round, shorter, warms up and does not count. Each
// round begins with another operation.
func measureBeyond(ctx context.Context, s *settings, groups []*beyondGroup) error {
	for _, g := range groups {
		if err := fillKeys(ctx, g.server, g.config.Keys); err != nil {
			return err
		}
	}
	if err := limitReserved(ctx, groups[0].server, groups[0].config.Keys); err != nil {
		return err
	}
	for round := 0; round <= s.rounds; round++ {
		length := s.seconds
		if round == 0 {
			length /= 5
		}
		for _, g := range groups {
			for k := range g.ops {
				i := (k + round) % len(g.ops)
				config := g.config
				config.Op = g.ops[i]
				one, err := measure(ctx, g.server, ownLoad(config), length)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", g.title, g.ops[i], err)
				}
				progress("round %d of %d  %s, %s: %.0f op/s, %.2f µs CPU", round, s.rounds, g.title, g.ops[i], one.perSecond, micros(one.cpu))
				if round > 0 {
					g.results[i] = append(g.results[i], one)
				}
			}
		}
	}
	return nil
}

// limitReserved gives the counters that are held of a limit, as in use they have one.
func limitReserved(ctx context.Context, c *contestant, keys int64) error {
	return pipeline(ctx, c.address, keys, "+OK", func(dst []byte, i int64) []byte {
		return fmt.Appendf(dst, "CUENTA.LIMIT %s%012d FLOOR 0 CEILING 1000000000000\r\n", bench.Reserve.Prefix(), i)
	})
}

// described says what each operation is, for the document.
func described(op bench.Op) string {
	switch op {
	case bench.Increment:
		return "increment (`INCR`)"
	case bench.Bounded:
		return "accepted below a limit (`INCREX … UBOUND … SATURATE`)"
	case bench.Refused:
		return "refused at a limit (`INCREX … UBOUND`)"
	case bench.Clamped:
		return "clamped to a limit (`INCREX … UBOUND … SATURATE`)"
	case bench.Transfer:
		return "transfer (`CUENTA.TRANSFER`)"
	case bench.Reserve:
		return "reserve and settle (`CUENTA.HOLD`, then `CUENTA.SETTLE`)"
	case bench.Take:
		return "take of a rate (`CUENTA.TAKE … FIXED`)"
	case bench.Ticket:
		return "ticket for somebody new (`CUENTA.TICKET`)"
	case bench.Expire:
		return "increment with an end (`INCREX … EX 3600`)"
	}
	return strconv.Quote(string(op))
}
