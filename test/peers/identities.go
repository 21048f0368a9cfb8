//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/bench"
)

// identityRow is a load that is measured with each form of identity.
type identityRow struct {
	title  string
	config bench.Config // but for the identity and the address
	forms  []bench.Identity
}

func identityRows() []identityRow {
	all := bench.Identities
	return []identityRow{
		{"Redis protocol, 50 connections, 16 in flight", bench.Config{Front: cuenta.FrontRESP, Connections: 50, Pipeline: 16, Keys: 100_000, Distribution: bench.Uniform}, all},
		{"Redis protocol, 50 connections, 1 in flight", bench.Config{Front: cuenta.FrontRESP, Connections: 50, Pipeline: 1, Keys: 100_000, Distribution: bench.Uniform}, all},
		{"rings, 50 programs, 16 in flight", bench.Config{Front: cuenta.FrontSHM, Connections: 50, Pipeline: 16, Keys: 100_000, Distribution: bench.Uniform}, all},
		{"rings, 8 programs, 64 in flight, one counter", bench.Config{Front: cuenta.FrontSHM, Connections: 8, Pipeline: 64, Keys: 1, Distribution: bench.Hot}, all},
		{"rings, 1 program, 1 in flight, one counter", bench.Config{Front: cuenta.FrontSHM, Connections: 1, Pipeline: 1, Keys: 1, Distribution: bench.Hot}, all},
	}
}

// runIdentities measures what identities cost, each load with every form of them in
// turn, round after round, on one server.
func runIdentities(ctx context.Context, s *settings) (err error) {
	w, err := openWorkshop(s.root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	// Every key of the run stays: at this pace the memory of a day is full in a minute.
	c, err := w.startCuenta(ctx, "identities", "--id-memory", "8GiB")
	if err != nil {
		return err
	}
	rows := identityRows()
	results := make([][]series, len(rows))
	for i := range rows {
		results[i] = make([]series, len(rows[i].forms))
	}
	for round := range s.rounds {
		for i, row := range rows {
			for j, form := range row.forms {
				config := row.config
				config.Identity = form
				one, err := measure(ctx, c, ownLoad(config), s.seconds)
				if err != nil {
					return err
				}
				progress("round %d of %d  %s, identity %s: %.0f op/s, %.2f µs CPU", round+1, s.rounds, row.title, form, one.perSecond, micros(one.cpu))
				results[i][j] = append(results[i][j], one)
			}
		}
	}
	m, err := machineOf(w.dir)
	if err != nil {
		return err
	}
	return errors.Join(writeIdentities(s, m, rows, results), c.process.stop())
}

func writeIdentities(s *settings, m machine, rows []identityRow, results [][]series) error {
	var b strings.Builder
	b.WriteString("## What identities cost\n\n")
	b.WriteString(m.origin(s))
	b.WriteString("The same load without identities, with a session's number on every operation, and with an idempotency key on every operation, " +
		"in turn on one server, by `cuenta bench`. Everything is durable. The quotient is that of each round, and its median.\n\n")
	b.WriteString("| load | identity | thousand/s | to none | p50, µs | p99, µs | CPU per operation, µs |\n|---|---|---:|---:|---:|---:|---:|\n")
	for i, row := range rows {
		for j, form := range row.forms {
			got := results[i][j]
			quotient := "–"
			if j > 0 {
				quotient = ratio(got, results[i][0], perSecond).cell(1)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", row.title, form, got.of(perSecond).cell(1000), quotient,
				got.of(p50Micros).cell(1), got.of(p99Micros).cell(1), got.of(cpuMicros).cell(1))
		}
	}
	return writeSection(s.root, "identities", b.String())
}
