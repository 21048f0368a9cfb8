package fronttest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta/internal/uuid"
)

// maxKey is the longest idempotency key.
const maxKey = 128

// plays has a client say the lines one by one, each with the answer it wants;
// "…" at its end stands for any rest. In them the counter a is a fresh one and
// the keys are this run's own.
func (s *suite) plays(t *testing.T, c *Client, steps [][2]string) {
	t.Helper()
	n := s.fresh()
	own := strings.NewReplacer("@a", "@"+n, "id=", "id="+n+"-")
	for i, step := range steps {
		got := c.Ask(own.Replace(step[0]))
		if start, open := strings.CutSuffix(step[1], "…"); got != step[1] && !(open && strings.HasPrefix(got, start)) {
			t.Fatalf("step %d, %s: got %s, want %s", i+1, step[0], quote(got), quote(step[1]))
		}
	}
}

// identity: a repeat gets the original answer, whatever came between, and counts
// nothing. Reads are reads, with an identity or without.
func (s *suite) identity(t *testing.T) {
	s.plays(t, s.client(t), [][2]string{
		{"inc.4 @a id=k", "4"}, {"inc.4 @a id=k", "4"}, {"inc.4 id=k @a", "4"}, {"inc.004 @a id=k", "4"}, {"con.0 @a", "4"},
		{"inc.5 @a", "9"}, {"inc.4 @a id=k", "4"}, {"con.0 @a", "9"},
		{"inc.4 @a id=K", "13"}, {"inc.4 @a id=k.", "17"}, {"inc.4 @a id==id=", "21"}, {"inc.4 @a id==id=", "21"},
		{"dec.1 @a id=d", "20"}, {"res.0 @a id=r", "0"}, {"dec.1 @a id=d", "20"}, {"inc.3 @a", "3"}, {"res.0 @a id=r", "0"},
		{"con.0 @a id=k", "3"}, {"inc.0 @a id=k", "3"}, {"dec.0 @a id=read", "3"}, {"con.0 @a-2 id=k", "0"},
		{"inc.1 @a id=read", "4"}, {"con.0 @a id=read", "4"}, {"inc.1 @a id=read", "4"}, {"con.0 @a", "4"},
	})
	n, c := s.fresh(), s.client(t)
	before, longest := s.base(t), n+strings.Repeat("k", maxKey-len(n))
	c.Send("res.0 id=" + n + "\nres.0 @cuenta id=" + n + "\ninc.2 @cuenta id=" + longest + "\ninc.2 id=" + longest + "\ncon.0\n")
	c.Expect("0", "0", "2", "2", "2")
	if got := s.base(t); got != "2" {
		t.Errorf("another client reads %s (it was %s before the test)", quote(got), before)
	}
}

// identityConflict: the same key with another operation is told apart, and
// changes neither the counter nor what is remembered.
func (s *suite) identityConflict(t *testing.T) {
	const conflict = "error conflict …"
	s.plays(t, s.client(t), [][2]string{
		{"inc.4 @a id=k", "4"},
		{"inc.5 @a id=k", conflict}, {"dec.4 @a id=k", conflict}, {"res.0 @a id=k", conflict},
		{"inc.4 @a-2 id=k", conflict}, {"inc.4 id=k", conflict},
		{"con.0 @a", "4"}, {"con.0 @a-2", "0"},
		{"inc.4 @a id=k", "4"},
		{"res.0 @a-2 id=r", "0"}, {"res.0 @a id=r", conflict}, {"dec.4 @a-2 id=r", conflict}, {"con.0 @a", "4"},
	})
}

// identityRefused: a refusal by the ledger is an answer too.
func (s *suite) identityRefused(t *testing.T) {
	const most, over = "9223372036854775807", "error overflow the counter would pass 9223372036854775807"
	s.plays(t, s.client(t), [][2]string{
		{"inc." + most + " @a id=fill", most}, {"inc.1 @a id=over", over},
		{"res.0 @a", "0"}, {"inc.1 @a id=over", over}, {"con.0 @a", "0"}, {"inc.2 @a id=over", "error conflict …"},
		{"inc.1 @a id=again", "1"}, {"inc." + most + " @a id=fill", most}, {"con.0 @a", "1"},
	})
}

