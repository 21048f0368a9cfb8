// Package cuenta is the contract of a counter server, a Servidor de Cuentas:
// what a request is, what an answer is, and what may be relied on. It holds no
// implementation and imports nothing of the project, so everything may import it.
//
// A counter is a name and a signed 64-bit value. A counter that was never
// touched reads 0, and reading creates nothing. Every change gives the counter
// its next revision: per counter the revisions form one chain, and each value
// is the one before it plus the change. Nothing wraps and nothing clamps; a
// change that would pass an end of int64 is refused and changes nothing.
//
// # Invariants
//
//  1. Nothing revealed is ever taken back. No answer, a read's included, leaves
//     the server before everything it reveals would survive a power cut.
//  2. An identity's entry and its counter's change are one journal record. A
//     repeat gets the original answer, also when that was a refusal by the
//     ledger; the same identity with another operation is a conflict; one too
//     old to be remembered is refused, and never applied again.
//  3. A failed write or sync poisons the engine. It acknowledges nothing more,
//     keeps answering reads of what is durable, and says so. A full disk is
//     foreseen instead: space is reserved ahead, and without it changes are
//     refused as [Full] until there is room.
//  4. Recovery never guesses. A clean stop seals the log; after a crash only the
//     last group of an unsealed log may be incomplete, and cutting it is
//     reported. Damage anywhere else stops the start.
//  5. Everything is bounded, and at a bound the client is told.
//  6. A client that dies, stalls or lies harms only itself; so does a worker
//     process killed at any instruction.
package cuenta

import (
	"context"
	"encoding/binary"
	"unicode"
	"unicode/utf8"
)

const (
	// DefaultCounter is the counter meant by a request that names none.
	DefaultCounter = "cuenta"

	// MaxName is the longest counter name, in bytes.
	MaxName = 255

	// MaxBatch is the most requests in one batch. The engine applies a batch
	// within one turn of the gate and one commit group, so this bounds both.
	MaxBatch = 4096
)

// Op is what a request does.
type Op uint8

const (
	Get         Op = iota + 1 // reads; changes and creates nothing
	Add                       // adds N, which may be negative or zero
	Reset                     // sets the value to 0
	Set                       // sets the value to N, if the request's condition holds
	Delete                    // removes the counter; answers the value that it had
	Check                     // lets the next Span requests pass if the counter's revision is N
	All                       // carries out the next Span requests all or none
	OpenSession               // grants a session
	Outcome                   // tells what became of the request with this identity
	Limit                     // gives the counter the limits of the request's terms, and makes it if there is none
	Expire                    // gives the counter the end of the request's terms, if there is a counter
	Describe                  // reads, like Get, and fills in the request's terms with the counter's
	Take                      // takes N out of what the terms' Rate allows now
	Ticket                    // gives the terms' Ident its numbers, N of them if it has none yet
	Hold                      // holds N of the counter's limit back until the end that the terms give
	Settle                    // ends the terms' Hold and adds N, which is what was really used of it
	Release                   // ends the terms' Hold
	Extend                    // gives the terms' Hold another end
	NumOps
)

func (op Op) String() string {
	switch op {
	case Get:
		return "get"
	case Add:
		return "add"
	case Reset:
		return "reset"
	case Set:
		return "set"
	case Delete:
		return "delete"
	case Check:
		return "check"
	case All:
		return "all"
	case OpenSession:
		return "open-session"
	case Outcome:
		return "outcome"
	case Limit:
		return "limit"
	case Expire:
		return "expire"
	case Describe:
		return "describe"
	case Take:
		return "take"
	case Ticket:
		return "ticket"
	case Hold:
		return "hold"
	case Settle:
		return "settle"
	case Release:
		return "release"
	case Extend:
		return "extend"
	}
	return "unknown"
}

// Reads reports whether the operation only reads a counter.
func (op Op) Reads() bool { return op == Get || op == Check || op == Describe }

// Condition says when a change is carried out. A refusal for its sake ([Unmet])
// answers the value and revision that the counter has; but in an All it answers
// neither, as the state that was looked at may be one that was taken back.
type Condition uint8

const (
	Always     Condition = iota
	IfAbsent             // the counter does not exist
	IfPresent            // the counter exists
	IfValue              // its value is the terms' Expect
	IfRevision           // its revision is the terms' Expect; 0: it does not exist
	NumConditions
)

// Request is one operation on one counter. (Requests are many: the small fields stand
// together, which saves a sixth.)
type Request struct {
	Op Op

	// If is the condition of a change of one counter. Of Check, whose own condition N
	// is, it is IfValue where N is to be the counter's value.
	If Condition

	// Span is how many of the requests that follow belong to a Check or an All.
	// Those of a Check are refused as [Unmet], unseen, if the revision is another
	// one. Those of an All, which are changes, reads, and checks that span none, are
	// carried out only if none of them is refused: otherwise that one has its own
	// code, and the All and the rest are [Aborted].
	Span uint16

	// Client stands for the host that asks; see [ClientOf]. When the memory for
	// identities is shared out, what has the same number shares one part. 0: the
	// host is not known.
	Client uint32

	// Counter is the counter's name; empty means [DefaultCounter]. The bytes
	// are borrowed: they must stay as they are until Do returns, and are not
	// kept afterwards.
	Counter []byte

	// N is the amount of Add, Take, Ticket, Hold and Settle, the value of Set, the
	// revision of Check (0: the counter does not exist). Ignored by the others.
	N int64

	// Terms, if not nil, are what the request says beyond that. Limit, Expire and
	// Describe must have them.
	Terms *Terms

	// Identity makes a repeat of a change recognisable, or is what Outcome asks
	// about. That of an All is its requests' together, which then have none of
	// their own.
	Identity Identity
}

