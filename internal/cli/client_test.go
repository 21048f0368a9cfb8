package cli

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/uuid"
)

// listenUDP returns a port whose datagrams the test answers itself.
func listenUDP(t *testing.T) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

type datagram struct {
	text string
	from net.Addr
}

// receive hands over what arrives until the port is closed.
func receive(c net.PacketConn) <-chan datagram {
	arrived := make(chan datagram, 64)
	go func() {
		defer close(arrived)
		for {
			buffer := make([]byte, 1024)
			n, from, err := c.ReadFrom(buffer)
			if err != nil {
				return
			}
			arrived <- datagram{string(buffer[:n]), from}
		}
	}()
	return arrived
}

// forever is a wait that ends only when a test fails.
const forever = 20 * time.Second

// TestUnansweredIsRepeated with the same words, until it is answered.
func TestUnansweredIsRepeated(t *testing.T) {
	for _, command := range []string{"con.0", "inc.4 id=k"} {
		c := listenUDP(t)
		heard := make(chan string, datagramTries)
		go func() {
			arrived := receive(c)
			heard <- (<-arrived).text // it is lost
			for d := range arrived {
				heard <- d.text
				c.WriteTo([]byte("13\n"), d.from)
			}
		}()
		answer, open, err := datagrams{c.LocalAddr().String(), 200 * time.Millisecond}.exchange(command)
		if err != nil || answer != "13" || !open {
			t.Errorf("%s: got %q, %v, open %v", command, answer, err, open)
		}
		for range 2 {
			if words := <-heard; words != command {
				t.Errorf("%s: sent %q", command, words)
			}
		}
	}
}

func TestUnansweredIsGivenUpInTheEnd(t *testing.T) {
	c := listenUDP(t)
	arrived := receive(c)
	d := datagrams{c.LocalAddr().String(), time.Millisecond}
	err := client{labelRemote, d.exchange}.say("inc.4 @visitas id=k", io.Discard)
	const again = "inc.4 @visitas id=k"
	if got := explain(err, lang.English); got != "the server did not answer in time; whether the change was made is unknown; `"+again+"` repeats it without counting twice" {
		t.Errorf("got %q", got)
	}
	if got := explain(err, lang.Spanish); got != "el servidor no respondió a tiempo; no se sabe si el cambio se hizo; «"+again+"» lo repite sin contar dos veces" {
		t.Errorf("got %q", got)
	}
	err = client{labelRemote, d.exchange}.say("con.0", io.Discard)
	if got := explain(err, lang.English); got != "the server did not answer in time" {
		t.Errorf("a read: got %q", got)
	}
	c.Close()
	count := 0
	for range arrived {
		count++
	}
	if count > 2*datagramTries {
		t.Errorf("sent %d times", count)
	}
}

// TestBusyIsAskedAgain: who is told that the server is busy waits, and hears what
// it did after all.
func TestBusyIsAskedAgain(t *testing.T) {
	c := listenUDP(t)
	go func() {
		arrived := receive(c)
		c.WriteTo([]byte("error busy the server is at its limit, try again\n"), (<-arrived).from)
		for d := range arrived {
			c.WriteTo([]byte("4\n"), d.from)
		}
	}()
	answer, open, err := datagrams{c.LocalAddr().String(), 50 * time.Millisecond}.exchange("inc.4 id=k")
	if err != nil || answer != "4" {
		t.Errorf("got %q, %v, open %v", answer, err, open)
	}
}

func TestBusyToTheEnd(t *testing.T) {
	c := listenUDP(t)
	go func() {
		for d := range receive(c) {
			c.WriteTo([]byte("error busy the server is at its limit, try again\n"), d.from)
		}
	}()
	d := datagrams{c.LocalAddr().String(), 20 * time.Millisecond}
	err := client{labelRemote, d.exchange}.say("inc.4", io.Discard)
	if !errors.Is(err, &cuenta.Error{Code: cuenta.Busy}) {
		t.Errorf("got %v", err)
	}
}

// TestNobodyListens: where nobody can have heard a change, its fate is known.
func TestNobodyListens(t *testing.T) {
	c := listenUDP(t)
	address := c.LocalAddr().String()
	c.Close()
	_, open, err := datagrams{address, forever}.exchange("inc.1 id=k")
	if open || err == nil || !strings.HasPrefix(explain(err, lang.English), "no server at "+address) {
		t.Errorf("got %v, open %v", err, open)
	}
}

// TestServerGoesAway after it has heard a change.
func TestServerGoesAway(t *testing.T) {
	c := listenUDP(t)
	address := c.LocalAddr().String()
	go func() {
		c.ReadFrom(make([]byte, 64))
		c.Close()
	}()
	d := datagrams{address, 20 * time.Millisecond}
	err := client{labelRemote, d.exchange}.say("inc.1 id=k", io.Discard)
	if _, unknown := errors.AsType[unknownFate](err); !unknown {
		t.Errorf("got %v, a fate that is known", err)
	}
}

