package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/grpchealth"

	"github.com/cuenta-server/cuenta"
)

const (
	healthWatch = "/" + grpchealth.HealthV1ServiceName + "/Watch"

	// pulseEvery is how often health is felt while somebody watches it.
	pulseEvery = time.Second
)

// pulse feels the server's health for all who watch it together.
type pulse struct {
	feel  func(context.Context) (grpchealth.Status, error)
	every time.Duration

	mu       sync.Mutex
	watchers map[*func()]struct{} // each is told of changes
	stop     context.CancelFunc   // of the feeling, which goes on while there are watchers
	stopped  chan struct{}        // closed when it has stopped
}

// add has a watcher told of changes until it is removed.
func (p *pulse) add(changed func()) (remove func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.watchers) == 0 {
		// It asks for nobody in particular.
		ctx := context.WithValue(context.Background(), callerKey{}, &caller{origin: cuenta.Origin{Front: cuenta.FrontWeb}})
		ctx, p.stop = context.WithCancel(ctx)
		p.watchers, p.stopped = make(map[*func()]struct{}), make(chan struct{})
		go p.run(ctx, p.stopped)
	}
	p.watchers[&changed] = struct{}{}
	return func() { p.remove(&changed) }
}

func (p *pulse) remove(changed *func()) {
	p.mu.Lock()
	delete(p.watchers, changed)
	last, stopped := len(p.watchers) == 0, p.stopped
	if last {
		p.stop()
	}
	p.mu.Unlock()
	if last {
		<-stopped
	}
}

func (p *pulse) run(ctx context.Context, stopped chan<- struct{}) {
	defer close(stopped)
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	felt := grpchealth.StatusUnknown
	for {
		if is, err := p.feel(ctx); err == nil && is != felt {
			felt = is
			p.tell()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *pulse) tell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for changed := range p.watchers {
		(*changed)()
	}
}

// serveHealthWatch tells of health for as long as the client wants, or until the front
// is drained.
func (a *API) serveHealthWatch(service http.Handler, w http.ResponseWriter, r *http.Request) {
	if refused := guard(r); refused != nil {
		a.refuse(w, r, refused)
		return
	}
	out := a.watches.newLasting(w, r)
	defer out.release()
	ctx, cancel := context.WithCancel(callerOf(r.Context()).lasting)
	defer cancel()
	defer context.AfterFunc(a.watches.ending, cancel)()
	service.ServeHTTP(out, r.WithContext(ctx))
}
