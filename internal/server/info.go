package server

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/engine"
	"github.com/cuenta-server/cuenta/internal/inspect"
)

// maxReports is how many reports are made at a time, for whichever fronts: they read
// much of the system, and must not take the processors from the counting.
const maxReports = 4

// Info implements [cuenta.Operator].
func (s *Server) Info(ctx context.Context, asJSON bool) ([]byte, error) {
	select {
	case s.reports <- struct{}{}:
		defer func() { <-s.reports }()
	case <-ctx.Done():
		return nil, cuenta.Canceled.Err()
	}
	fronts, err := s.Services(ctx)
	if err != nil {
		return nil, err
	}
	system, err := inspect.ReadSystem(ctx, ports(fronts))
	if err != nil {
		return nil, fmt.Errorf("reading the system: %w", err)
	}
	stats := s.engine.Stats()
	report := inspect.Report{
		System:     system,
		Service:    s.describe(stats),
		Identities: stats.Identities,
		Terms:      stats.Terms,
		Gate:       stats.Gate,
		Queue:      stats.Queue,
		Watches:    s.watches.Stats(),
		Fronts:     fronts,
		Workers:    s.readWorkers(ctx),
		Journal:    stats.Journal,
	}
	if asJSON {
		return report.JSON()
	}
	return report.Text(), nil
}

// ports returns the ports that the fronts listen on.
func ports(fronts []cuenta.ServiceStatus) (all []inspect.Port) {
	for _, f := range fronts {
		port, err := strconv.Atoi(portOf(f.Address))
		if err != nil || f.State != cuenta.Running {
			continue
		}
		network := "tcp"
		if f.Name == cuenta.FrontUDP {
			network = "udp"
		}
		all = append(all, inspect.Port{Front: f.Name, Network: network, Port: port})
	}
	return all
}

func (s *Server) describe(stats engine.Stats) inspect.Service {
	service := inspect.Service{
		State:       inspect.Healthy,
		Version:     s.config.Version,
		PID:         os.Getpid(),
		Data:        s.config.Data,
		Started:     s.started,
		Uptime:      s.uptime(),
		Counters:    stats.Counters,
		MaxCounters: uint64(stats.MaxCounters),
		History:     stats.History,
		Sequence:    stats.Sequence,
		Shared:      stats.Memory,
	}
	switch {
	case stats.Failure != "":
		service.State, service.Reason = inspect.Failed, stats.Failure
	case stats.Journal.Full:
		service.State, service.Reason = inspect.Full, stats.Journal.Reason
	}
	service.ReadRuntime()
	return service
}

func (s *Server) readWorkers(ctx context.Context) (all []inspect.Worker) {
	front := s.workers.Load()
	if front == nil {
		return nil
	}
	for _, w := range front.Workers() {
		all = append(all, inspect.Worker{Front: cuenta.FrontProc, PID: w.PID, Connections: w.Open, Accepted: w.Accepted,
			Requests: w.Requests, BytesIn: w.BytesIn, BytesOut: w.BytesOut})
	}
	inspect.ReadWorkers(ctx, all)
	return all
}
