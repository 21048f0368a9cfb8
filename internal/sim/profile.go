package sim

import (
	"fmt"
	"time"

	"github.com/cuenta-server/cuenta/internal/identity"
)

// profile is what one seed's world is like.
type profile struct {
	clients int
	calls   int     // of all clients
	shared  int     // counters that all of them use
	terms   float64 // of 100 changes have to do with limits, ends or conditions
	beyond  float64 // of 100 changes are about holds, totals or rates, and a quarter as many calls tickets
	series  bool    // tickets are given in several series
	ways    int     // into the server, from the last one on: only that tells revisions
	limit   uint32
	queue   int
	segment int64
	slice   uint32 // of a snapshot's walk

	identities identity.Config
	uuids      bool          // all keys are UUIDs: answers are forgotten while clients still ask
	jump       time.Duration // of the clock, at most, at a restart
	skew       time.Duration // of the clients' clocks, at most

	quickest, slowest time.Duration // a call of the file system
	slow              op            // is slower than the others; none if empty
	near, far         time.Duration // a way through the network

	lost, doubled float64 // of 100 datagrams
	cutting       float64 // of 100 sends on a connection
	impatient     time.Duration

	troubles       time.Duration // between two of them, about
	ioErrors, full bool
	snapshots      time.Duration // between two of them, about; 0: none
}

func (p *profile) String() string {
	return fmt.Sprintf("%d clients with %d calls by %d ways on %d counters of at most %d, %v%% of the changes with terms, %v%% beyond increments, series %v; queue of %d, segments of %d, slices of %d; "+
		"identities %+v, only UUIDs %v; clocks jump by %v and are off by %v; calls of the disk take %v to %v, %q longer; "+
		"ways through the network %v to %v, %v%% lost, %v%% doubled, %v%% cut; waits of about %v, troubles every %v, errors of the disk %v, full %v, snapshots every %v",
		p.clients, p.calls, p.ways, p.shared, p.limit, p.terms, p.beyond, p.series, p.queue, p.segment, p.slice,
		p.identities, p.uuids, p.jump, p.skew, p.quickest, p.slowest, p.slow,
		p.near, p.far, p.lost, p.doubled, p.cutting, p.impatient, p.troubles, p.ioErrors, p.full, p.snapshots)
}

// profileOf draws a world. Many are gentle in most respects, so that what needs
// peace happens as well.
func profileOf(d dice) profile {
	p := profile{
		clients: d.between(2, 6), calls: d.between(60, 200), shared: d.between(2, 6),
		limit: uint32(some(d, []int{6, 16, 64, 64})), queue: some(d, []int{4, 64, 1024}),
		segment: int64(some(d, []int{4, 4, 8, 16, 24, 64})) << 10, slice: uint32(some(d, []int{1, 2, 3, 2048})),
		quickest: 10 * time.Microsecond, slowest: d.lasting(50*time.Microsecond, 2*time.Millisecond),
		near: 50 * time.Microsecond, far: d.lasting(200*time.Microsecond, 10*time.Millisecond),
		impatient: d.lasting(20*time.Millisecond, 100*time.Millisecond),
		troubles:  d.lasting(15*time.Millisecond, some(d, []time.Duration{50, 100, 400})*time.Millisecond),
		ioErrors:  d.percent(50), full: d.percent(40),
		jump: some(d, []time.Duration{0, time.Second, time.Minute}),
		skew: some(d, []time.Duration{0, time.Second, 90 * time.Second}),
	}
	p.terms = some(d, []float64{0, 20, 50, 80})
	if p.beyond, p.series = some(d, []float64{0, 0, 30, 70}), d.percent(20); p.beyond > 0 {
		p.limit = 64
	}
	if p.ways = int(numKinds); d.percent(50) {
		p.ways = 1
	}
	if d.percent(40) {
		p.slow = some(d, []op{opWrite, opSync, opSync, opSync, opRename, opSyncDir})
	}
	if d.percent(70) {
		p.lost, p.doubled = float64(d.between(0, 20)), float64(d.between(0, 20))
	}
	if d.percent(50) {
		p.cutting = float64(d.between(0, 5))
	}
	if d.percent(70) {
		p.snapshots = d.lasting(10*time.Millisecond, 200*time.Millisecond)
	}
	if d.percent(25) {
		p.uuids, p.jump = true, 5*time.Minute
		p.identities.Retention, p.identities.Idle = time.Minute, time.Minute
	}
	if d.percent(15) {
		p.identities.Memory = uint64(d.between(4, 32)) << 10
	}
	return p
}
