package fronttest

import (
	"crypto/rand"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	// maxLine is the longest command, without its line end.
	maxLine = 512

	// maxAnswer is the longest answer, with its line end.
	maxAnswer = 64

	// maxName is the longest counter name.
	maxName = 255

	// longRun is how many commands a long pipeline has.
	longRun = 20_000
)

// Dial opens a connection to the front under test, or fails the test.
type Dial func(t testing.TB) net.Conn

// suite is one run of the conformance suite.
type suite struct {
	dial    Dial
	prefix  string // of this run's counters, so that a server may be used again
	names   int
	witness *Client // a client that does nothing wrong, and must never notice the others
	seen    int     // the witness's count
}

// Text runs the conformance suite of the text protocol against whatever dial
// reaches: every test opens connections of its own, at most 24 at a time. It
// uses fresh counters, so the server may have a past; but nobody else may change
// the default counter meanwhile.
func Text(t *testing.T, dial Dial) {
	s := &suite{dial: dial, prefix: rand.Text()[:10]}
	s.witness = s.client(t)
	for _, c := range []struct {
		name string
		run  func(*suite, *testing.T)
	}{
		{"Transcript", (*suite).transcript},
		{"DefaultCounter", (*suite).defaultCounter},
		{"Limits", (*suite).limits},
		{"Identity", (*suite).identity},
		{"IdentityConflict", (*suite).identityConflict},
		{"IdentityRefused", (*suite).identityRefused},
		{"IdentityTime", (*suite).identityTime},
		{"BadKeys", (*suite).badKeys},
		{"DuplicatesInOneSegment", (*suite).duplicatesInOneSegment},
		{"DuplicatesAtOnce", (*suite).duplicatesAtOnce},
		{"HelpAndQuit", (*suite).helpAndQuit},
		{"EmptyLines", (*suite).emptyLines},
		{"SplitCommand", (*suite).splitCommand},
		{"ManyInOneSegment", (*suite).manyInOneSegment},
		{"LongPipeline", (*suite).longPipeline},
		{"AnswersNeverRead", (*suite).answersNeverRead},
		{"OneHistory", (*suite).oneHistory},
		{"BadLines", (*suite).badLines},
		{"NothingButNoise", (*suite).nothingButNoise},
		{"LongLines", (*suite).longLines},
		{"HTTP", (*suite).http},
		{"HalfLineThenEnd", (*suite).halfLineThenEnd},
		{"HalfClose", (*suite).halfClose},
		{"Reset", (*suite).reset},
		{"Silent", (*suite).silent},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(s, t)
			s.undisturbed(t)
		})
	}
}

func (s *suite) client(t testing.TB) *Client {
	t.Helper()
	return NewClient(t, s.dial(t))
}

// fresh returns the name of a counter that nobody has used.
func (s *suite) fresh() string {
	s.names++
	return fmt.Sprintf("%s-%d", s.prefix, s.names)
}

// undisturbed demands that the client which did nothing wrong is served as ever.
func (s *suite) undisturbed(t *testing.T) {
	t.Helper()
	s.seen++
	if got := s.witness.Ask("inc.1 @" + s.prefix); got != strconv.Itoa(s.seen) {
		t.Errorf("another client's counter: got %s, want %d", quote(got), s.seen)
	}
}

// holds demands that a counter has a value, as another client reads it.
func (s *suite) holds(t *testing.T, counter, want string) {
	t.Helper()
	if got := s.witness.Ask("con.0 @" + counter); got != want {
		t.Errorf("the counter holds %s, want %s", quote(got), want)
	}
}

// base returns the default counter's value.
func (s *suite) base(t *testing.T) string {
	t.Helper()
	v := s.witness.Ask("con.0")
	if _, err := strconv.ParseInt(v, 10, 64); err != nil {
		t.Fatalf("reading the default counter: %s", quote(v))
	}
	return v
}

func (s *suite) transcript(t *testing.T) {
	n, c := s.fresh(), s.client(t)
	for _, step := range [][2]string{
		{"con.0", "0"}, {"inc.0", "0"}, {"dec.0", "0"}, {"inc.10", "10"}, {"inc.5", "15"}, {"dec.2", "13"}, {"con.0", "13"},
		{"inc.0", "13"}, {"dec.14", "-1"}, {"inc.0000000000000000000000000000000004", "3"}, {"res.0", "0"}, {"res.000", "0"},
		{"dec.3", "-3"}, {"con.00", "-3"},
	} {
		if got := c.Ask(step[0] + " @" + n); got != step[1] {
			t.Fatalf("%s: got %s, want %s", step[0], quote(got), step[1])
		}
	}
	longest := n + "-" + strings.Repeat("n", maxName-len(n)-len("-ñ")) + "ñ"
	if got := c.Ask("inc.4 @" + longest); got != "4" {
		t.Errorf("a name of %d bytes of UTF-8: got %s", len(longest), quote(got))
	}
	s.holds(t, n, "-3")
}

