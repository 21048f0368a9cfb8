package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/badnet"
	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/rpcclient"
	"github.com/cuenta-server/cuenta/internal/spawn"
)

const (
	// Every front has so many clients with identities and as many without, on so
	// many counters each: clients share counters.
	clientsPerGroup  = 6
	countersPerGroup = 3

	// There is a kill in every stretch of this length, and one at the end.
	killEvery = 2 * time.Second

	// meanPieces is how many pieces of data pass on a connection before it is lost: few,
	// as clients need a few to count once.
	meanPieces = 15

	// endPatience is for the operations under way when the faults end: they need
	// one attempt more.
	endPatience = 15 * time.Second

	progressEvery = time.Second
)

// Config is one demonstration.
type Config struct {
	Executable string // Cuenta's
	Redis      string // a Redis', empty for none
	Seed       uint64
	Duration   time.Duration // of the faults
	Lang       lang.Lang     // of what the report says in words
}

// Snapshot is how far it has come.
type Snapshot struct {
	Elapsed time.Duration
	Kills   int64
	Counted int64
	Retried int64
}

// Report is what came of it.
type Report struct {
	Seed     uint64  `json:"seed"`
	Seconds  float64 `json:"seconds"` // of faults
	Kills    int64   `json:"kills"`   // of the server with SIGKILL; Redis as often
	Lost     int64   `json:"datagrams_lost"`
	Repeated int64   `json:"datagrams_repeated"`
	Cuts     int64   `json:"connections_cut"`

	Once  []Tally `json:"with_identities"`
	Bare  []Tally `json:"bare"`
	Redis []Tally `json:"redis,omitempty"`

	LeftOut []Omission `json:"left_out"`

	// Exact says that with identities every counter of every front holds what its
	// clients have counted.
	Exact bool `json:"exact"`

	// Kept is the directory that was not removed, because the totals are not exact.
	Kept string `json:"kept,omitempty"`
}

// Omission is a part that could not be shown here.
type Omission struct {
	Part string `json:"part"`
	Why  string `json:"why"`
}

// run is a demonstration under way.
type run struct {
	config Config
	dir    string
	start  time.Time
	report Report

	mother  *spawn.Mother
	server  *server
	redis   *redis // nil without one
	network badnet.Network
	proxies []badnet.Proxy

	once, bare []*group
	redisBare  *group // nil without Redis
	kills      atomic.Int64
}

// Crash runs the demonstration and tells progress as it goes. An error means that
// it could not be brought to its end: ctx has ended, or a server does not start.
func Crash(ctx context.Context, c Config, progress func(Snapshot)) (_ Report, err error) {
	dir, err := os.MkdirTemp("", "cuenta-demo-")
	if err != nil {
		return Report{}, err
	}
	r := &run{config: c, dir: dir, mother: spawn.New(), report: Report{Seed: c.Seed, LeftOut: []Omission{}}}
	r.network = badnet.Network{Seed: c.Seed, MeanPieces: meanPieces, Counts: new(badnet.Counts)}
	r.server = &server{mother: r.mother, executable: c.Executable, dir: dir, host: ownHost()}
	defer r.mother.Retire()
	defer r.end()
	if err = r.prepare(ctx); err == nil {
		err = r.suffer(ctx, progress)
	}
	if err == nil {
		err = r.judge(ctx)
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	r.end()
	switch {
	case err == nil && !r.report.Exact:
		r.report.Kept = dir
	case err == nil || ctx.Err() != nil || r.server.addresses == nil:
		err = errors.Join(err, os.RemoveAll(dir))
	default:
		err = fmt.Errorf("%w; its directory was kept: %s", err, dir)
	}
	return r.report, err
}

// end closes what is open, for good. It may be called again.
func (r *run) end() {
	for _, p := range r.proxies {
		p.Close()
	}
	r.proxies = nil
	r.server.kill()
	if r.redis != nil {
		r.redis.kill()
	}
}

// prepare starts the servers, and sets up proxies and clients before them.
func (r *run) prepare(ctx context.Context) error {
	if err := r.server.start(ctx); err != nil {
		return err
	}
	for _, f := range fronts {
		if err := r.open(ctx, f); err != nil {
			return err
		}
	}
	r.openRings()
	return r.openRedis(ctx)
}

// suffer has the clients count while everything fails, until all is answered.
func (r *run) suffer(ctx context.Context, progress func(Snapshot)) error {
	r.start = time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	enough := make(chan struct{})
	var clients, killers sync.WaitGroup
	for _, c := range r.clients() {
		clients.Go(func() { c.run(ctx, enough) })
	}
	for _, victim := range r.victims() {
		killers.Go(func() {
			if err := r.torment(ctx, victim); err != nil {
				cancel(err)
			}
		})
	}
	stopTelling := r.tell(progress)
	// If ctx ends the clients and killers do too, and this is waited out no longer.
	_ = sleep(ctx, r.config.Duration)
	killers.Wait()
	close(enough)
	for _, p := range r.proxies {
		p.Settle()
	}
	late := time.AfterFunc(endPatience, func() { cancel(nil) }) // what has no answer then is a failure of its client
	clients.Wait()
	late.Stop()
	stopTelling()
	r.report.Seconds = r.config.Duration.Seconds()
	if cause := context.Cause(ctx); cause != nil && cause != context.Canceled {
		return cause
	}
	return nil
}

// tell reports progress until stop is called.
func (r *run) tell(progress func(Snapshot)) (stop func()) {
	ticker, done := time.NewTicker(progressEvery), make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		for {
			select {
			case <-ticker.C:
				progress(r.snapshot())
			case <-done:
				return
			}
		}
	})
	return func() {
		ticker.Stop()
		close(done)
		telling.Wait()
	}
}

