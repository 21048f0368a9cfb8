package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/badnet"
)

// patience bounds every wait for something that must happen, and is never waited
// out when all is well.
const patience = 30 * time.Second

// How answers are read: a value; a refusal, which says whether to ask again; or
// nothing that could be relied on.
func TestReadAnswers(t *testing.T) {
	http := func(status int, body string) string {
		return fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
	}
	number := func(in *bufio.Reader) (int64, error) {
		text, err := readReply(in)
		if err != nil {
			return 0, err
		}
		return parseValue(text)
	}
	const (
		value = iota
		again
		final
		doubt
	)
	for _, c := range []struct {
		read func(*bufio.Reader) (int64, error)
		said string
		kind int
		want int64
	}{
		{readLine, "13\n", value, 13},
		{readLine, "-13\r\n", value, -13},
		{readLine, "13", doubt, 0}, // cut short: it may have been 130
		{readLine, "error busy the server is at its limit, try again\n", again, 0},
		{readLine, "error unknown the journal failed, fate unknown\n", again, 0},
		{readLine, "error too-old too old to be remembered, fate unknown\n", final, 0},
		{readLine, "error conflict the identity was used for another operation\n", final, 0},
		{readLine, "error nonsense x\n", final, 0},
		{readLine, "adios\n", doubt, 0},
		{readCambiar, http(200, "Valor del Contador, 13"), value, 13},
		{readCambiar, http(200, "Valor del Contador, 13")[:59], doubt, 0},
		{readCambiar, http(503, "error stopping the server is stopping"), again, 0},
		{readCambiar, http(400, "consulta mal formulada"), final, 0},
		{readREST, http(200, `{"value":"13","revision":"2","replayed":true}`), value, 13},
		{readREST, http(200, `{"revision":"2"}`), doubt, 0},
		{readREST, http(200, `<html>`), doubt, 0},
		{readREST, http(503, `{"code":"busy","detail":"x"}`), again, 0},
		{readREST, http(422, `{"code":"conflict","detail":"x"}`), final, 0},
		{number, ":13\r\n", value, 13},
		{number, ":13\n", doubt, 0},
		{number, ":1", doubt, 0},
		{number, "$2\r\n13\r\n", value, 13},
		{number, "$2\r\n1", doubt, 0},
		{number, "$-1\r\n", value, 0},
		{number, "$99999999\r\n", doubt, 0},
		{number, "*1\r\n:1\r\n", doubt, 0},
		{number, "\r\n", doubt, 0},
		{number, "-TRYAGAIN the server is at its limit\r\n", again, 0},
		{number, "-LOADING Redis is loading the dataset in memory\r\n", again, 0},
		{number, "-NOSESSION no such session\r\n", final, 0},
	} {
		got, err := c.read(bufio.NewReader(strings.NewReader(c.said)))
		refused, isRefusal := errors.AsType[*refusal](err)
		kind := doubt
		switch {
		case err == nil:
			kind = value
		case isRefusal && refused.again:
			kind = again
		case isRefusal:
			kind = final
		}
		if kind != c.kind || got != c.want {
			t.Errorf("%q is read as %d (kind %d, %v); want %d (kind %d)", c.said, got, kind, err, c.want, c.kind)
		}
	}
}

// What is of the moment changes nothing for good: everything that tells a change's
// fate, or that no retry mends, is final.
func TestPassingRefusalsDecideNothing(t *testing.T) {
	for code := cuenta.OK; code < cuenta.NumCodes; code++ {
		if passing(code) && code.Fate() != cuenta.NotApplied && code != cuenta.Unknown {
			t.Errorf("%s is taken for a refusal of the moment", code)
		}
	}
	for _, code := range []cuenta.Code{cuenta.Conflict, cuenta.TooOld, cuenta.TooNew, cuenta.NoSession, cuenta.Overflow, cuenta.Unsupported} {
		if passing(code) {
			t.Errorf("%s is asked again for ever", code)
		}
	}
}

// A late answer to an earlier operation, and one that comes twice, are not taken
// for the answer to this one.
func TestDatagramsPassOverLateAnswers(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if err := server.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	w := newDatagrams(server.LocalAddr().String())
	defer w.close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for n, answers := range [][]string{{"5\n"}, {"5\n", "4\n", "9\n", "9\n"}, {"9\n", "10\n"}} {
		go func() {
			_, client, err := server.ReadFrom(make([]byte, maxAnswer))
			for _, answer := range answers {
				if err == nil {
					_, err = server.WriteTo([]byte(answer), client)
				}
			}
			if err != nil {
				t.Error(err)
			}
		}()
		value, err := w.attempt(ctx, &operation{counter: "a", once: true, key: "k"})
		if want := []int64{5, 9, 10}[n]; err != nil || value != want {
			t.Errorf("operation %d: %d, %v; want %d", n, value, err, want)
		}
	}
}

