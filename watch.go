package cuenta

import (
	"context"
	"strconv"
	"strings"
	"sync"
)

// Change is what became of a counter by its changes Since+1 to Revision.
type Change struct {
	Counter  string
	Value    int64  // 0 if it was deleted
	Revision uint64 // of the last of them; 0 if the counter is told not to exist

	// Since is the revision up to which the counter was told before. If Revision is
	// the next one, every change was told; if it is higher, those between were skipped:
	// what changed within one commit is told as one, and so is what a watcher was too
	// slow for. 0 says that the counter did not exist, or that nothing of it was told.
	Since   uint64
	Deleted bool
}

// Watch says what to follow, and from where on.
type Watch struct {
	// Counter is the name of the counter, or with Prefix the beginning of the names,
	// which may be empty: then it is all counters.
	Counter string
	Prefix  bool

	// Since, of one counter, is the revision that the watcher has seen already, which
	// its state at the beginning goes on from.
	Since uint64

	// After is the position to go on behind. If that is not possible any more the
	// watch begins as without it.
	After Position
}

// Position is a place in the history of all changes. It means something to the
// server that told it, until that is restarted.
type Position struct {
	History  uint64
	Sequence uint64
}

// String is the position's text form, empty for none.
func (p Position) String() string {
	if p == (Position{}) {
		return ""
	}
	return strconv.FormatUint(p.History, 16) + "-" + strconv.FormatUint(p.Sequence, 10)
}

// ParsePosition reads the text form of a position.
func ParsePosition(text string) (p Position, ok bool) {
	if text == "" {
		return Position{}, true
	}
	history, sequence, ok := strings.Cut(text, "-")
	if !ok {
		return Position{}, false
	}
	var errs [2]error
	p.History, errs[0] = strconv.ParseUint(history, 16, 64)
	p.Sequence, errs[1] = strconv.ParseUint(sequence, 10, 64)
	return p, errs[0] == nil && errs[1] == nil && p.String() == text
}

// DeliveryKind says what a delivery tells.
type DeliveryKind uint8

const (
	// TellAnew: the watch begins, or begins again. What is told up to TellCurrent is the
	// state: counters that are not in it do not exist.
	TellAnew DeliveryKind = iota + 1

	// TellState: a part of the state, counters with Since 0 (or that of the [Watch]). One
	// counter that does not exist is told as Deleted.
	TellState

	// TellCurrent: all up to here was told. Also the first delivery of a watch that goes on
	// where another one ended.
	TellCurrent

	// TellChanged: what changed, in the order of each counter's revisions.
	TellChanged

	// TellQuiet: nothing changed for a while; the watch is alive.
	TellQuiet
)

func (k DeliveryKind) String() string {
	switch k {
	case TellAnew:
		return "anew"
	case TellState:
		return "state"
	case TellCurrent:
		return "current"
	case TellChanged:
		return "changed"
	case TellQuiet:
		return "quiet"
	}
	return "unknown"
}

// Reason says why a watch begins anew.
type Reason string

const (
	AtStart Reason = "start" // it was asked for without a position
	Lost    Reason = "lost"  // the server does not know any more what changed since the position
	Slow    Reason = "slow"  // the watcher took less than there was to tell
)

// Delivery is what a watcher is told at a time. Watchers share it: it must not be
// changed.
type Delivery struct {
	Kind    DeliveryKind
	Reason  Reason // of TellAnew
	Changes []Change

	// Position is where to go on later. There is none while the state is being told.
	Position Position

	encoded [NumForms]struct {
		once sync.Once
		is   any
	}
}

// Form is a way to write a delivery down.
type Form uint8

const (
	FormEvents  Form = iota // server-sent events, as bytes
	FormMessage             // the API's message
	NumForms
)

// Encoded returns the delivery as encode writes it, which is asked once per form
// however many watchers there are.
func (d *Delivery) Encoded(form Form, encode func(*Delivery) any) any {
	e := &d.encoded[form]
	e.once.Do(func() { e.is = encode(d) })
	return e.is
}

// Watching is a watch under way. Its methods are called by one goroutine.
type Watching interface {
	// Next waits for the next delivery. An error that is an [Error] ends the watch for
	// a reason of the server's, such as Stopping; any other is that of ctx.
	Next(ctx context.Context) (*Delivery, error)

	// Close ends the watch. It must be called.
	Close()
}

// Watcher lets counters be watched. It is safe for concurrent use.
type Watcher interface {
	// Watch begins a watch. It is refused as Syntax, as TooLarge where the prefix
	// covers too many counters (or Next is, once that is found out), and as Busy where
	// there are as many watches as there may be.
	Watch(ctx context.Context, w Watch) (Watching, error)
}
