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
	before string // up to the digits of the counter's name
	middle string // from there on
	say    func(dst []byte, key uint64) []byte
	behind string // what say has said, if anything
}

// command appends the command; see codec.
func (p *phrase) command(dst []byte, key uint64, n *namer) []byte {
	dst = n.appendRESP(dst, p.words)
	dst = append(dst, p.before...)
	dst = appendDigits(dst, key)
	dst = append(dst, p.middle...)
	if p.say != nil {
		dst = p.say(dst, key)
	}
	return append(dst, p.behind...)
}

// phraseOf makes the command out of its name, the beginning of the counter's and the
// words that follow.
func phraseOf(name, prefix string, words ...string) phrase {
	return phrase{words: 2 + len(words), before: bulks(name) + "$16\r\n" + prefix, middle: "\r\n" + bulks(words...)}
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
	lowest, highest := strconv.Itoa(math.MinInt64), strconv.Itoa(math.MaxInt64)
	var p phrase
	next := nextRESP
	switch prefix := a.op.Prefix(); a.op {
	case Bounded:
		p = phraseOf("INCREX", prefix, "BYINT", "1", "UBOUND", highest)
		next = nextArray(addedOne)
	case Refused:
		p = phraseOf("INCREX", prefix, "BYINT", "1", "UBOUND", lowest)
		next = nextArray(func(n []int64) bool { return len(n) == 2 && n[1] == 0 })
	case Clamped:
		p = phraseOf("INCREX", prefix, "BYINT", strconv.Itoa(clampedBy), "UBOUND")
		p.words += 2
		p.say = func(dst []byte, _ uint64) []byte { return appendNumber(dst, uint64(a.nextBound())) }
		p.behind = bulks("SATURATE")
		next = nextArray(func(n []int64) bool { return len(n) == 2 && n[1] != clampedBy })
	case Transfer:
		p = phraseOf("CUENTA.TRANSFER", prefix)
		p.words += 4
		p.middle += "$16\r\n" + prefix
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
		p.middle += "$28\r\n"
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
	head, size := readLine(b)
	if size == 0 {
		return 0, nil, nil
	}
	if len(head) != 2 || head[0] != '*' || head[1] < '1' || head[1] > '0'+maxIntegers {
		return size, nil, reason(bytes.TrimPrefix(head, []byte("-")))
	}
	for range head[1] - '0' {
		line, n := readLine(b[size:])
		if n == 0 {
			return 0, nil, nil
		}
		size += n
		number, isInt := parseInteger(line)
		if !isInt {
			return size, nil, reason(line)
		}
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

// parseInteger reads an integer of the protocol.
func parseInteger(line []byte) (int64, bool) {
	if len(line) < 2 || line[0] != ':' {
		return 0, false
	}
	return resp.ParseInt(line[1:])
}
