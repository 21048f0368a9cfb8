package stream

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
)

// throng is greedy clients on a bench, each with a counter of its own: they send
// as much as fits, and read their answers or do not.
type throng struct {
	*bench
	greedy []net.Conn
	flood  [][]byte
	reads  bool
	waste  []byte
}

func newThrong(b *bench, n int, command string, reads bool) *throng {
	g := &throng{bench: b, reads: reads, waste: make([]byte, 1<<16)}
	for i := range n {
		c := b.dial()
		if err := c.(*net.UnixConn).SetWriteBuffer(20 << 10); err != nil {
			b.t.Fatal(err)
		}
		g.greedy = append(g.greedy, c)
		line := strings.ReplaceAll(command, "#", name(i)) + "\n"
		g.flood = append(g.flood, []byte(strings.Repeat(line, 1+32<<10/len(line))))
	}
	return g
}

// name is that of a greedy client's counter, as long as any other's.
func name(i int) string { return fmt.Sprintf("g%03d", i) }

// send has all send what fits. (That does not end with a line, so the lines are
// cut here and there.)
func (g *throng) send() {
	g.t.Helper()
	for i, c := range g.greedy {
		n := atOnce(g.t, unix.Write, c, g.flood[i])
		g.flood[i] = append(g.flood[i][n:], g.flood[i][:n]...)
		for g.reads && atOnce(g.t, unix.Read, c, g.waste) > 0 {
		}
	}
}

// next is a turn before which all have sent what fits. It returns how many
// requests were done.
func (g *throng) next() int {
	g.t.Helper()
	g.send()
	before := g.service.Calls().Requests
	g.turn()
	return g.service.Calls().Requests - before
}

// counted returns what each greedy client has counted.
func (g *throng) counted() (counts []int64) {
	for i := range g.greedy {
		n, _ := g.service.Value(name(i))
		counts = append(counts, n)
	}
	return counts
}

// TestModestFirst: a client with one command is answered in the next round, however
// many send without end; and these are all served alike.
func TestModestFirst(t *testing.T) {
	g := newThrong(newBench(t, Config{}), 200, "inc.1 @#", true)
	modest := g.dial()
	answer := make([]byte, 64)
	for i := range 300 {
		say(t, modest, "inc.1 @modest\n")
		before := g.counted()
		if done := g.next(); done > cuenta.MaxBatch {
			t.Fatalf("%d requests in one round", done)
		}
		n := atOnce(t, unix.Read, modest, answer)
		if got, want := string(answer[:n]), strconv.Itoa(i+1)+"\n"; got != want {
			t.Fatalf("round %d: the modest client hears %q, want %q", i, got, want)
		}
		for j, n := range g.counted() {
			if n-before[j] > maxTurn {
				t.Fatalf("a greedy client had %d requests done in one round", n-before[j])
			}
		}
	}
	counts := g.counted()
	least, most := counts[0], counts[0]
	for _, n := range counts {
		least, most = min(least, n), max(most, n)
	}
	if most > 2*least {
		t.Errorf("the greedy clients have counted from %d to %d", least, most)
	}
}

// TestGreedyGoOn though the modest ones alone would fill every round.
func TestGreedyGoOn(t *testing.T) {
	b := newBench(t, Config{})
	const lines = 100
	little := strings.Repeat("inc.0\n", lines)
	var crowd []net.Conn
	for range 2 * cuenta.MaxBatch / lines {
		c := b.dial()
		say(t, c, little)
		crowd = append(crowd, c)
	}
	greedy := newThrong(b, 3, "inc.1 @#", true)
	greedy.next() // until it is known who is greedy
	greedy.next()
	for range 20 {
		before := greedy.counted()
		for _, c := range crowd {
			if atOnce(t, unix.Read, c, greedy.waste) > 0 {
				say(t, c, little)
			}
		}
		if done := greedy.next(); done < cuenta.MaxBatch-lines {
			t.Fatalf("%d requests in one round", done)
		}
		if after := greedy.counted(); slices.Equal(after, before) {
			t.Fatal("a round for the modest ones alone")
		}
	}
}

// TestLongAnswers: a round is about a bounded number of bytes as well, once it is
// known who asks for much.
func TestLongAnswers(t *testing.T) {
	traffic := new(cuenta.Traffic)
	g := newThrong(newBench(t, Config{Traffic: traffic}), 100, "ayuda", false)
	for range 2 * len(g.greedy) {
		g.next()
	}
	modest := g.dial()
	for range 50 {
		told := make(map[*conn]int)
		for _, c := range g.conns {
			told[c] = c.backlog()
		}
		say(t, modest, "inc.0\n")
		before := traffic.BytesOut.Load()
		g.next()
		hear(t, modest, "0\n")
		out, most := int(traffic.BytesOut.Load()-before), 0
		for _, c := range g.conns {
			out += max(0, c.backlog()-told[c])
			most = max(most, c.told)
		}
		if out > maxWork+most {
			t.Fatalf("answers of %d bytes in one round", out)
		}
	}
}

// TestLateReaders: nor are many answers written at once that have waited.
func TestLateReaders(t *testing.T) {
	traffic := new(cuenta.Traffic)
	g := newThrong(newBench(t, Config{Traffic: traffic, MaxOutput: 128 << 10}), 60, "ayuda", false)
	full := func() bool {
		for _, c := range g.conns {
			if c.backlog() < g.conf.MaxOutput {
				return false
			}
		}
		return true
	}
	for !full() {
		g.next()
	}
	for _, c := range g.conns { // from now on there is room for all that waits
		if err := unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	g.reads = true
	for full := len(g.conns); full > 0; {
		before := traffic.BytesOut.Load()
		g.next()
		if out := traffic.BytesOut.Load() - before; out > maxWork+maxWrite {
			t.Fatalf("%d bytes were written in one round", out)
		}
		full = 0
		for _, c := range g.conns {
			if c.backlog() >= g.conf.MaxOutput {
				full++
			}
		}
	}
}

// TestLongQueue: who waits at the end of a long queue is not listened to until its
// turn has come.
func TestLongQueue(t *testing.T) {
	g := newThrong(newBench(t, Config{}), 2*longQueue, "inc.1 @#", true)
	for range 5 {
		g.next()
	}
	deaf := 0
	for _, c := range g.conns {
		if c.watched == 0 {
			deaf++
		}
	}
	if deaf < longQueue/2 {
		t.Errorf("%d of %d are not listened to", deaf, len(g.greedy))
	}
	for !g.queues.empty() { // they say nothing more
		g.turn()
		for _, c := range g.greedy {
			for atOnce(t, unix.Read, c, g.waste) > 0 {
			}
		}
	}
	for _, c := range g.conns {
		if c.watched != unix.EPOLLIN {
			t.Fatalf("afterwards it is listened for %#x", c.watched)
		}
	}
}

// TestClosingInTurns: connections whose time is over at once are closed in several
// rounds.
func TestClosingInTurns(t *testing.T) {
	b := newBench(t, Config{})
	const clients = 3*maxClosed + 1
	for range clients {
		b.dial()
	}
	b.pass(time.Hour)
	for left := clients; left > 0; left -= maxClosed {
		if b.open != left {
			t.Fatalf("%d connections are open, want %d", b.open, left)
		}
		b.turn()
		if b.open > 0 && b.patience() != 0 {
			t.Fatal("it does not come back for the others at once")
		}
	}
	if b.open != 0 {
		t.Errorf("%d connections are left", b.open)
	}
}
