package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// commands is the Redis protocol: the front resp, and a Redis. Its identities are
// numbers in a session.
type commands struct {
	link
	session string
}

func newRESP(network, address string) *commands {
	return &commands{link: link{network: network, address: address}}
}

func (w *commands) attempt(ctx context.Context, op *operation) (int64, error) {
	if !op.once {
		return w.number(ctx, "INCR", op.counter)
	}
	if w.session == "" {
		session, err := w.ask(ctx, "CUENTA.SESSION")
		if err != nil {
			return 0, err
		}
		w.session = session
	}
	number := strconv.FormatUint(op.number, 10)
	return w.number(ctx, "CUENTA.SEQ", w.session, number, "LOWEST", number, "INCR", op.counter)
}

func (w *commands) number(ctx context.Context, words ...string) (int64, error) {
	text, err := w.ask(ctx, words...)
	if err != nil {
		return 0, err
	}
	return parseValue(text)
}

// ask sends a command and returns its simple reply, whatever its kind.
func (w *commands) ask(ctx context.Context, words ...string) (reply string, err error) {
	_, err = w.exchange(ctx, respCommand(words), func(in *bufio.Reader) (int64, error) {
		var err error
		reply, err = readReply(in)
		return 0, err
	})
	return reply, err
}

func respCommand(words []string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, word := range words {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(word), word)
	}
	return b
}

// readReply reads a reply that is not an array. A null reads as the 0 that it
// stands for.
func readReply(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return "", err
	}
	line, whole := strings.CutSuffix(line, "\r\n")
	if !whole || line == "" {
		return "", errStrange
	}
	switch text := line[1:]; line[0] {
	case ':', '+':
		return text, nil
	case '-':
		return "", refusedInRESP(text)
	case '$':
		return readBulk(in, text)
	}
	return "", errStrange
}

func readBulk(in *bufio.Reader, length string) (string, error) {
	n, err := strconv.Atoi(length)
	switch {
	case err != nil || n > maxAnswer:
		return "", errStrange
	case n < 0:
		return "0", nil
	}
	text := make([]byte, n+len("\r\n"))
	_, err = io.ReadFull(in, text)
	return string(text[:n]), err
}

// refusedInRESP goes by the first word, as clients of Redis do.
func refusedInRESP(said string) *refusal {
	word, _, _ := strings.Cut(said, " ")
	switch word {
	case "TRYAGAIN", "LOADING", "MISCONF", "UNKNOWN":
		return &refusal{said, true}
	}
	return &refusal{said: said}
}
