package bench

import (
	"net"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

func TestCommands(t *testing.T) {
	for front, want := range map[string]string{
		cuenta.FrontTCP:  "inc.1 @key:000000000042\n",
		cuenta.FrontProc: "inc.1 @key:000000000042\n",
		cuenta.FrontUDP:  "inc.1 @key:000000000042\n",
		cuenta.FrontRESP: "*2\r\n$4\r\nINCR\r\n$16\r\nkey:000000000042\r\n",
		cuenta.FrontWeb:  "GET /cambiar?counter=inc.1%20@key:000000000042 HTTP/1.1\r\nHost: example.org:1\r\n\r\n",
	} {
		c := codecOf(front, "example.org:1")
		if got := string(c.command(nil, 42, newNamer(NoIdentity))); got != want {
			t.Errorf("%s: %q, want %q", front, got, want)
		}
	}
}

func TestCommandsWithIdentities(t *testing.T) {
	keyed, numbered := newNamer(Keys), newNamer(Sessions)
	copy(keyed.prefix[:], "0123456789abcdef")
	numbered.inSession(0xfedcba9876543210)
	for range 8 {
		numbered.nextCall()
	}
	numbered.begin()
	for front, want := range map[string]string{
		cuenta.FrontTCP:  "inc.1 @key:000000000042 id=0123456789abcdef000000000001\n",
		cuenta.FrontWeb:  "GET /cambiar?counter=inc.1%20@key:000000000042%20id=0123456789abcdef000000000002 HTTP/1.1\r\nHost: h\r\n\r\n",
		cuenta.FrontRESP: "*4\r\n$11\r\nCUENTA.ONCE\r\n$28\r\n0123456789abcdef000000000003\r\n$4\r\nINCR\r\n$16\r\nkey:000000000042\r\n",
	} {
		c := codecOf(front, "h")
		keyed.number = map[string]uint64{cuenta.FrontTCP: 0, cuenta.FrontWeb: 1, cuenta.FrontRESP: 2}[front]
		if got := string(c.command(nil, 42, keyed)); got != want {
			t.Errorf("%s: %q, want %q", front, got, want)
		}
	}
	c := codecOf(cuenta.FrontRESP, "")
	for _, want := range []string{
		"*7\r\n$10\r\nCUENTA.SEQ\r\n$16\r\nfedcba9876543210\r\n$1\r\n9\r\n$6\r\nLOWEST\r\n$1\r\n9\r\n$4\r\nINCR\r\n$16\r\nkey:000000000042\r\n",
		"*5\r\n$10\r\nCUENTA.SEQ\r\n$16\r\nfedcba9876543210\r\n$2\r\n10\r\n$4\r\nINCR\r\n$16\r\nkey:000000000042\r\n",
	} {
		if got := string(c.command(nil, 42, numbered)); got != want {
			t.Errorf("a session's: %q, want %q", got, want)
		}
	}
}

// The text counts as the number does.
func TestCallsCount(t *testing.T) {
	n := newNamer(Sessions)
	n.inSession(0xfedcba9876543210)
	for i := uint64(1); i <= 12_345; i++ {
		n.nextCall()
		want := appendNumber([]byte("$10\r\nCUENTA.SEQ\r\n$16\r\nfedcba9876543210\r\n"), i)
		if n.number != i || string(n.call) != string(want) {
			t.Fatalf("%d: %q, want %q", n.number, n.call, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 21\r\n\r\nValor del Contador, 5"
	bad := "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 10\r\n\r\nerror busy"
	for _, x := range []struct {
		front, answer, refusal string
	}{
		{cuenta.FrontTCP, "13\n", ""},
		{cuenta.FrontTCP, "-13\r\n", ""},
		{cuenta.FrontTCP, "error busy try again\n", "error busy try again"},
		{cuenta.FrontTCP, "\n", "an empty answer"},
		{cuenta.FrontTCP, "-\n", "-"},
		{cuenta.FrontTCP, "1.5\n", "1.5"},
		{cuenta.FrontRESP, ":13\r\n", ""},
		{cuenta.FrontRESP, ":-9223372036854775808\r\n", ""},
		{cuenta.FrontRESP, "-ERR no\r\n", "ERR no"},
		{cuenta.FrontRESP, "+OK\r\n", "+OK"},
		{cuenta.FrontRESP, "13\r\n", "13"},
		{cuenta.FrontRESP, ":\r\n", ":"},
		{cuenta.FrontRESP, "-" + strings.Repeat("x", 100) + "\r\n", strings.Repeat("x", 80)},
		{cuenta.FrontWeb, ok, ""},
		{cuenta.FrontWeb, bad, "error busy"},
		{cuenta.FrontWeb, "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", "an empty answer"},
		{cuenta.FrontWeb, "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK"},
	} {
		next := codecOf(x.front, "").next
		size, refusal := next([]byte(x.answer))
		if size != len(x.answer) || string(refusal) != x.refusal {
			t.Errorf("%s %q: %d bytes, %q", x.front, x.answer, size, refusal)
		}
		for cut := range len(x.answer) {
			if size, _ := next([]byte(x.answer[:cut])); size != 0 {
				t.Errorf("%s %q: taken for complete", x.front, x.answer[:cut])
			}
		}
		if size, _ := next([]byte(x.answer + ":1\r\n")); size != len(x.answer) && !strings.Contains(x.answer, "-1") {
			t.Errorf("%s %q: %d bytes with more behind", x.front, x.answer, size)
		}
	}
}

// TestAnswersInEverySplit: wherever a stream of answers is cut, the same is counted.
func TestAnswersInEverySplit(t *testing.T) {
	const answers = "1\n22\nerror busy x\n-3\n"
	for cut := range len(answers) {
		near, far := net.Pipe()
		s := newStream(near, codecOf(cuenta.FrontTCP, ""), newNamer(NoIdentity))
		go func() {
			far.Read(make([]byte, 1024))
			far.Write([]byte(answers[:cut]))
			far.Write([]byte(answers[cut:]))
		}()
		r := &run{}
		w := newWorker(&run{config: Config{Pipeline: 4}, recorders: []*recorder{newRecorder()}}, 0, s, nil)
		w.tally.due, w.tally.run = w.times, r
		if err := s.exchange(w.keys, &w.tally); err != nil {
			t.Fatal(err)
		}
		total := newHistogram()
		if failed := w.tally.recorder.take(total); failed != 1 || total.TotalCount() != 3 || len(w.tally.due) != 0 {
			t.Errorf("cut at %d: %d answers, %d errors", cut, total.TotalCount(), failed)
		}
		near.Close()
		far.Close()
	}
}

// TestMoreAnswersThanCommands ends the conversation: who answers is not to be believed.
func TestMoreAnswersThanCommands(t *testing.T) {
	for _, front := range []string{cuenta.FrontTCP, cuenta.FrontRESP} {
		c := config(pipes(func(int) string { return "1\n1\n" }))
		if front == cuenta.FrontRESP {
			c.Dial = pipes(func(int) string { return ":1\r\n:1\r\n" })
		}
		c.Front, c.Operations = front, 10
		r, err := Run(t.Context(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Operations > 1 || r.Errors > 1 {
			t.Errorf("%+v", r)
		}
	}
}
