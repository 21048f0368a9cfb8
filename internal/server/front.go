package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/cuenta-server/cuenta"
)

// running is a front that listens.
type running struct {
	address net.Addr
	serve   func() error // blocks until drained
	drain   func(context.Context) error
}

// front is one way in over its whole life: it may be stopped and started, its
// traffic is counted through.
type front struct {
	name    string
	banner  string // the original's words, with the port to fill in
	open    func(address string) (running, error)
	traffic cuenta.Traffic
	log     *slog.Logger

	control sync.Mutex // held by whoever starts or stops it

	mu      sync.Mutex // over the rest
	state   cuenta.State
	address string // bound, or to be bound
	current running
	served  chan struct{} // closed once current's serve has returned
}

func newFront(name, address, banner string, open func(string) (running, error), log *slog.Logger) *front {
	return &front{name: name, address: address, banner: banner, open: open,
		state: cuenta.Stopped, log: log.With("front", name)}
}

// start binds and serves; nothing happens to a front that runs.
func (f *front) start() error {
	f.control.Lock()
	defer f.control.Unlock()
	if f.status().State == cuenta.Running {
		return nil
	}
	r, err := f.open(f.address)
	if err != nil {
		return err
	}
	served := make(chan struct{})
	f.mu.Lock()
	f.state, f.current, f.served = cuenta.Running, r, served
	f.address = r.address.String() // a port picked by the system stays the same over a restart
	f.mu.Unlock()
	go f.serve(r, served)
	return nil
}

func (f *front) serve(r running, served chan struct{}) {
	defer close(served)
	err := r.serve()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != cuenta.Running {
		return
	}
	f.state, f.current = cuenta.Stopped, running{}
	f.log.Error("the front ended by itself; start it again from a console", "error", err)
	// What it began besides listening, connections and processes, must end too.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.drain(ctx); err != nil {
		f.log.Debug("ending what is left of the front", "error", err)
	}
}

// stop drains; what is left when ctx ends is cut.
func (f *front) stop(ctx context.Context) error {
	f.control.Lock()
	defer f.control.Unlock()
	f.mu.Lock()
	if f.state != cuenta.Running {
		f.mu.Unlock()
		return nil
	}
	f.state = cuenta.Draining
	r, served := f.current, f.served
	f.mu.Unlock()
	err := r.drain(ctx)
	<-served
	f.mu.Lock()
	f.state, f.current = cuenta.Stopped, running{}
	f.mu.Unlock()
	if err != nil {
		return fmt.Errorf("draining %s: %w", f.name, err)
	}
	return nil
}

func (f *front) status() cuenta.ServiceStatus {
	f.mu.Lock()
	state, address := f.state, f.address
	f.mu.Unlock()
	t := &f.traffic
	return cuenta.ServiceStatus{
		Name: f.name, State: state, Address: address,
		Open: t.Open.Load(), Accepted: t.Accepted.Load(), Refused: t.Refused.Load(),
		Requests: t.Requests.Load(), Errors: t.Errors.Load(),
		BytesIn: t.BytesIn.Load(), BytesOut: t.BytesOut.Load(),
		Dropped: t.Dropped.Load(), Workers: t.Workers.Load(),
	}
}

// portOf returns the port of an address, "" if it has none.
func portOf(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "" // a path
	}
	return port
}
