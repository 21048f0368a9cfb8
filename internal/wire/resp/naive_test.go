package resp

import (
	"bytes"
	"strconv"
)

// hearNaively decodes a whole stream in the plainest way, for streams that are
// shorter than any bound.
func hearNaively(stream []byte) (h heard) {
	for len(stream) > 0 {
		var (
			args  []string
			taken int
		)
		if stream[0] == '*' {
			args, taken, h.err = naiveArray(stream)
		} else {
			args, taken, h.err = naiveLine(stream)
		}
		if h.err != nil {
			return h
		}
		if taken == 0 {
			break
		}
		if len(args) > 0 {
			command := args[0]
			for _, arg := range args[1:] {
				command += "\xff" + arg
			}
			h.commands = append(h.commands, command)
		}
		stream = stream[taken:]
	}
	h.rest = len(stream)
	return h
}

// naiveNumber reads a line that is one byte and a number; taken 0 where it does not end.
func naiveNumber(b []byte, invalid error) (n, taken int, err error) {
	i := bytes.IndexByte(b, '\r')
	if i < 0 || i+1 == len(b) {
		return 0, 0, nil
	}
	text := string(b[1:max(i, 1)])
	v, err := strconv.ParseInt(text, 10, 64)
	if b[i+1] != '\n' || err != nil || strconv.FormatInt(v, 10) != text {
		return 0, 2, invalid
	}
	return int(v), i + 2, nil
}

func naiveArray(b []byte) (args []string, taken int, err error) {
	count, taken, err := naiveNumber(b, ErrCount)
	if err != nil || taken == 0 {
		return nil, 0, err
	}
	if count > MaxArgs {
		return nil, 0, ErrCount
	}
	for range count {
		if len(b) == taken {
			return nil, 0, nil
		}
		if b[taken] != '$' {
			return nil, 0, errDollar(b[taken])
		}
		n, size, err := naiveNumber(b[taken:], ErrLength)
		switch {
		case size == 0:
			return nil, 0, nil
		case err != nil || n < 0 || taken+size+n+2 > MaxCommand:
			return nil, 0, ErrLength
		}
		taken += size
		if len(b) < taken+n+2 {
			return nil, 0, nil
		}
		if string(b[taken+n:taken+n+2]) != "\r\n" {
			return nil, 0, ErrEnd
		}
		args = append(args, string(b[taken:taken+n]))
		taken += n + 2
	}
	return args, taken, nil
}

// naiveLine is a state machine over the bytes of a line.
func naiveLine(b []byte) (args []string, taken int, err error) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return nil, 0, nil
	}
	const between, word, quoted, closed = 0, 1, 2, 3
	state, quote, current := between, byte(0), ""
	for i := 0; i < end; i++ {
		c := b[i]
		blank := bytes.IndexByte([]byte(" \t\r\v\f"), c) >= 0
		switch state {
		case between, word:
			switch {
			case state == between && blank:
			case c == '"' || c == '\'':
				state, quote = quoted, c
			case state == word && (c == ' ' || c == '\t' || c == '\r'):
				args, current, state = append(args, current), "", between
			default:
				current, state = current+string([]byte{c}), word
			}
		case quoted:
			switch {
			case c == quote:
				args, current, state = append(args, current), "", closed
			case c == '\\' && quote == '\'' && i+1 < end && b[i+1] == '\'':
				current += "'"
				i++
			case c == '\\' && quote == '"' && i+1 < end:
				i++
				if v, err := strconv.ParseUint(string(b[min(i+1, end):min(i+3, end)]), 16, 8); b[i] == 'x' && i+2 < end && err == nil {
					current += string([]byte{byte(v)})
					i += 2
				} else if to, ok := map[byte]string{'n': "\n", 'r': "\r", 't': "\t", 'b': "\b", 'a': "\a"}[b[i]]; ok {
					current += to
				} else {
					current += string(b[i : i+1])
				}
			default:
				current += string([]byte{c})
			}
		case closed:
			if !blank {
				return nil, 0, ErrQuotes
			}
			state = between
		}
	}
	switch state {
	case word:
		args = append(args, current)
	case quoted:
		return nil, 0, ErrQuotes
	}
	return args, end + 1, nil
}