// identityTime: a key that says when it was made says as well when it may have
// been forgotten.
func (s *suite) identityTime(t *testing.T) {
	n, c := " @"+s.fresh(), s.client(t)
	now := uuid.NewV7()
	for _, step := range []struct{ key, want string }{
		{now.String(), "1"},
		{now.String(), "1"},
		{dated(now, time.Now().Add(-48*time.Hour)), "error too-old …"},
		{dated(now, time.UnixMilli(0)), "error too-old …"},
		{dated(now, time.Now().Add(time.Hour)), "error too-new …"},
		{strings.Repeat("f", 8) + "-ffff-7fff-bfff-ffffffffffff", "error too-new …"},
		{dated(now, time.Now().Add(-time.Hour)), "2"},
		{strings.ToUpper(uuid.NewV7().String()), "3"},
	} {
		c.Send("inc.1" + n + " id=" + step.key + "\n")
		c.Expect(step.want)
	}
	s.holds(t, n[2:], "3")
}

// dated returns the text form of a UUID with another time.
func dated(u uuid.UUID, at time.Time) string {
	ms := fmt.Sprintf("%012x", at.UnixMilli())
	return ms[:8] + "-" + ms[8:] + u.String()[13:]
}

func (s *suite) badKeys(t *testing.T) {
	n, c := s.fresh(), s.client(t)
	for _, key := range []string{
		"", strings.Repeat("k", maxKey+1), strings.Repeat("k", 400), "k\x00", "k\x1f", "k\x7f", "\x80", "ñ", "k\u00a0", "\ufeffk", "k\tk", "k k",
		"k id=l", "k id=k", "k\r",
	} {
		for _, line := range []string{"inc.4 @" + n + " id=" + key, "inc.4 id=" + key + " @" + n, "con.0 @" + n + " id=" + key} {
			if strings.HasSuffix(line, "\r") {
				line += " " // else it would be part of the line end
			}
			c.Send(line + "\n")
			if got := c.Line(); !strings.HasPrefix(got, "error syntax ") {
				t.Errorf("%s: got %s, want error syntax", quote(line), quote(got))
			}
		}
	}
	s.holds(t, n, "0")
}

// duplicatesInOneSegment: the repeats come before the first is answered, in the
// same batch as it and in later ones.
func (s *suite) duplicatesInOneSegment(t *testing.T) {
	const keys, times = 50, 60
	n, c := s.fresh(), s.client(t)
	var commands strings.Builder
	for i := range keys * times {
		fmt.Fprintf(&commands, "inc.1 @%s id=%s-%d\n", n, n, i%keys)
	}
	sent := make(chan error, 1)
	go func() {
		_, err := c.Conn.Write([]byte(commands.String()))
		sent <- err
	}()
	for i := range keys * times {
		if got, want := c.Line(), strconv.Itoa(i%keys+1); got != want {
			t.Fatalf("answer %d is %s, want %s", i+1, quote(got), want)
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	s.holds(t, n, strconv.Itoa(keys))
}

// duplicatesAtOnce: connections send the same changes at the same time. Each
// change counts once, and all of them hear the same answer to it.
func (s *suite) duplicatesAtOnce(t *testing.T) {
	const clients, changes = 4, 100
	n := s.fresh()
	answers := make([][]string, clients)
	var all sync.WaitGroup
	for i := range answers {
		c := s.client(t)
		all.Go(func() {
			for k := range changes {
				if _, err := fmt.Fprintf(c.Conn, "inc.1 @%s id=%s-%d\n", n, n, k); err != nil {
					t.Error(err)
					return
				}
				line, err := c.next()
				if err != nil {
					t.Error(err)
					return
				}
				answers[i] = append(answers[i], strings.TrimSuffix(line, "\n"))
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	for k := range changes {
		for i := range answers {
			if got, want := answers[i][k], strconv.Itoa(k+1); got != want {
				t.Fatalf("client %d, change %d: got %s, want %s", i, k, quote(got), want)
			}
		}
	}
	s.holds(t, n, strconv.Itoa(changes))
}
