//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/badnet"
	"github.com/cuenta-server/cuenta/internal/history"
	"github.com/cuenta-server/cuenta/internal/rpcclient"
)

// round is one server with all its lives, and those who ask it.
type round struct {
	program string
	seed    uint64
	kills   int
	keep    string // where what is wrong is kept
	tally   *tally
	dice    *rand.Rand // of what is done to the server

	flags     []string                    // more of the server's
	forgetful bool                        // nothing is judged: the history is thrown away as it grows
	instead   func(context.Context) error // of torment
	after     func(context.Context) error // what is looked at when the clients are gone

	arena     *arena
	entrances *entrances
	proxies   map[string]badnet.Proxy // by front
	recorder  *history.Recorder
	judged    *history.History // in the end
	askers    []*asker
	patients  []*patient
	flooder   *asker
	filled    bool // the small file system has no room

	// life is how many lives of the server are over, and everything with them that
	// was on its way.
	life atomic.Int64

	ending atomic.Bool

	gate   sync.Mutex
	opened chan struct{} // closed while clients are let through

	mu     sync.Mutex
	wrongs []string // what is wrong beside the history
}

// over reports whether clients begin nothing new any more.
func (r *round) over() bool { return r.ending.Load() }

// maxWrongs is how many sentences a round keeps.
const maxWrongs = 20

// wrong notes what must not be.
func (r *round) wrong(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.wrongs) < maxWrongs {
		r.wrongs = append(r.wrongs, what)
	}
	r.ending.Store(true)
}

func (r *round) faults() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wrongs
}

const (
	// smallSize is the size of the small file system: log and snapshots fit in, and
	// not much more.
	smallSize = 224 << 20

	// One round in so many has its data on the real disk.
	largeOneIn = 10
)

// run goes through the round. An error says that it is to blame: it could not be
// brought to its end; what is wrong with the server is among the faults.
func (r *round) run(ctx context.Context) (err error) {
	r.dice = badnet.Dice(r.seed, "torment")
	if err := r.prepare(ctx); err != nil {
		return err
	}
	defer func() {
		r.closeProxies()
		err = errors.Join(err, r.arena.leave(err != nil || len(r.faults()) > 0))
	}()
	var asking sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer asking.Wait()
	defer cancel()
	r.cast()
	if err := r.found(ctx); err != nil {
		return err
	}
	for _, c := range r.askers {
		asking.Go(func() { c.run(ctx) })
	}
	for _, p := range r.patients {
		asking.Go(func() { p.run(ctx) })
	}
	r.open()
	suffer := r.torment
	if r.instead != nil {
		suffer = r.instead
	}
	if err := suffer(ctx); err != nil {
		return err
	}
	r.ending.Store(true)
	for _, p := range r.proxies {
		p.Settle()
	}
	if len(r.faults()) > 0 {
		cancel() // there may be nobody to answer any more
	}
	late := time.AfterFunc(patience, func() {
		r.wrong("clients have got no answer long after the last fault")
		cancel()
	})
	asking.Wait()
	late.Stop()
	if ctx.Err() != nil && len(r.faults()) == 0 {
		return ctx.Err()
	}
	if r.after != nil && len(r.faults()) == 0 {
		r.closeProxies()
		if err := r.after(ctx); err != nil {
			return err
		}
	}
	return r.conclude(ctx)
}

// prepare starts the server's first life, and stands proxies before it.
func (r *round) prepare(ctx context.Context) (err error) {
	workers := "2"
	if oneIn(r.dice, 3) {
		workers = "connection"
	}
	size := int64(smallSize)
	if oneIn(r.dice, largeOneIn) {
		size = 0
	}
	flags := append([]string{"--workers", workers}, r.flags...)
	r.arena, err = newArena(r.program, size, flags...)
	if err != nil && size > 0 {
		r.tally.note("not done: filling a disk, which needs a user namespace with a tmpfs: " + err.Error())
		r.arena, err = newArena(r.program, 0, flags...)
	}
	if err != nil {
		return err
	}
	if err = r.arena.start(ctx); err == nil {
		err = r.stand()
	}
	if err != nil {
		r.closeProxies()
		return errors.Join(err, r.arena.leave(false))
	}
	r.tally.rounds.Add(1)
	r.recorder, r.opened = history.NewRecorder(nil), make(chan struct{})
	return nil
}

// stand puts a proxy before each front.
func (r *round) stand() error {
	network := badnet.Network{Seed: r.seed, Counts: &r.tally.network, MeanPieces: meanPieces, Single: bare, Answer: r.measure}
	r.proxies = map[string]badnet.Proxy{}
	r.entrances = &entrances{address: map[string]string{}, rings: filepath.Join(r.arena.dir, "shm")}
	for _, front := range ports {
		var p badnet.Proxy
		var err error
		if networkOf(front) == "udp" {
			p, err = network.UDP(front)
		} else {
			p, err = network.TCP(front)
		}
		if err != nil {
			return err
		}
		r.proxies[front] = p
		r.entrances.address[front] = p.Address()
	}
	return nil
}

