package resp

import (
	"bytes"
	"encoding/binary"
	"math"
)

// Decoder finds commands in a buffer that its holder owns and fills. Its zero
// value is ready. It remembers how far it has looked, so a command that arrives
// a byte at a time costs no more than one that arrives whole.
type Decoder struct {
	// Known lifts the bounds of a stranger. The holder sets it once the client
	// has sent a valid command.
	Known bool

	args     [][]byte
	spans    []span // of the arguments found so far, from the command's start
	pos      int    // how much of the command has been read
	left     int    // arguments to come; 0 before their number is known
	unquoted []byte // what inline arguments with quotes come down to
}

// span is where an argument lies in its command.
type span struct{ start, end uint32 }

// keptArgs is how many arguments' memory is kept from one command to the next.
const keptArgs = 64

// Forget lets go of memory that arguments of earlier commands lie in; they must
// not be used any more.
func (d *Decoder) Forget() {
	d.unquoted = d.unquoted[:0]
	if cap(d.unquoted) > MaxLine {
		d.unquoted = nil
	}
	if cap(d.args) > keptArgs && d.left == 0 {
		d.args, d.spans = nil, nil
	}
}

// Next reads the command at the beginning of buf. It returns its arguments and
// its size; size 0 if buf ends before the command does, and then the next call's
// buf must begin with the same command. A command without arguments is to be
// passed over. After an error nothing more can be read.
//
// The arguments alias buf, or memory of the decoder's up to the next
// [Decoder.Forget]; the slice of them is used again by the next call.
func (d *Decoder) Next(buf []byte) (args [][]byte, size int, err error) {
	if len(buf) == 0 {
		return nil, 0, nil
	}
	if buf[0] != '*' {
		return d.inline(buf)
	}
	if d.left == 0 {
		if n := fewWords(buf); n > 0 {
			if args, size := d.Short(buf[len("*1\r\n"):], n); size > 0 {
				return args, len("*1\r\n") + size, nil
			}
		}
		if err := d.count(buf); err != nil {
			return nil, 0, err
		}
		if d.left == 0 { // incomplete, or nothing to come
			size, d.pos = d.pos, 0
			return nil, size, nil
		}
	}
	for d.left > 0 {
		if more, err := d.bulk(buf); more || err != nil {
			return nil, 0, err
		}
	}
	size, d.pos = d.pos, 0
	return d.slice(buf), size, nil
}

// fewWords returns how many arguments follow the first line of buf if they are one
// to nine, as in nearly all commands; otherwise 0.
func fewWords(buf []byte) int {
	if len(buf) < len("*1\r\n") || buf[2] != '\r' || buf[3] != '\n' || buf[1]-'1' > 8 {
		return 0
	}
	return int(buf[1] - '0')
}

// Short reads that many arguments at the beginning of buf, of up to 99 bytes, as
// nearly all are. It returns size 0 where they are others or are not there as a
// whole, which leaves the decoder as it was.
func (d *Decoder) Short(buf []byte, words int) (args [][]byte, size int) {
	args = d.args[:0]
	for range words {
		rest := buf[size:]
		if len(rest) < len("$0\r\n\r\n") || rest[0] != '$' {
			return nil, 0
		}
		n, end := int(rest[1]-'0'), len("$0")
		if n > 9 {
			return nil, 0
		}
		if rest[2] != '\r' { // another digit, but none after a zero
			if n == 0 || rest[2]-'0' > 9 {
				return nil, 0
			}
			n, end = n*10+int(rest[2]-'0'), len("$00")
		}
		start := end + 2
		end = start + n
		if n > 99 || len(rest) < end+2 || !endsLine(rest[start-2:]) || !endsLine(rest[end:]) {
			return nil, 0
		}
		args = append(args, rest[start:end:end])
		size += end + 2
	}
	d.args = args
	return args, size
}

// MaxShortUint is the most digits that ShortUint reads.
const MaxShortUint = 19

// ShortUint reads an argument that is a number of up to [MaxShortUint] digits, at the
// beginning of buf. It returns 0 for any other, for 0 and for what is not there as a whole.
func ShortUint(buf []byte) (n uint64, size int) {
	if len(buf) < len("$0\r\n0\r\n") || buf[0] != '$' {
		return 0, 0
	}
	digits, rest := int(buf[1]-'0'), buf[len("$0"):]
	switch {
	case digits > 9: // none
		return 0, 0
	case digits == 1 && rest[0]-'0' <= 9:
		digits, rest = 10+int(rest[0]-'0'), rest[1:]
	}
	end := len("\r\n") + digits
	if len(rest) < end+len("\r\n") || !endsLine(rest) || !endsLine(rest[end:]) || rest[len("\r\n")] == '0' {
		return 0, 0
	}
	for _, c := range rest[len("\r\n"):end] {
		if c-'0' > 9 {
			return 0, 0
		}
		n = n*10 + uint64(c-'0')
	}
	return n, len(buf) - len(rest) + end + len("\r\n")
}

