package cuenta

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"strconv"
)

const (
	// MaxKey is the longest idempotency key, in bytes.
	MaxKey = 128

	// SessionWindow is how many numbers of a session are remembered at most: the
	// highest one used and those below it.
	SessionWindow = 128
)

// Identity makes a repeat of a request recognisable. It is a key, or a number
// within a session; the zero Identity is none, and one that is both is refused
// as [Syntax].
//
// The first request with an identity that the ledger carries out or refuses
// ([Overflow], [Unmet], [Aborted]) is remembered with its answer, which a repeat
// gets again, marked [Result.Replayed]. What is refused for another reason is
// not remembered, and may be asked again. The same identity with another
// operation, counter, amount or condition is a [Conflict]. Reads need no
// identity; one that they carry is passed over.
//
// A request whose answer may have been forgotten is refused as [TooOld], and
// never carried out again.
type Identity struct {
	// Key is an idempotency key, 1 to [MaxKey] visible ASCII bytes that its sender
	// uses for one operation only. It is remembered for at least the server's
	// retention (24 hours unless it was told otherwise) after its first use. If it
	// is a UUID of version 7, then for as long after the later of that and its own
	// time; it is refused as TooOld once it could have been forgotten, and as
	// [TooNew] where its time is more than a minute ahead: so it counts at most
	// once however late it is repeated. Borrowed like Request.Counter.
	Key []byte

	// Session is the id of a session that [OpenSession] has granted; 0 for none.
	Session uint64

	// Number is the request's number in the session, from 1. Numbers may be left
	// out and may arrive in any order within [SessionWindow].
	Number uint64

	// Lowest, if not 0, is the lowest number of the session to which its owner
	// still wants an answer, at most Number. Answers below it are forgotten.
	Lowest uint64
}

// Given reports whether there is an identity.
func (id *Identity) Given() bool { return len(id.Key) > 0 || id.Session|id.Number|id.Lowest != 0 }

// Valid reports whether the identity is none, or well-formed.
func (id *Identity) Valid() bool {
	if id.Session != 0 {
		return len(id.Key) == 0 && id.Number != 0 && id.Lowest <= id.Number
	}
	return id.Number|id.Lowest == 0 && (len(id.Key) == 0 || ValidKey(id.Key))
}

// ValidKey reports whether key may be an idempotency key: 1 to [MaxKey] visible
// ASCII bytes.
func ValidKey(key []byte) bool {
	if len(key) == 0 || len(key) > MaxKey {
		return false
	}
	for _, c := range key {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// sessionDigits is the length of a session's id in its text form.
const sessionDigits = 16

// AppendSession appends the text form of a session's id: 16 hexadecimal digits.
func AppendSession(dst []byte, id uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, digits[id>>shift&15])
	}
	return dst
}

// ParseSession reads the text form of a session's id. It reports false for
// anything else, and for 0, which is no session's.
func ParseSession(text []byte) (id uint64, ok bool) {
	if len(text) != sessionDigits {
		return 0, false
	}
	id, err := strconv.ParseUint(string(text), 16, 64)
	return id, err == nil && id != 0
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ClientOf returns the number that stands for a client's host when the memory
// for identities is shared out; see [Request.Client]. It is never 0.
func ClientOf(host netip.Addr) uint32 {
	b := host.Unmap().As16()
	return max(1, uint32(mix(mix(binary.BigEndian.Uint64(b[:8]))^binary.BigEndian.Uint64(b[8:]))))
}

// ClientAt is [ClientOf] for the host of an address with a port, as a front knows its
// peer by; 0 for one that has no host, as in an in-memory network.
func ClientAt(peer string) uint32 {
	at, err := netip.ParseAddrPort(peer)
	if err != nil {
		return 0
	}
	return ClientOf(at.Addr())
}

// mix spreads every bit over all (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// head mixes what a request says of itself, but for its counter and terms.
func (r *Request) head() uint64 {
	return mix(mix(uint64(r.operand())) + uint64(r.Op)<<8 + uint64(r.If))
}

// headOfIncrement is the head that nearly all have.
var headOfIncrement = (&Request{Op: Add, N: 1}).head()

// Fingerprint tells operations apart that were given the same identity. The
// journal keeps it: it is the same in every version.
func (r *Request) Fingerprint() uint32 {
	name := r.Counter
	if len(name) == 0 {
		name = defaultName
	}
	head := headOfIncrement
	if r.Op != Add || r.N != 1 || r.If != Always {
		head = r.head()
	}
	if r.Terms != nil && r.Op != Describe { // which fills them in
		head ^= r.Terms.fingerprint()
	}
	return crc32.Update(uint32(head), castagnoli, name)
}

// fingerprint is 0 for terms that say nothing.
func (t *Terms) fingerprint() uint64 {
	e, rate := &t.Expiry, &t.Rate
	marks := uint64(e.Kind)<<8 | uint64(e.If)<<16 | uint64(rate.Kind)<<24
	for i, set := range [...]bool{t.Floor.Set, t.Ceiling.Set, t.Clamp, e.Lapse, t.Total} {
		if set {
			marks |= 1 << i
		}
	}
	said := marks
	marks = mix(marks) // lest a limit of one more look like another mark
	for _, n := range [...]int64{t.Floor.at(), t.Ceiling.at(), t.Expect, e.Time, rate.Limit, rate.Period, rate.Burst, int64(t.Hold)} {
		said |= uint64(n)
		marks = mix(marks + uint64(n))
	}
	if said == 0 && len(t.Ident) == 0 {
		return 0
	}
	return mix(marks ^ uint64(crc32.Checksum(t.Ident, castagnoli)))
}

// at is where the bound is, if it is set.
func (b Bound) at() int64 {
	if !b.Set {
		return 0
	}
	return b.At
}

var defaultName = []byte(DefaultCounter)

// operand is the request's N if it means anything.
func (r *Request) operand() int64 {
	switch r.Op {
	case Add, Set, Check, Take, Ticket, Hold, Settle:
		return r.N
	}
	return 0
}
