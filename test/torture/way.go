//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/history"
)

// bundle is what a client asks for at once.
type bundle struct {
	requests []cuenta.Request
	together bool // they are one batch
	whole    bool // which is carried out all or none, under the identity of each
}

func (b *bundle) identified() bool { return b.requests[0].Identity.Given() }

// answer is the answer to one request, and which parts of it the protocol tells.
type answer struct {
	cuenta.Result
	told history.Told
}

// way is one client's way in. Only one goroutine uses it.
type way interface {
	// exchange sends the requests and returns the answers to as many of them as
	// came, in their order. After an error the way is ready for the next exchange,
	// in which no answer to an earlier one can be taken for one of its own.
	exchange(ctx context.Context, b *bundle) ([]answer, error)

	close()
}

// granter is a way over which sessions are opened.
type granter interface {
	grant(ctx context.Context) (session uint64, err error)
}

// manner is how the clients of one way in behave.
type manner struct {
	name     string
	clients  int
	ops      []cuenta.Op // drawn from, evenly
	keys     bool        // requests may have idempotency keys
	sessions bool        // or numbers of a session
	told     bool        // answers tell revisions
	batches  bool        // requests may be sent to be carried out together
	whole    bool        // and all or none
	conds    bool        // changes may have conditions
	terms    bool        // and terms
	burst    int         // the most requests at once
	patience time.Duration
	open     func(e *entrances) way
}

// entrances are where a round's clients come in.
type entrances struct {
	address map[string]string // front → its proxy
	rings   string            // a link to the socket for shared memory
}

var (
	counting = kinds(map[cuenta.Op]int{cuenta.Add: 30, cuenta.Get: 8, cuenta.Reset: 1})
	setting  = kinds(map[cuenta.Op]int{cuenta.Add: 30, cuenta.Get: 8, cuenta.Set: 3})
	all      = kinds(map[cuenta.Op]int{cuenta.Add: 30, cuenta.Get: 8, cuenta.Set: 3, cuenta.Reset: 2, cuenta.Delete: 3})
)

// kinds lists operations, each as often as it is to be drawn.
func kinds(often map[cuenta.Op]int) (list []cuenta.Op) {
	for op := cuenta.Get; op <= cuenta.Delete; op++ {
		list = append(list, slices.Repeat([]cuenta.Op{op}, often[op])...)
	}
	return list
}

const patienceOf = 250 * time.Millisecond

// manners are the ways in for which this program has clients of its own. The
// public client package goes over the others.
var manners = []manner{
	{name: cuenta.FrontUDP, clients: 4, ops: counting, keys: true, terms: true, burst: 1, patience: 60 * time.Millisecond, open: newDatagrams},
	{name: cuenta.FrontTCP, clients: 4, ops: counting, keys: true, terms: true, burst: 4, patience: patienceOf, open: newLines(cuenta.FrontTCP)},
	{name: cuenta.FrontProc, clients: 4, ops: counting, keys: true, terms: true, burst: 4, patience: patienceOf, open: newLines(cuenta.FrontProc)},
	{name: cuenta.FrontWeb, clients: 2, ops: counting, keys: true, burst: 1, patience: patienceOf, open: newCambiar},
	{name: cuenta.FrontRPC, clients: 4, ops: all, keys: true, sessions: true, told: true, burst: 1, patience: patienceOf, open: newCalls},
	{name: cuenta.FrontRESP, clients: 3, ops: setting, batches: true, burst: 3, patience: patienceOf, open: newCommands},
	{name: cuenta.FrontSHM, clients: 3, ops: all, keys: true, sessions: true, told: true, batches: true, whole: true, conds: true, terms: true,
		burst: 6, patience: patienceOf, open: newRings},
}

// errStrange says that an answer cannot be read.
var errStrange = errors.New("the answer is not of this protocol")

func strange(said string) error { return fmt.Errorf("%w: %q", errStrange, said) }

// value is the answer of a protocol that tells values only.
func value(n int64) answer {
	return answer{cuenta.Result{Value: n}, history.WithValue}
}

// full is the answer of a protocol that tells all there is.
func full(r cuenta.Result) answer {
	a := answer{Result: r, told: history.First}
	if r.Replayed {
		a.told = history.Replayed
	}
	switch r.Code {
	case cuenta.OK, cuenta.Unmet, cuenta.NoHold, cuenta.Throttled:
		a.told |= history.WithValue | history.WithRevision
	case cuenta.Overflow, cuenta.Limited:
		if a.told |= history.WithValue; !r.Replayed {
			a.told |= history.WithLevel
		}
	}
	return a
}