// A connection whose answer did not come is not used again: the answer might, and
// be taken for the next one's. A refusal is an answer.
func TestLinkGivesUpAConnectionInDoubt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, giveUp := context.WithCancel(t.Context())
	serve := func(answers ...string) {
		conn, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { conn.Close() })
		in := bufio.NewReader(conn)
		for _, answer := range answers {
			line, err := in.ReadString('\n')
			if _, wrong := io.WriteString(conn, answer); err != nil || wrong != nil || line != "inc.1 @a id=k\n" {
				t.Errorf("asked %q: %v, %v", line, err, wrong)
			}
		}
	}
	go func() {
		serve("1") // its line end would come too late
		giveUp()
		serve("error busy x\n", "7\n")
	}()
	w := newLines(l.Addr().String())
	defer w.close()
	op := &operation{counter: "a", once: true, key: "k"}
	if value, err := w.attempt(ctx, op); err == nil {
		t.Errorf("half an answer is %d", value)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := w.attempt(ctx, op); err == nil || isFinal(err) {
		t.Errorf("busy: %v", err)
	}
	if value, err := w.attempt(ctx, op); value != 7 || err != nil {
		t.Errorf("%d, %v", value, err)
	}
}

func TestBareOperationsHaveNoIdentity(t *testing.T) {
	bare := &operation{counter: "a", key: "k", number: 3}
	if got := string(command(bare)); got != "inc.1 @a" {
		t.Errorf("%q", got)
	}
	if got := keyHeader(bare); got != "" {
		t.Errorf("%q", got)
	}
	once := &operation{counter: "a", once: true, key: "k", number: 3}
	if got := keyHeader(once); got != "Idempotency-Key: \"k\"\r\n" {
		t.Errorf("%q", got)
	}
}

// script is a way whose attempts end as the test says.
type script struct {
	ends []error
	asks []operation
}

func (s *script) attempt(_ context.Context, op *operation) (int64, error) {
	s.asks = append(s.asks, *op)
	err := s.ends[0]
	s.ends = s.ends[1:]
	return 1, err
}

func (s *script) close() {}

func TestClientRetriesTheSameOperationUntilItIsAnswered(t *testing.T) {
	lost, busy, done := errors.New("lost"), &refusal{"busy", true}, error(nil)
	enough := make(chan struct{})
	s := &script{ends: []error{lost, busy, lost, done, done, lost, &refusal{said: "conflict"}}}
	c := &client{way: s, counter: "a", once: true, dice: badnet.Dice(1, "x")}
	c.run(t.Context(), enough)
	if c.counted.Load() != 2 || c.repeated.Load() != 4 {
		t.Errorf("%d counted, %d repeated", c.counted.Load(), c.repeated.Load())
	}
	if c.failed == nil || !strings.Contains(c.failed.Error(), "operation 3") || !strings.Contains(c.failed.Error(), "conflict") {
		t.Errorf("failed: %v", c.failed)
	}
	for i, want := range []uint64{1, 1, 1, 1, 2, 3, 3} {
		op := s.asks[i]
		if op.number != want || op.counter != "a" || !op.once {
			t.Errorf("attempt %d: %+v", i, op)
		}
		if i > 0 && (op.key == s.asks[i-1].key) != (op.number == s.asks[i-1].number) {
			t.Errorf("attempts %d and %d: the key is the operation's", i-1, i)
		}
	}
}

func TestClientEndsWithItsOperationOrItsContext(t *testing.T) {
	enough := make(chan struct{})
	close(enough)
	c := &client{way: &script{}, dice: badnet.Dice(1, "x")}
	c.run(t.Context(), enough)
	if c.failed != nil || c.counted.Load() != 0 {
		t.Errorf("%d counted, %v", c.counted.Load(), c.failed)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c = &client{way: never(cancel), dice: badnet.Dice(1, "x")}
	c.run(ctx, make(chan struct{}))
	if c.failed == nil || c.counted.Load() != 0 {
		t.Errorf("%d counted, %v: what was never answered is a failure", c.counted.Load(), c.failed)
	}
}

// never is a way that answers nothing, and tells when it is asked.
type never func()

func (n never) attempt(ctx context.Context, _ *operation) (int64, error) {
	n()
	select {
	case <-ctx.Done():
	case <-time.After(patience):
	}
	return 0, errors.New("lost")
}

func (n never) close() {}
