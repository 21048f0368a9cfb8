package resp

import (
	"strconv"

	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// How the usual commands in a session go: CUENTA.SEQ id number [LOWEST number] INCR, and
// then the key. All but the count of words and what stands between is said each time.
const (
	fewWords    = "*5\r\n"
	moreWords   = "*7\r\n"
	beforeID    = "$10\r\nCUENTA.SEQ\r\n$16\r\n"
	beforeLimit = "$6\r\nLOWEST\r\n"
	afterNumber = "$4\r\nINCR\r\n"
)

// granted is a session's id as it was said, what it says, and what is likely said next:
// most clients have one session, and number their requests one after the other.
type granted struct {
	text [16]byte
	id   uint64

	head   [len(beforeID) + 16 + len("\r\n")]byte // how a command goes on behind the count of words
	number uint64                                 // of the last usual command
	next   []byte                                 // how the usual command goes whose number is one more
}

// become forgets the last session for another one.
func (g *granted) become(text []byte, id uint64) {
	g.text, g.id = [16]byte(text), id
	copy(g.head[copy(g.head[:], beforeID):], string(text)+"\r\n")
	g.next = g.next[:0]
}

// call reads a usual command in the session up to its key. It returns size 0 for any other.
func (g *granted) call(buf []byte) (number, lowest uint64, size int) {
	if n := len(g.next); n > 0 && len(buf) >= n && string(buf[:n]) == string(g.next) {
		return g.number + 1, 0, n
	}
	size = len(fewWords) + len(g.head)
	if g.id == 0 || len(buf) < size || string(buf[len(fewWords):size]) != string(g.head[:]) {
		return 0, 0, 0
	}
	number, n := wire.ShortUint(buf[size:])
	if number == 0 {
		return 0, 0, 0
	}
	size += n
	switch string(buf[:len(fewWords)]) {
	case fewWords:
	case moreWords:
		if lowest, n = lowestNumber(buf[size:]); lowest == 0 || lowest > number {
			return 0, 0, 0
		}
		size += n
	default:
		return 0, 0, 0
	}
	if !begins(buf[size:], afterNumber) {
		return 0, 0, 0
	}
	return number, lowest, size + len(afterNumber)
}

func lowestNumber(buf []byte) (lowest uint64, size int) {
	if !begins(buf, beforeLimit) {
		return 0, 0
	}
	lowest, n := wire.ShortUint(buf[len(beforeLimit):])
	return lowest, len(beforeLimit) + n
}

func begins(buf []byte, with string) bool {
	return len(buf) >= len(with) && string(buf[:len(with)]) == with
}

// went says that the usual command of that number was taken.
func (g *granted) went(number uint64) {
	counted := number == g.number+1 && len(g.next) > 0 && g.countOn()
	g.number = number
	if !counted {
		g.sayNext(number + 1)
	}
}

// countOn makes the number that is said next one more, in the text alone: that costs less
// than to say it anew. It reports false if the number gets longer by that.
func (g *granted) countOn() bool {
	i := len(g.next) - len("\r\n"+afterNumber) - 1
	for ; g.next[i] == '9'; i-- {
		g.next[i] = '0'
	}
	if g.next[i] == '\n' {
		return false
	}
	g.next[i]++
	return true
}

// sayNext says the usual command of a number, unless its length is unusual: then it is
// read the long way.
func (g *granted) sayNext(number uint64) {
	g.next = g.next[:0]
	var digits [20]byte
	if text := strconv.AppendUint(digits[:0], number, 10); len(text) <= wire.MaxShortUint {
		g.next = append(append(g.next, fewWords...), g.head[:]...)
		g.next = wire.AppendBulk(g.next, text)
		g.next = append(g.next, afterNumber...)
	}
}