// TestLateAnswer: one to an earlier sending of the command is its answer; one to
// an earlier command is not.
func TestLateAnswer(t *testing.T) {
	c := listenUDP(t)
	arrived := receive(c)
	d := datagrams{c.LocalAddr().String(), time.Millisecond}
	if _, open, err := d.exchange("inc.1 id=a"); err == nil || !open {
		t.Fatalf("an answer came from nowhere: %v, open %v", err, open)
	}
	first := <-arrived
	go func() {
		second := <-arrived
		for second.text != "inc.2 id=b" {
			second = <-arrived
		}
		c.WriteTo([]byte("1\n"), first.from) // late
		c.WriteTo([]byte("3\n"), second.from)
	}()
	d.wait = forever
	answer, open, err := d.exchange("inc.2 id=b")
	if err != nil || answer != "3" || open {
		t.Errorf("got %q, %v, open %v", answer, err, open)
	}
}

// serveOnce accepts one connection and hands it to serve, and closes it afterwards.
func serveOnce(t *testing.T, serve func(net.Conn, *bufio.Reader)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		serve(conn, bufio.NewReader(conn))
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func TestLostConnectionEndsTheConversation(t *testing.T) {
	said := make(chan string, 2)
	address := serveOnce(t, func(c net.Conn, in *bufio.Reader) {
		for _, answer := range []string{"4\n", ""} {
			line, _ := in.ReadString('\n')
			said <- strings.TrimSpace(line)
			io.WriteString(c, answer)
		}
	})
	status, stdout, stderr := run(t, "inc.4\ninc.4\ninc.4\n", "client", "tcp", address)
	if status != exitFailed || stdout != "Estado Del Contador->: 4\n" {
		t.Errorf("status %d, %q", status, stdout)
	}
	first, second := <-said, <-said
	want := "cuenta client: line 2: the connection to the server was lost; whether the change was made is unknown; `" +
		second + "` repeats it without counting twice\n"
	if stderr != want {
		t.Errorf("got %q\nwant %q", stderr, want)
	}
	for _, line := range []string{first, second} {
		key, ok := strings.CutPrefix(line, "inc.4 id=")
		if _, dated := uuid.Time([]byte(key)); !ok || !dated || first == second {
			t.Errorf("said %q, then %q", first, second)
		}
	}
}

func TestHalfAnAnswerIsNone(t *testing.T) {
	address := serveOnce(t, func(c net.Conn, in *bufio.Reader) {
		in.ReadString('\n')
		io.WriteString(c, "1") // of 13
	})
	if status, stdout, _ := run(t, "con.0\n", "client", "tcp", address); status != exitFailed || stdout != "" {
		t.Errorf("status %d, %q", status, stdout)
	}
}

func TestServerAtItsLimit(t *testing.T) {
	address := serveOnce(t, func(c net.Conn, in *bufio.Reader) {
		io.WriteString(c, "error busy the server is at its limit, try again\n")
		in.ReadString('\n') // so that closing is no reset, which could overtake the answer
	})
	status, _, stderr := run(t, "inc.4\n", "client", "proc", address, "--lang", "es")
	want := "cuenta client: línea 1: error busy: el servidor está al límite; inténtelo otra vez\n"
	if status != exitFailed || stderr != want {
		t.Errorf("status %d, %q", status, stderr)
	}
}

func TestAnswersOfSomebodyElse(t *testing.T) {
	tests := []struct{ name, answer, want string }{
		{"readable, but not ours", "220 mail ready\n", `unreadable answer "220 mail ready"`},
		{"empty", "\n", `unreadable answer ""`},
		{"endless", strings.Repeat("9", 4096), "the answer is too long; it is no counter server's"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address := serveOnce(t, func(c net.Conn, in *bufio.Reader) {
				in.ReadString('\n')
				io.WriteString(c, tt.answer)
				in.ReadString('\n')
			})
			status, _, stderr := run(t, "inc.1 id=k", "client", "tcp", address)
			if status != exitFailed || stderr != "cuenta client: line 1: "+tt.want+"; whether the change was made is unknown; `inc.1 id=k` repeats it without counting twice\n" {
				t.Errorf("status %d, %q", status, stderr)
			}
		})
	}
}

func TestSilenceLosesTheConnection(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	go io.Copy(io.Discard, far)
	err := client{labelTCP, newStream(near, 5*time.Millisecond).exchange}.say("inc.1 id=k", io.Discard)
	if !isLost(err) {
		t.Errorf("%v does not end the conversation", err)
	}
	if got := explain(err, lang.English); !strings.HasPrefix(got, "the server did not answer in time; whether the change was made is unknown; `inc.1 id=k`") {
		t.Errorf("got %q", got)
	}
}

func TestRemoteConsoleLosesItsServer(t *testing.T) {
	f, done := newFar(t, "")
	defer done()
	lift := f.Stall()
	defer lift()
	go func() {
		f.AwaitBlocked(1)
		done()
	}()
	status, _, stderr := run(t, "inc.1\ninc.1\n", "console", "--remote", f.rpc)
	if status != exitFailed || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "line 1: ") {
		t.Errorf("status %d, %q", status, stderr)
	}
}
