package bench

import (
	"bytes"
	"strconv"

	"github.com/cuenta-server/cuenta"
)

// codec is the near side of a protocol on a stream: how a command is said, and
// how its answers are told apart.
type codec struct {
	// command appends an operation on a counter.
	command func(dst []byte, key uint64, n *namer) []byte

	// next returns the length of the first answer in b, 0 if it is not all there
	// yet, and what it says if it is not a number.
	next func(b []byte) (size int, refusal []byte)
}

func codecOf(front, address string) codec {
	switch front {
	case cuenta.FrontRESP:
		return codec{commandRESP, nextRESP}
	case cuenta.FrontWeb:
		return codec{commandHTTP(" HTTP/1.1\r\nHost: " + address + "\r\n\r\n"), nextHTTP}
	}
	return codec{commandText, nextText}
}

func commandRESP(dst []byte, key uint64, n *namer) []byte {
	dst = n.appendRESP(dst, 2)
	dst = append(dst, "$4\r\nINCR\r\n$16\r\nkey:"...)
	dst = appendDigits(dst, key)
	return append(dst, "\r\n"...)
}

func commandText(dst []byte, key uint64, n *namer) []byte {
	dst = append(dst, "inc.1 @key:"...)
	dst = appendDigits(dst, key)
	dst = n.appendText(dst, " ")
	return append(dst, '\n')
}

func commandHTTP(after string) func([]byte, uint64, *namer) []byte {
	return func(dst []byte, key uint64, n *namer) []byte {
		dst = append(dst, "GET /cambiar?counter=inc.1%20@key:"...)
		dst = appendDigits(dst, key)
		dst = n.appendText(dst, "%20")
		return append(dst, after...)
	}
}

// nextText reads a line of the text protocol.
func nextText(b []byte) (size int, refusal []byte) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return 0, nil
	}
	line := bytes.TrimSuffix(b[:end], []byte("\r"))
	if isNumber(line) {
		return end + 1, nil
	}
	return end + 1, reason(line)
}

// nextRESP reads an integer of the Redis protocol, as INCR answers it.
func nextRESP(b []byte) (size int, refusal []byte) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return 0, nil
	}
	line := bytes.TrimSuffix(b[:end], []byte("\r"))
	if len(line) > 0 && line[0] == ':' && isNumber(line[1:]) {
		return end + 1, nil
	}
	return end + 1, reason(bytes.TrimPrefix(line, []byte("-")))
}

// nextHTTP reads a response that has a Content-Length, as /cambiar's do.
func nextHTTP(b []byte) (size int, refusal []byte) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, nil
	}
	length := 0
	head := b[:end]
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if name, value, ok := bytes.Cut(line, []byte(": ")); ok && bytes.EqualFold(name, []byte("Content-Length")) {
			n, err := strconv.Atoi(string(value))
			if err != nil || n < 0 {
				return len(b), reason(head)
			}
			length = n
		}
	}
	size = end + 4 + length
	if size > len(b) {
		return 0, nil
	}
	if bytes.HasPrefix(b, []byte("HTTP/1.1 200 ")) {
		return size, nil
	}
	return size, reason(b[end+4 : size])
}

func isNumber(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// reason is what a refusal is counted under: never empty, and not long, because
// a stranger may have said it.
func reason(said []byte) []byte {
	const longest = 80
	if line := bytes.IndexAny(said, "\r\n"); line >= 0 {
		said = said[:line]
	}
	if len(said) == 0 {
		return []byte("an empty answer")
	}
	return said[:min(len(said), longest)]
}