func (r *run) snapshot() Snapshot {
	s := Snapshot{Elapsed: time.Since(r.start), Kills: r.kills.Load()}
	for _, c := range r.clients() {
		s.Counted += c.counted.Load()
		s.Retried += c.repeated.Load()
	}
	return s
}

func (r *run) clients() (all []*client) {
	for _, g := range r.groups() {
		all = append(all, g.clients...)
	}
	return all
}

func (r *run) groups() []*group {
	all := append(append([]*group{}, r.once...), r.bare...)
	if r.redisBare != nil {
		all = append(all, r.redisBare)
	}
	return all
}

// judge kills the servers a last time, and compares what they hold then with what
// the clients know.
func (r *run) judge(ctx context.Context) error {
	for _, victim := range r.victims() {
		if err := r.kill(ctx, victim); err != nil {
			return err
		}
	}
	if err := r.tallyCuenta(ctx); err != nil {
		return err
	}
	if err := r.tallyRedis(ctx); err != nil {
		return err
	}
	r.report.Kills = r.kills.Load()
	done := r.network.Counts
	r.report.Lost, r.report.Repeated, r.report.Cuts = done.Lost.Load(), done.Doubled.Load(), done.Cuts.Load()
	r.report.Exact = len(r.report.Once) > 0
	for i := range r.report.Once {
		r.report.Exact = r.report.Exact && r.report.Once[i].Exact()
	}
	return nil
}

func (r *run) tallyCuenta(ctx context.Context) error {
	console, err := rpcclient.Dial(ctx, "unix", filepath.Join(r.server.data(), "cuenta.sock"))
	if err != nil {
		return err
	}
	defer console.Close() // it is only read from
	read := func(ctx context.Context, counter string) (int64, error) {
		reply, err := console.Do(ctx, cuenta.RPCRequest{Op: cuenta.Get.String(), Counter: counter})
		return reply.Value, err
	}
	if r.report.Once, err = tallies(ctx, r.once, read); err != nil {
		return err
	}
	r.report.Bare, err = tallies(ctx, r.bare, read)
	return err
}

func (r *run) tallyRedis(ctx context.Context) (err error) {
	if r.redis == nil {
		return nil
	}
	console := newRESP("unix", r.redis.socket())
	defer console.close()
	r.report.Redis, err = tallies(ctx, []*group{r.redisBare}, func(ctx context.Context, counter string) (int64, error) {
		return console.number(ctx, "GET", counter)
	})
	return err
}
