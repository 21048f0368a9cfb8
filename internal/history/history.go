package history

import (
	"math"

	"github.com/cuenta-server/cuenta"
)

// Never is the End of an operation that may take effect at any later time.
const Never = math.MaxInt64

// Told says what is known of an operation beside its request.
type Told uint16

const (
	Answered     Told = 1 << iota // it was answered; otherwise its fate is unknown
	WithValue                     // Value was answered
	WithRevision                  // Revision was answered
	First                         // the answer said that it is not a repeat's
	Replayed                      // the answer said that it is a repeat's
	WithLowest                    // Spread is known
	Whole                         // its batch is carried out all or none
	ByTime                        // nobody asked for it: the counter's time was over; only Check makes such
	WithAmount                    // Extra.Amount was answered
	WithTerms                     // Extra.Terms were answered, by a Describe
	WithLevel                     // Extra.Level was answered
	Charged                       // nobody asked for it: what was added below a total; only Check makes such
)

// What Op.Session may be besides a session.
const (
	NoIdentity uint32 = 0 // there is no identity
	ByKey      uint32 = 1 // Op.Number is the index of an idempotency key
)

// firstSession is the Op.Session of History.Sessions[0].
const firstSession = 2

// Op is one operation of one client, in 80 bytes. The zero Op is none and is
// passed over.
type Op struct {
	// Start is when the request was sent, End when its answer had arrived, by one
	// clock for all clients. End of an operation without an answer is the last
	// moment at which it may still take effect: Never, if nothing is known.
	Start, End int64

	N        int64  // as in cuenta.Request
	Value    int64  // of the answer, if WithValue
	Revision uint64 // of the answer, if WithRevision; of OpenSession the session's id
	Number   uint64 // the number in the session, or the index of the key

	Counter uint32 // index in History.Counters
	Client  uint32 // index in History.Clients
	Session uint32 // NoIdentity, ByKey, or the index in History.Sessions plus 2
	Batch   uint32 // operations of the same batch have the same number; 0: none
	Spread  uint32 // Number less the lowest number still wanted, if WithLowest
	Extra   uint32 // index in History.Extras plus 1; 0: it has no terms and no amount

	Op   cuenta.Op
	If   cuenta.Condition
	Code cuenta.Code // of the answer
	Told Told
}

func (o *Op) told(t Told) bool { return o.Told&t != 0 }

// changes reports whether the operation can change a counter.
func (o *Op) changes() bool {
	switch o.Op {
	case cuenta.Add, cuenta.Reset, cuenta.Set, cuenta.Delete, cuenta.Limit, cuenta.Expire, cuenta.Take, cuenta.Ticket:
		return true
	}
	return ofHold(o.Op)
}

// Extra is what few operations have.
type Extra struct {
	Terms  Terms  // of the request; of Describe they are what was answered, if WithTerms
	Amount int64  // of the answer, if WithAmount
	Held   uint32 // what a Describe was told of holds: index in History.Held plus 1; 0: of none
	Level  uint8  // of the answer, if WithLevel

	lapse uint32 // the operation made up for the deletion at the end that it gives, or the hold's end
}

// Terms are those of cuenta.Terms that are judged.
type Terms struct {
	Floor, Ceiling cuenta.Bound
	Clamp, Total   bool
	Expect         int64
	Expiry         cuenta.Expiry
	Hold           uint64
	Rate, Ident    uint32 // indexes in History.Rates and Idents, plus 1; 0: none
}

// Held is what a Describe was told of holds: their sums, and those of them that were
// listed.
type Held struct {
	Up, Down int64
	Holds    []cuenta.Held
}

// valid reports whether the terms can be meant.
func (t *Terms) valid() bool {
	all := cuenta.Terms{Floor: t.Floor, Ceiling: t.Ceiling, Expiry: t.Expiry}
	return all.Valid()
}

// Clock tells what the ledger's time was from some moment on, until the next Clock:
// the history's and an offset between Low and High. It went on from there without
// going back; from one Clock to the next it may have.
type Clock struct {
	From      int64
	Low, High int64
}

// State is what was found durable at one moment: after a crash, at the end.
type State struct {
	Label      string // for sentences: "crash 3"
	Start, End int64  // it was read within
	Counters   []Count
	Floor      uint64 // the highest revision of a deletion, if WithFloor
	WithFloor  bool
	Partial    bool // counters not listed may exist all the same
}

// Count is one counter in a State.
type Count struct {
	Counter  uint32 // index in History.Counters
	Value    int64
	Revision uint64
}

// History is what was recorded. Its operations may stand in any order, but those
// of one batch stand together, in their order.
type History struct {
	Counters []string
	Clients  []string
	Keys     []string
	Sessions []uint64
	States   []State
	Extras   []Extra
	Rates    []cuenta.Rate
	Idents   []string
	Held     []Held
	Clocks   []Clock // ascending; before the first one nothing is known of the time

	chunks [][]Op // each of chunkSize; those not recorded are zero
	length int    // operations recorded by Append
}

// chunkSize is how many operations are allocated at a time. A history is as
// large as its clients' logs, which are never copied together.
const (
	chunkBits = 9
	chunkSize = 1 << chunkBits
)

// Len is one more than the highest index of an operation.
func (h *History) Len() int { return len(h.chunks) << chunkBits }

// At returns an operation, the zero Op where none was recorded.
func (h *History) At(i int) *Op { return &h.chunks[i>>chunkBits][i&(chunkSize-1)] }

// Append adds an operation behind all others.
func (h *History) Append(o Op) {
	if h.length == h.Len() {
		h.chunks = append(h.chunks, make([]Op, chunkSize))
	}
	*h.At(h.length) = o
	h.length++
}

// batchAt returns how many operations from i on are one batch with i; at least 1.
func (h *History) batchAt(i int) int {
	n := 1
	if batch := h.At(i).Batch; batch != 0 {
		for i+n < h.Len() && h.At(i+n).Batch == batch {
			n++
		}
	}
	return n
}

// refers reports whether there is all that it refers to.
func (h *History) refers(x *Extra) bool {
	return int(x.Terms.Rate) <= len(h.Rates) && int(x.Terms.Ident) <= len(h.Idents) && int(x.Held) <= len(h.Held) &&
		(x.Terms.Rate == 0 || h.Rates[x.Terms.Rate-1].Valid())
}

// isRepeat reports whether a Ticket was answered with numbers given before.
func (o *Op) isRepeat() bool {
	return o.told(Answered) && o.Code == cuenta.OK && (o.told(Replayed) || o.told(WithRevision) && o.Revision == 0)
}