func (s *suite) defaultCounter(t *testing.T) {
	c := s.client(t)
	before := s.base(t)
	c.Send("res.0\ninc.4\ninc.9 @cuenta\ndec.3\ncon.0\ncon.0 @cuenta\n")
	c.Expect("0", "4", "13", "10", "10", "10")
	if got := s.base(t); got != "10" {
		t.Errorf("another client reads %s (it was %s before the test)", quote(got), before)
	}
}

func (s *suite) limits(t *testing.T) {
	n, c := " @"+s.fresh(), s.client(t)
	const most, least = "9223372036854775807", "-9223372036854775808"
	for _, step := range [][2]string{
		{"inc." + most, most}, {"inc.1", "error overflow the counter would pass " + most},
		{"inc." + most, "error overflow the counter would pass " + most}, {"con.0", most}, {"dec." + most, "0"},
		{"dec." + most, "-" + most}, {"dec.1", least}, {"dec.1", "error overflow the counter would pass " + least},
		{"con.0", least}, {"res.0", "0"},
	} {
		if got := c.Ask(step[0] + n); got != step[1] {
			t.Fatalf("%s: got %s, want %s", step[0], quote(got), step[1])
		}
	}
}

func (s *suite) helpAndQuit(t *testing.T) {
	n, c := s.fresh(), s.client(t)
	if help := c.Ask("ayuda"); strings.HasPrefix(help, "error") || !strings.Contains(help, "inc.") {
		t.Errorf("ayuda: %s", quote(help))
	}
	c.Send("inc.1 @" + n + "\nsalir\ninc.4 @" + n + "\n")
	c.Expect("1")
	if bye := c.Line(); strings.HasPrefix(bye, "error") {
		t.Errorf("salir: %s", quote(bye))
	}
	c.Ends()
	s.holds(t, n, "1")
}

// emptyLines: the original's client sends a line too many with every command,
// and reads one answer for it.
func (s *suite) emptyLines(t *testing.T) {
	n, c := " @"+s.fresh(), s.client(t)
	c.Send("inc.4" + n + "\n\n")
	c.Expect("4")
	c.Send("inc.4" + n + "\r\n\r\n\n\n")
	c.Expect("8")
	c.Send("\n")
	c.Send("\r\n")
	c.Send("con.0" + n + "\n\ncon.0" + n + "\n")
	c.Expect("8", "8")
}

func (s *suite) splitCommand(t *testing.T) {
	n, c := s.fresh(), s.client(t)
	for _, b := range []byte("inc.12 @" + n + "\r\n\ndec.2 @" + n + "\n") {
		c.Send(string(b))
	}
	c.Expect("12", "10")
}

func (s *suite) manyInOneSegment(t *testing.T) {
	n, c := " @"+s.fresh(), s.client(t)
	c.Send("inc.4" + n + "\ndec.3" + n + "\r\nnada\ncon.0" + n + "\n\nayuda\nres.0" + n + "\ninc.7" + n)
	c.Expect("4", "1", "error syntax …", "1")
	if help := c.Line(); strings.HasPrefix(help, "error") {
		t.Errorf("ayuda: %s", quote(help))
	}
	c.Expect("0")
	c.Send("\n")
	c.Expect("7")
}

// longPipeline writes and reads at once: neither side need hold it all.
func (s *suite) longPipeline(t *testing.T) {
	n, c := s.fresh(), s.client(t)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Conn.Write([]byte(strings.Repeat("inc.1 @"+n+"\n", longRun)))
		sent <- err
	}()
	for i := range longRun {
		if got := c.Line(); got != strconv.Itoa(i+1) {
			t.Fatalf("answer %d is %s", i+1, quote(got))
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func (s *suite) answersNeverRead(t *testing.T) {
	n, c := s.fresh(), s.client(t)
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		if err := tcp.SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		// How far this comes depends on the buffers between; the end of the
		// connection is what stops it.
		_, _ = c.Conn.Write([]byte(strings.Repeat("inc.1 @"+n+"\n", longRun)))
	}()
	for range 20 {
		s.undisturbed(t)
	}
	if err := c.Conn.Close(); err != nil {
		t.Fatal(err)
	}
	<-sent
	if v, err := strconv.Atoi(s.witness.Ask("con.0 @" + n)); err != nil || v < 0 || v > longRun {
		t.Errorf("%d commands were sent, %d were counted (%v)", longRun, v, err)
	}
}

// oneHistory: whatever the interleaving, every value is seen by exactly one client.
func (s *suite) oneHistory(t *testing.T) {
	const clients, each = 20, 100
	n := s.fresh()
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		seen = make(map[string]int)
	)
	for range clients {
		c := s.client(t)
		all.Go(func() {
			for range each {
				if _, err := c.Conn.Write([]byte("inc.1 @" + n + "\n")); err != nil {
					t.Error(err)
					return
				}
				line, err := c.next()
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[strings.TrimSuffix(line, "\n")]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for i := range clients * each {
		if v := strconv.Itoa(i + 1); seen[v] != 1 {
			t.Errorf("the value %s was answered %d times, want once", v, seen[v])
		}
	}
	s.holds(t, n, strconv.Itoa(clients*each))
}