// meanPieces is how many pieces of data pass on a connection before it is lost.
const meanPieces = 60

func networkOf(front string) string {
	if front == cuenta.FrontUDP {
		return "udp"
	}
	return "tcp"
}

// bare reports whether a request in a datagram counts twice if a network doubles it.
// The history would not know how often it was sent.
func bare(request []byte) bool {
	return !bytes.Contains(request, []byte(" id=")) && !bytes.HasPrefix(request, []byte("con."))
}

// maxAnswer is the longest answer that may come as a datagram, in bytes.
const maxAnswer = 64

// measure looks at an answer that came as a datagram.
func (r *round) measure(answer []byte) {
	r.tally.datagram(len(answer))
	if len(answer) > maxAnswer {
		r.wrong(fmt.Sprintf("an answer of %d bytes came as a datagram: %q", len(answer), answer))
	}
}

// closeProxies closes them all. It may be called again.
func (r *round) closeProxies() {
	for _, p := range r.proxies {
		p.Close()
	}
	clear(r.proxies)
}

// cast makes those who ask, each with a stream of random numbers of its own.
func (r *round) cast() {
	untold := 0
	place := func(told bool) int {
		if !told {
			untold++
		}
		return untold
	}
	for i := range manners {
		m := &manners[i]
		for n := range m.clients {
			name := fmt.Sprintf("%s-%d", m.name, n)
			d := badnet.Dice(r.seed, name)
			r.askers = append(r.askers, &asker{
				drawer: drawer{manner: m, dice: d, name: name, names: namesFor(m.told, place(m.told)), place: untold}, way: m.open(r.entrances),
				log: r.recorder.Client(name), round: r, tally: r.tally.way(m.name),
			})
		}
	}
	flood := &manner{name: "flood", patience: patience, open: newRings}
	r.flooder = &asker{
		drawer: drawer{manner: flood, dice: badnet.Dice(r.seed, flood.name), name: flood.name},
		log:    r.recorder.Client(flood.name), round: r, tally: r.tally.way(flood.name),
	}
	for _, s := range schemes {
		for n := range s.clients {
			name := fmt.Sprintf("%s-%d", s.name, n)
			d := badnet.Dice(r.seed, name)
			r.patients = append(r.patients, &patient{
				scheme: s, dice: d,
				draw: drawer{
					manner: &manner{ops: s.ops, told: s.told, burst: 1}, dice: d, name: name, names: namesFor(s.told, place(s.told)),
				},
				log: r.recorder.Client(name), round: r, tally: r.tally.way(s.name),
			})
		}
	}
}

// found makes the counters that are never deleted, before any other is: where a
// counter made later begins depends on all deletions, and who is told no revisions
// would have to guess.
func (r *round) found(ctx context.Context) error {
	r.clock()
	if err := r.declare(ctx); err != nil {
		return err
	}
	log := r.recorder.Client("founder")
	return r.arena.ask(ctx, func(ctx context.Context, c *rpcclient.Client) error {
		for _, name := range slices.Concat(plain, edgy, joint, []string{flooded}) {
			i := log.Begin(&cuenta.Request{Op: cuenta.Add, Counter: []byte(name), N: 1})
			reply, err := c.Do(ctx, cuenta.RPCRequest{Op: cuenta.Add.String(), Counter: name, N: 1})
			if err != nil {
				return fmt.Errorf("making the counter %q: %w", name, err)
			}
			log.End(i, &cuenta.Result{Value: reply.Value, Revision: reply.Revision}, history.WithValue|history.WithRevision)
		}
		return nil
	})
}

// await waits until clients are let through. Who does not wait for it is refused at
// the proxies.
func (r *round) await(ctx context.Context) {
	r.gate.Lock()
	opened := r.opened
	r.gate.Unlock()
	select {
	case <-opened:
	case <-ctx.Done():
	}
}

// open lets clients through to the present life.
func (r *round) open() {
	for front, p := range r.proxies {
		p.Open(networkOf(front), r.arena.addresses[front])
	}
	if err := os.Symlink(r.arena.rings(), r.entrances.rings); err != nil {
		r.wrong(err.Error())
	}
	close(r.opened)
}

// shut lets nobody through. The present life must be over.
func (r *round) shut() {
	for _, p := range r.proxies {
		p.Shut()
	}
	if err := os.Remove(r.entrances.rings); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.wrong(err.Error())
	}
	r.life.Add(1)
	r.hold()
}

// hold has those who wait to be let through do so from now on.
func (r *round) hold() {
	r.gate.Lock()
	defer r.gate.Unlock()
	select {
	case <-r.opened:
		r.opened = make(chan struct{})
	default: // they do
	}
}

// state notes all that the server holds, while nobody can reach it.
func (r *round) state(ctx context.Context, label string) error {
	r.clock()
	start := r.recorder.Now()
	all, err := r.arena.everything(ctx)
	if err != nil {
		return fmt.Errorf("reading all counters: %w", err)
	}
	r.recorder.State(label, start, all, 0)
	r.tally.states.Add(1)
	return nil
}