// endsLine reports whether CR LF comes next. (At one go, as it is asked so often.)
func endsLine(b []byte) bool { return binary.LittleEndian.Uint16(b) == '\r'|'\n'<<8 }

// Again makes the next call of Next read a command anew that was returned but
// could not be taken.
func (d *Decoder) Again() { d.pos, d.left, d.spans = 0, 0, d.spans[:0] }

// slice makes arguments of the spans.
func (d *Decoder) slice(buf []byte) [][]byte {
	d.args = d.args[:0]
	for _, s := range d.spans {
		d.args = append(d.args, buf[s.start:s.end:s.end])
	}
	d.spans = d.spans[:0]
	return d.args
}

// limit is the most bytes that a command of this client may have.
func (d *Decoder) limit() int {
	if d.Known {
		return MaxCommand
	}
	return maxStrangerCommand
}

// count reads the line that says how many arguments follow. It leaves pos at 0
// if the line is incomplete.
func (d *Decoder) count(buf []byte) error {
	n, next, state := d.length(buf, 1)
	switch {
	case state == endless:
		return ErrCountLine
	case state == unread:
		return nil
	case state == garbled || n > MaxArgs:
		return ErrCount
	case !d.Known && n > maxStrangerCommand/len("$0\r\n\r\n"):
		return ErrCountStranger
	}
	d.pos, d.left = next, max(n, 0)
	return nil
}

// bulk reads one argument; more says that buf ends before it.
func (d *Decoder) bulk(buf []byte) (more bool, err error) {
	if d.pos == len(buf) {
		return true, nil
	}
	if buf[d.pos] != '$' {
		return false, errDollar(buf[d.pos])
	}
	n, next, state := d.length(buf, d.pos+1)
	switch {
	case state == endless:
		return false, ErrLengthLine
	case state == unread:
		return true, nil
	case state == garbled || n < 0 || n > MaxCommand:
		return false, ErrLength
	case !d.Known && (n > maxStrangerBulk || next+n+2 > maxStrangerCommand):
		return false, ErrLengthStranger
	case next+n+2 > MaxCommand:
		return false, ErrLength
	}
	end := next + n
	if len(buf) < end+2 {
		return true, nil
	}
	if buf[end] != '\r' || buf[end+1] != '\n' {
		return false, ErrEnd
	}
	d.spans = append(d.spans, span{uint32(next), uint32(end)})
	d.pos = end + 2
	d.left--
	return false, nil
}

// What became of the line of a length.
type lineState uint8

const (
	read    lineState = iota
	unread            // the buffer ends first
	garbled           // it is no number as Redis writes them
	endless           // it is over its bound
)

// length reads the decimal number at pos up to its CR LF. Short numbers, which
// nearly all are, are read in one go.
func (d *Decoder) length(buf []byte, pos int) (n, next int, state lineState) {
	for i := pos; i < min(len(buf), pos+6) && i < d.limit()-8; i++ {
		c := buf[i]
		if c-'0' <= 9 {
			n = n*10 + int(c-'0')
			continue
		}
		if c == '\r' && i > pos && (buf[pos] != '0' || i == pos+1) && i+1 < len(buf) && buf[i+1] == '\n' {
			return n, i + 2, read
		}
		break
	}
	return d.oddLength(buf, pos)
}

// oddLength is length for whatever is not a short number.
func (d *Decoder) oddLength(buf []byte, pos int) (n, next int, state lineState) {
	// The type byte before pos belongs to the line.
	bound := min(pos-1+MaxLine+1, d.limit())
	i := -1
	if pos < bound {
		i = bytes.IndexByte(buf[pos:min(len(buf), bound)], '\r')
	}
	switch {
	case i < 0 && len(buf) >= bound:
		return 0, 0, endless
	case i < 0 || pos+i+1 == len(buf):
		return 0, 0, unread
	case buf[pos+i+1] != '\n':
		return 0, 0, garbled
	}
	v, ok := ParseInt(buf[pos : pos+i])
	if !ok {
		return 0, 0, garbled
	}
	// Whatever is over the bounds is the same to the caller.
	return int(min(max(v, -1), MaxCommand+1)), pos + i + 2, read
}

// ParseInt reads a number as Redis does: decimal digits with no leading zeros,
// a minus sign but no plus, nothing around it, within int64.
func ParseInt(b []byte) (int64, bool) {
	if len(b) > 0 && b[0] == '-' {
		n, ok := ParseUint(b[1:])
		return -int64(n), ok && 0 < n && n <= 1<<63
	}
	n, ok := ParseUint(b)
	return int64(n), ok && n < 1<<63
}

// ParseUint is ParseInt without a sign, within uint64.
func ParseUint(b []byte) (n uint64, ok bool) {
	const most = len("18446744073709551615")
	if len(b) == 0 || len(b) > most || b[0] == '0' && len(b) > 1 {
		return 0, false
	}
	for _, c := range b[:min(len(b), most-1)] {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	if len(b) < most {
		return n, true
	}
	last := uint64(b[most-1] - '0')
	if last > 9 || n > (math.MaxUint64-last)/10 {
		return 0, false
	}
	return n*10 + last, true
}