// Result is the answer to one request.
type Result struct {
	// Code is OK, or why the request was refused. Of Outcome, it is that of the
	// request asked about; [Absent] if there was none, [TooOld] if it is no longer
	// known.
	Code Code

	// Replayed says that this is the answer to an earlier request with the same
	// identity. Cell and Generation are then 0.
	Replayed bool

	// Level, with the codes [Limited] and [Overflow], says whose value would pass its
	// limit: the counter's, 0, or that of the declared total so many levels above it. Of
	// a repeat, a 0 without a revision may be from a version that did not remember it.
	Level uint8

	// Cell and Generation say where the counter lives in the shared cells, for
	// processes that map them. Generation 0: the counter does not exist, or has an
	// end, of which the cell does not tell.
	Cell       uint32
	Generation uint32

	// Value is the counter's value after the operation; after Delete, the value
	// that it had. With the codes [Overflow] and [Limited] it is the end of int64, or
	// the limit, that the change would have passed. Of All it is what the first of its
	// requests answered, if that is a read, and otherwise how many of them had an
	// effect.
	Value int64

	// Revision is the number of the counter's last change, the deletion included;
	// 0 if it does not exist, or if there was nothing to delete. A counter made
	// anew goes on above the highest revision ever deleted. Of OpenSession it is
	// the session's id; of All the first request's, if that is a read.
	Revision uint64

	// Amount is by how much a change with terms that Clamp changed the value. With
	// Overflow and Limited it is how much would have taken the value to where it may
	// go at most, if the counter or the request has terms. It wraps where that is more
	// than an int64 holds. Of Describe it is the time to the counter's end in
	// nanoseconds, 0 if it has none; for Take, Ticket and the four of holds see
	// [Rate], [Terms].
	Amount int64
}

// Err returns the refusal as an error, nil for OK.
func (r *Result) Err() error {
	if r.Code == OK {
		return nil
	}
	return &Error{Code: r.Code, Text: r.Text()}
}

// Class is the priority with which a batch passes the gate.
type Class uint8

const (
	ClassConsole Class = iota // local console, /cambiar
	ClassRemote               // RPC and APIs
	ClassQueue                // the message queue: udp, tcp, proc
	NumClasses
)

func (c Class) String() string {
	switch c {
	case ClassConsole:
		return "console"
	case ClassRemote:
		return "remote"
	case ClassQueue:
		return "queue"
	}
	return "unknown"
}

// Origin says where a request came from.
type Origin struct {
	Front     string // name of the front, one of the Front constants
	Peer      string // remote address as the front knows it
	Principal string // who was authenticated; empty until there is authentication
}

// Batch is a run of requests that are applied in order, within one commit group.
// A batch may be used again once Do has returned.
type Batch struct {
	Origin Origin // its Peer is empty where a front gathers requests of many peers
	Class  Class

	// NoWait refuses the batch as [Busy] where it would otherwise wait for a
	// place in the message queue. For datagrams.
	NoWait bool

	// Requests are the operations, at most MaxBatch.
	Requests []Request

	// Results holds one answer per request once Do has returned. Do reuses its
	// memory.
	Results []Result
}

// Service is the Servicio de Cuentas, as the fronts see it. It is safe for
// concurrent use.
type Service interface {
	// Do applies the batch and returns when every result may be revealed, which
	// is when everything it reveals would survive a power cut. It never fails as
	// a whole: what went wrong is in the code of each result, and
	// [Code.Fate] tells whether the change may have been applied all the same.
	//
	// The end of ctx gives up a batch that still waits for its turn
	// ([Canceled]); one that was applied is waited for.
	Do(ctx context.Context, b *Batch)
}

// Counter is one counter as a listing shows it.
type Counter struct {
	Name     string `json:"name"`
	Value    int64  `json:"value"`
	Revision uint64 `json:"revision"`
}

// ValidName reports whether name may name a counter: 1 to [MaxName] bytes of
// UTF-8 without spaces and control characters.
func ValidName(name []byte) bool {
	if len(name) == 0 || len(name) > MaxName {
		return false
	}
	rest := name
	for len(rest) >= 8 && allVisible(binary.LittleEndian.Uint64(rest)) {
		rest = rest[8:]
	}
	for _, c := range rest {
		if c >= utf8.RuneSelf {
			return validUnicodeName(name)
		}
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// allVisible reports whether eight bytes are visible ASCII: none has its high bit set,
// loses less than it has when '!' is taken away, or gets that bit when 1 is added.
func allVisible(bytes uint64) bool {
	const each, high = 0x0101010101010101, 0x8080808080808080
	return (bytes|(bytes-'!'*each)|(bytes+each))&high == 0
}

func validUnicodeName(name []byte) bool {
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRune(name[i:])
		if r == utf8.RuneError && size == 1 {
			return false
		}
		if unicode.IsSpace(r) || unicode.IsControl(r) || r == '\ufeff' {
			return false
		}
		i += size
	}
	return true
}
