package fronttest

import (
	"fmt"
	"strings"
	"testing"
)

// badLines: every line is answered, changes nothing, and leaves the connection
// as it was.
func (s *suite) badLines(t *testing.T) {
	before, c := s.base(t), s.client(t)
	for _, bad := range Bad {
		c.Send(bad + "\ncon.0\n")
		if got := c.Line(); !strings.HasPrefix(got, "error syntax ") {
			t.Errorf("%s: got %s, want error syntax", quote(bad), quote(got))
		}
		if got := c.Line(); got != before {
			t.Fatalf("%s: the counter went from %s to %s", quote(bad), before, quote(got))
		}
	}
	if got := s.base(t); got != before {
		t.Errorf("another client reads %s, want %s", quote(got), before)
	}
}

// nothingButNoise: a peer that never says anything right gets errors or is cut
// off, but not served for ever.
func (s *suite) nothingButNoise(t *testing.T) {
	before, c := s.base(t), s.client(t)
	c.Send(strings.Repeat("\xde\xad\xbe\xef\n", 500))
	// The server may have closed before it read all; then there is no side left to end.
	if side, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = side.CloseWrite()
	}
	answers := c.Rest()
	if len(answers) == 0 || len(answers) > 500 {
		t.Errorf("%d answers to 500 lines", len(answers))
	}
	for _, a := range answers {
		if !strings.HasPrefix(a, "error ") {
			t.Fatalf("got %s", quote(a))
		}
	}
	if got := s.base(t); got != before {
		t.Errorf("the counter went from %s to %s", before, quote(got))
	}
}

func (s *suite) longLines(t *testing.T) {
	n, before := s.fresh(), s.base(t)
	number := func(size int) string { return "inc." + strings.Repeat("0", size-len("inc.")-1) + "4" }
	c := s.client(t)
	suffix := " @" + n
	c.Send(number(maxLine-len(suffix)) + suffix + "\n" + number(maxLine-len(suffix)) + suffix + "\r\n")
	c.Expect("4", "8")

	for _, long := range []string{
		number(maxLine+1) + "\n",
		number(maxLine+1) + "\r\n",
		number(70_000) + "\ninc.4\n",
		number(70_000), // it never ends
		strings.Repeat("x", 70_000) + "\n",
		strings.Repeat(" ", 70_000) + "inc.4\n",
		strings.Repeat("\x00", 70_000) + "\ninc.4\n",
	} {
		c := s.client(t)
		c.Send("inc.1" + suffix + "\n")
		c.Line()
		// The server may hang up before it has heard everything.
		_, _ = c.Conn.Write([]byte(long))
		c.Expect("error too-large …")
		c.Ends()
	}
	s.holds(t, n, "15")
	if got := s.base(t); got != before {
		t.Errorf("the counter went from %s to %s", before, quote(got))
	}
}

// http: a browser can be made to send a request to any port, with a body of
// somebody else's choice. Nothing in it may count.
func (s *suite) http(t *testing.T) {
	before := s.base(t)
	const headers = "Host: 127.0.0.1:2020\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\n"
	for _, request := range []string{
		"GET / HTTP/1.1\r\n" + headers,
		"GET /cambiar?counter=inc.4 HTTP/1.1\r\n" + headers,
		"POST / HTTP/1.1\r\n" + headers + "inc.4\r\ninc.4\r\n",
		"PUT /inc.4 HTTP/1.0\r\n" + headers + "\ninc.4\ninc.4\n",
		"OPTIONS * HTTP/1.1\r\n" + headers + "inc.4\r\n\r\n",
		"inc.4 / HTTP/1.1\r\n" + headers + "inc.4\r\n",
		"POST /" + strings.Repeat("x", 1000) + " HTTP/1.1\r\n" + headers + "inc.4\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		c := s.client(t)
		// The server may hang up on the first line.
		_, _ = c.Conn.Write([]byte(request))
		if side, ok := c.Conn.(interface{ CloseWrite() error }); ok {
			_ = side.CloseWrite()
		}
		for _, a := range c.Rest() {
			if !strings.HasPrefix(a, "error ") {
				t.Errorf("%s was answered %s", quote(request), quote(a))
			}
		}
		if got := s.base(t); got != before {
			t.Fatalf("%s: the counter went from %s to %s", quote(request), before, quote(got))
		}
	}
}

// halfLineThenEnd: a command that was never ended is not executed.
func (s *suite) halfLineThenEnd(t *testing.T) {
	n := s.fresh()
	for _, half := range []string{"inc.4", "inc.4 @" + n, "inc.4 @" + n + "\r", "salir"} {
		c := s.client(t)
		c.Send("inc.1 @" + n + "\n" + half)
		c.Line()
		c.CloseWrite()
		c.Ends()
	}
	s.holds(t, n, "4")
}

// halfClose: a client that has said everything still hears every answer.
func (s *suite) halfClose(t *testing.T) {
	n, c := s.fresh(), s.client(t)
	const lines = 1000
	var commands strings.Builder
	for i := range lines {
		fmt.Fprintf(&commands, "inc.1 @%s-%d\n", n, i%7)
	}
	c.Send(commands.String())
	c.CloseWrite()
	if got := c.Rest(); len(got) != lines {
		t.Errorf("%d answers to %d commands", len(got), lines)
	}
}

// reset: a connection that breaks in the middle of a line.
func (s *suite) reset(t *testing.T) {
	n := s.fresh()
	for range 10 {
		c := s.client(t)
		c.Send("inc.1 @" + n + "\ninc.4 @" + n)
		c.Line()
		c.Reset()
	}
	s.holds(t, n, "10")
	for range 5 {
		c := s.client(t)
		c.Send(strings.Repeat("inc.1 @"+n+"-2\n", 2000))
		c.Reset()
	}
}

// silent: connections that say nothing cost the others nothing.
func (s *suite) silent(t *testing.T) {
	mute := make([]*Client, 20)
	for i := range mute {
		mute[i] = s.client(t)
	}
	for range 20 {
		s.undisturbed(t)
	}
	for i, c := range mute {
		if got := c.Ask("con.0 @" + s.prefix); got != fmt.Sprint(s.seen) {
			t.Fatalf("silent connection %d spoke at last, and got %s", i, quote(got))
		}
	}
}
