package bench

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/cuenta-server/cuenta"
)

// Identity says which identity each operation carries.
type Identity string

const (
	NoIdentity Identity = "none"
	Sessions   Identity = "session" // a number of a session that the connection opened
	Keys       Identity = "key"     // an idempotency key
)

// Identities are all there are.
var Identities = []Identity{NoIdentity, Sessions, Keys}

// inSessions are the fronts on which a session can be spoken of.
var inSessions = []string{cuenta.FrontRESP, cuenta.FrontRPC, cuenta.FrontSHM}

// CanCarry reports whether operations on a front can have such identities.
func (i Identity) CanCarry(front string) bool {
	return i != Sessions || slices.Contains(inSessions, front)
}

// namer gives the operations of one connection their identities.
type namer struct {
	form    Identity
	session uint64
	call    []byte   // how the last command in the session began, up to its number
	prefix  [16]byte // of the connection's keys
	number  uint64   // of the last operation
	lowest  uint64   // the first of the exchange under way: all before are answered
}

func newNamer(form Identity) *namer {
	return &namer{form: form, prefix: newPrefix()}
}

// newPrefix returns what nobody else has.
func newPrefix() (prefix [16]byte) {
	var b [8]byte
	rand.Read(b[:]) // it never fails
	hex.Encode(prefix[:], b[:])
	return prefix
}

// inSession sets the session that was opened.
func (n *namer) inSession(id uint64) {
	n.session = id
	n.sayCall()
}

// sayCall makes the beginning of a command in the session anew.
func (n *namer) sayCall() {
	n.call = append(n.call[:0], "$10\r\nCUENTA.SEQ\r\n$16\r\n"...)
	n.call = append(cuenta.AppendSession(n.call, n.session), "\r\n"...)
	n.call = appendNumber(n.call, n.number)
}

// nextCall counts on, in the text as well: making it anew each time would cost more
// than the rest of the command.
func (n *namer) nextCall() {
	n.number++
	i := len(n.call) - len("9\r\n")
	for ; n.call[i] == '9'; i-- {
		n.call[i] = '0'
	}
	if n.call[i] == '\n' { // all were nines: there is a digit more
		n.sayCall()
		return
	}
	n.call[i]++
}

// begin begins an exchange.
func (n *namer) begin() { n.lowest = n.number + 1 }

// keySize is the length of the keys.
const keySize = 16 + keyDigits

// key appends the next operation's key.
func (n *namer) key(dst []byte) []byte {
	n.number++
	dst = append(dst, n.prefix[:]...)
	return appendDigits(dst, n.number)
}

// appendRESP appends the beginning of a command that carries the next identity,
// to which the command itself, of so many words, is still to be added.
func (n *namer) appendRESP(dst []byte, words int) []byte {
	switch n.form {
	case Keys:
		dst = appendCount(dst, words+2)
		dst = append(dst, "$11\r\nCUENTA.ONCE\r\n$28\r\n"...)
		dst = n.key(dst)
		return append(dst, "\r\n"...)
	case Sessions:
		n.nextCall()
		first := n.number == n.lowest // one word in an exchange says what was answered before it
		words += 3
		if first {
			words += 2
		}
		dst = appendCount(dst, words)
		dst = append(dst, n.call...)
		if first {
			dst = append(dst, "$6\r\nLOWEST\r\n"...)
			dst = appendNumber(dst, n.lowest)
		}
		return dst
	}
	return appendCount(dst, words)
}

// appendCount appends how many words a command has, fewer than 100.
func appendCount(dst []byte, words int) []byte {
	if words < 10 {
		return append(dst, '*', byte('0'+words), '\r', '\n')
	}
	return append(dst, '*', byte('0'+words/10), byte('0'+words%10), '\r', '\n')
}

// appendNumber appends a number as a bulk string.
func appendNumber(dst []byte, n uint64) []byte {
	var digits [20]byte
	text := strconv.AppendUint(digits[:0], n, 10)
	dst = append(dst, '$')
	dst = strconv.AppendUint(dst, uint64(len(text)), 10)
	dst = append(dst, "\r\n"...)
	dst = append(dst, text...)
	return append(dst, "\r\n"...)
}

// appendText appends the option of the text protocol, if there is an identity.
func (n *namer) appendText(dst []byte, space string) []byte {
	if n.form != Keys {
		return dst
	}
	dst = append(dst, space...)
	dst = append(dst, "id="...)
	return n.key(dst)
}
