package bench

import (
	"bytes"
	"math"
	"strconv"
	"time"

	"github.com/cuenta-server/cuenta/internal/wire/resp"
)

// phrase is a command of the Redis protocol about a counter.
type phrase struct {
	words  int    // of the command
	text   string // up to what say says, with any digits in the counter's name
	digits int    // where these are in text
	say    func(dst []byte, key uint64) []byte
	behind string // what say has said, if anything
}

// command appends the command; see codec.
func (p *phrase) command(dst []byte, key uint64, n *namer) []byte {
	dst = n.appendRESP(dst, p.words)
	at := len(dst) + p.digits
	dst = append(dst, p.text...)
	putDigits((*[keyDigits]byte)(dst[at:]), key)
	if p.say != nil {
		dst = p.say(dst, key)
	}
	return append(dst, p.behind...)
}

// phraseOf makes the command out of its name, the beginning of the counter's and the
// words that follow.
func phraseOf(name, prefix string, words ...string) phrase {
	before := bulks(name) + "$16\r\n" + prefix
	return phrase{words: 2 + len(words), text: before + anyDigits + "\r\n" + bulks(words...), digits: len(before)}
}

// bulks are words as the protocol has them.
func bulks(words ...string) string {
	var b []byte
	for _, word := range words {
		b = append(b, '$')
		b = strconv.AppendInt(b, int64(len(word)), 10)
		b = append(b, "\r\n"+word+"\r\n"...)
	}
	return string(b)
}

// codec says the operations and reads their answers. Of Reserve it says the first half,
// and reservations do the rest.
func (a *asker) codec() codec {
	lowest, highest, by := strconv.Itoa(math.MinInt64), strconv.Itoa(math.MaxInt64), strconv.Itoa(limitedBy)
	var p phrase
	next := nextRESP
	switch prefix := a.op.Prefix(); a.op {
	case Bounded:
		p = phraseOf("INCREX", prefix, "BYINT", by, "UBOUND", highest, "SATURATE")
		next = nextArray(func(n []int64) bool { return len(n) == 2 && n[1] == limitedBy })
	case Refused:
		p = phraseOf("INCREX", prefix, "BYINT", by, "UBOUND", lowest)
		next = nextArray(func(n []int64) bool { return len(n) == 2 && n[1] == 0 })
	case Clamped:
		p = phraseOf("INCREX", prefix, "BYINT", by, "UBOUND")
		p.words += 2
		p.say = func(dst []byte, _ uint64) []byte { return appendNumber(dst, uint64(a.nextBound())) }
		p.behind = bulks("SATURATE")
		next = nextArray(func(n []int64) bool { return len(n) == 2 && n[1] != limitedBy })
	case Transfer:
		p = phraseOf("CUENTA.TRANSFER", prefix)
		p.words += 4
		p.text += "$16\r\n" + prefix
		p.say = func(dst []byte, key uint64) []byte { return appendDigits(dst, a.other(key)) }
		p.behind = "\r\n" + bulks("1", "FLOOR", lowest)
	case Reserve:
		p = phraseOf("CUENTA.HOLD", prefix, "1", "EX", strconv.Itoa(int(holdTime.Seconds())))
		next = nil
	case Take:
		p = phraseOf("CUENTA.TAKE", prefix, "1", "FIXED", strconv.Itoa(takeLimit), "PER", strconv.Itoa(int(takePeriod/time.Millisecond)))
		next = nextArray(func(n []int64) bool { return len(n) == 4 && n[0] == 1 })
	case Ticket:
		p = phraseOf("CUENTA.TICKET", prefix)
		p.words++
		p.text += "$28\r\n"
		p.say = func(dst []byte, _ uint64) []byte { return a.appendIdent(dst) }
		p.behind = "\r\n"
		next = nextArray(func(n []int64) bool { return len(n) == 3 && n[0] == n[1] && n[2] == 1 })
	case Expire:
		p = phraseOf("INCREX", prefix, "BYINT", "1", "EX", strconv.Itoa(int(expireTime.Seconds())))
		next = nextArray(addedOne)
	}
	return codec{p.command, next}
}

// addedOne is the answer of an INCREX that was allowed.
func addedOne(n []int64) bool { return len(n) == 2 && n[1] == 1 }

// unexpected is what an answer of the right form is counted under that is not the one
// that was to come.
var unexpected = []byte("another answer than expected")

// nextArray reads a reply of some integers, of which expected says whether it is the
// one that was to come.
func nextArray(expected func([]int64) bool) func([]byte) (int, []byte) {
	return func(b []byte) (size int, refusal []byte) {
		var room [maxIntegers]int64
		size, numbers, refusal := readArray(b, room[:0])
		if size > 0 && refusal == nil && !expected(numbers) {
			refusal = unexpected
		}
		return size, refusal
	}
}

// maxIntegers is how many integers a reply has at most.
const maxIntegers = 4

// readArray reads a reply of up to maxIntegers integers, as a codec's next does, and
// appends them.
func readArray(b []byte, to []int64) (size int, numbers []int64, refusal []byte) {
	if len(b) < len("*1\r\n") || b[0] != '*' || b[1] < '1' || b[1] > '0'+maxIntegers || b[2] != '\r' || b[3] != '\n' {
		line, size := readLine(b)
		if size == 0 {
			return 0, nil, nil
		}
		return size, nil, reason(bytes.TrimPrefix(line, []byte("-")))
	}
	size = len("*1\r\n")
	for range b[1] - '0' {
		number, n := readInteger(b[size:])
		if n == 0 {
			line, n := readLine(b[size:])
			if n == 0 {
				return 0, nil, nil
			}
			return size + n, nil, reason(line)
		}
		size += n
		to = append(to, number)
	}
	return size, to, nil
}

// readLine returns the line that b begins with, and its length with its end; 0 if it
// is not all there.
func readLine(b []byte) (line []byte, size int) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return nil, 0
	}
	return bytes.TrimSuffix(b[:end], []byte("\r")), end + 1
}

// readInteger reads an integer with its end, and returns its length, 0 if there is none,
// or not all of it.
func readInteger(b []byte) (n int64, size int) {
	const shortest = len(":0\r\n")
	if len(b) < shortest || b[0] != ':' {
		return 0, 0
	}
	end := 1
	for end < len(b) && b[end] != '\r' {
		end++
	}
	if end+1 >= len(b) || b[end+1] != '\n' {
		return 0, 0
	}
	n, isInt := resp.ParseInt(b[1:end])
	if !isInt {
		return 0, 0
	}
	return n, end + len("\r\n")
}
