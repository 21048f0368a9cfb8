package resp

import "bytes"

// inline reads a command that is a line of words.
func (d *Decoder) inline(buf []byte) (args [][]byte, size int, err error) {
	window := buf[:min(len(buf), MaxLine+1)]
	i := bytes.IndexByte(window[d.pos:], '\n')
	if i < 0 {
		d.pos = len(window)
		if len(window) > MaxLine {
			return nil, 0, ErrInline
		}
		return nil, 0, nil
	}
	line := window[:d.pos+i]
	d.pos = 0
	d.args = d.args[:0]
	if err := d.words(line); err != nil {
		return nil, 0, err
	}
	return d.args, len(line) + 1, nil
}

// words splits a line as Redis does: blanks between words, and quotes around
// words or parts of them. A closing quote must end its word.
func (d *Decoder) words(line []byte) error {
	for {
		for len(line) > 0 && isSpace(line[0]) {
			line = line[1:]
		}
		if len(line) == 0 {
			return nil
		}
		end := 0
		for end < len(line) && !endsPlain[line[end]] {
			end++
		}
		if end < len(line) && (line[end] == '"' || line[end] == '\'') {
			rest, ok := d.quotedWord(line, end)
			if !ok {
				return ErrQuotes
			}
			line = rest
			continue
		}
		d.args = append(d.args, line[:end:end])
		line = line[end:]
	}
}

// endsPlain are the bytes that end a word or a part of one without quotes.
var endsPlain = [256]bool{' ': true, '\t': true, '\r': true, '\n': true, '"': true, '\'': true}

// quotedWord takes the word at the beginning of line, of which the first plain
// bytes need no thought, and a quote follows them.
func (d *Decoder) quotedWord(line []byte, plain int) (rest []byte, ok bool) {
	start := len(d.unquoted)
	d.unquoted = append(d.unquoted, line[:plain]...)
	quote := line[plain]
	rest = line[plain+1:]
	for {
		if len(rest) == 0 {
			return nil, false
		}
		c := rest[0]
		if c == quote {
			break
		}
		taken := 1
		if c == '\\' && len(rest) > 1 {
			c, taken = unescape(rest, quote)
		}
		d.unquoted = append(d.unquoted, c)
		rest = rest[taken:]
	}
	rest = rest[1:]
	if len(rest) > 0 && !isSpace(rest[0]) {
		return nil, false
	}
	d.args = append(d.args, d.unquoted[start:len(d.unquoted):len(d.unquoted)])
	return rest, true
}

// unescape reads what follows a backslash within quotes, and how long it is with
// the backslash. Single quotes know only their own.
func unescape(b []byte, quote byte) (c byte, size int) {
	c = b[1]
	if quote == '\'' {
		if c == '\'' {
			return c, 2
		}
		return '\\', 1
	}
	if c == 'x' && len(b) > 3 {
		high, ok1 := hexDigit(b[2])
		low, ok2 := hexDigit(b[3])
		if ok1 && ok2 {
			return high<<4 | low, 4
		}
	}
	switch c {
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'b':
		c = '\b'
	case 'a':
		c = '\a'
	}
	return c, 2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }
