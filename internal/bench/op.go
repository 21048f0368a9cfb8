package bench

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Op says what every operation of a run does.
type Op string

// What is said of values holds for counters that only such operations have changed.
const (
	Increment Op = "increment" // adds 1
	Bounded   Op = "bounded"   // adds limitedBy, below a limit of the operation
	Refused   Op = "refused"   // would add as much and pass a limit of the operation, which is what is wanted
	Clamped   Op = "clamped"   // would add as much and pass a limit of the operation, and goes as far as that
	Transfer  Op = "transfer"  // moves 1 to another counter
	Reserve   Op = "reserve"   // holds 1, and settles it with 1 when that is answered: both are one operation
	Take      Op = "take"      // takes 1 of what a rate allows
	Ticket    Op = "ticket"    // gives a new ident its number
	Expire    Op = "expire"    // adds 1, and has the counter end after an hour
)

// Ops are all there are.
var Ops = []Op{Increment, Bounded, Refused, Clamped, Transfer, Reserve, Take, Ticket, Expire}

// beyond are the fronts on which more than increments can be said.
var beyond = []string{cuenta.FrontRESP, cuenta.FrontSHM}

// CanGo reports whether such operations can be asked of a front.
func (op Op) CanGo(front string) bool {
	return op == "" || op == Increment || slices.Contains(beyond, front)
}

const (
	// limitedBy is what operations that are accepted, refused and clamped would all add,
	// so that numbers of about one length are read, kept and answered. Those that are
	// clamped have limits from leastBound to limitedBy: wherever a counter is, it passes
	// them.
	limitedBy  = 1_000_000_000
	leastBound = limitedBy / 10

	// The rate is so high that it refuses nothing.
	takeLimit  = 1_000_000_000
	takePeriod = time.Hour

	// holdTime is long enough for any settling, and short enough that what a broken
	// connection leaves behind goes away.
	holdTime = time.Minute

	expireTime = time.Hour
)

// prefixes are the beginnings of the counters' names, of four bytes. Counters that
// are used in another manner are other counters.
var prefixes = map[Op]string{Reserve: "res:", Take: "rat:", Ticket: "tic:", Expire: "end:"}

// Prefix returns what the names of the counters begin with; twelve digits follow.
func (op Op) Prefix() string {
	if prefix, other := prefixes[op]; other {
		return prefix
	}
	return "key:"
}

// asker knows what the operations of one connection say beyond their counter.
type asker struct {
	op     Op
	keys   uint64
	bound  int64    // of the last clamped operation
	prefix [16]byte // of the connection's idents
	number uint64   // of the last ident
}

func newAsker(c *Config) *asker {
	a := &asker{op: cmp.Or(c.Op, Increment), keys: uint64(c.Keys), prefix: newPrefix()}
	a.bound = leastBound + rand.Int64N(limitedBy-leastBound)
	return a
}

// other returns the counter that gets what is moved away from one: halfway round.
func (a *asker) other(key uint64) uint64 { return (key + a.keys/2) % a.keys }

// nextBound returns a limit that is another one each time, so that what is clamped to it
// changes the counter.
func (a *asker) nextBound() int64 {
	if a.bound++; a.bound == limitedBy {
		a.bound = leastBound
	}
	return a.bound
}

// appendIdent appends an ident that nobody has used.
func (a *asker) appendIdent(dst []byte) []byte {
	a.number++
	return appendDigits(append(dst, a.prefix[:]...), a.number)
}
