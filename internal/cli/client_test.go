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

func TestUnansweredChangeIsNotRepeated(t *testing.T) {
	c := listenUDP(t)
	arrived := receive(c)
	_, err := datagrams{c.LocalAddr().String(), 10 * time.Millisecond}.exchange("inc.4", true)
	if got := explain(err, lang.English); got != "the server did not answer in time; whether the change was made is unknown" {
		t.Errorf("got %q", got)
	}
	if got := explain(err, lang.Spanish); got != "el servidor no respondió a tiempo; no se sabe si el cambio se hizo" {
		t.Errorf("got %q", got)
	}
	c.Close()
	count := 0
	for range arrived {
		count++
	}
	if count > 1 {
		t.Errorf("sent %d times", count)
	}
}

func TestUnansweredReadIsRepeated(t *testing.T) {
	c := listenUDP(t)
	go func() {
		arrived := receive(c)
		<-arrived // the first is lost
		for d := range arrived {
			c.WriteTo([]byte("13\n"), d.from)
		}
	}()
	answer, err := datagrams{c.LocalAddr().String(), 300 * time.Millisecond}.exchange("con.0", false)
	if err != nil || answer != "13" {
		t.Errorf("got %q, %v", answer, err)
	}
}

func TestReadIsGivenUpInTheEnd(t *testing.T) {
	c := listenUDP(t)
	_, err := datagrams{c.LocalAddr().String(), 5 * time.Millisecond}.exchange("con.0", false)
	if got := explain(err, lang.English); got != "the server did not answer in time" {
		t.Errorf("got %q", got)
	}
}

func TestLateAnswerIsNotTakenForTheNext(t *testing.T) {
	c := listenUDP(t)
	arrived := receive(c)
	if _, err := (datagrams{c.LocalAddr().String(), time.Millisecond}).exchange("inc.1", true); err == nil {
		t.Fatal("an answer came from nowhere")
	}
	first := <-arrived
	go func() {
		second := <-arrived
		c.WriteTo([]byte("1\n"), first.from) // late
		c.WriteTo([]byte("3\n"), second.from)
	}()
	answer, err := datagrams{c.LocalAddr().String(), 10 * time.Second}.exchange("inc.2", true)
	if err != nil || answer != "3" {
		t.Errorf("got %q, %v", answer, err)
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
	address := serveOnce(t, func(c net.Conn, in *bufio.Reader) {
		in.ReadString('\n')
		io.WriteString(c, "4\n")
		in.ReadString('\n')
	})
	status, stdout, stderr := run(t, "inc.4\ninc.4\ninc.4\n", "client", "tcp", address)
	if status != exitFailed || stdout != "Estado Del Contador->: 4\n" {
		t.Errorf("status %d, %q", status, stdout)
	}
	want := "cuenta client: line 2: the connection to the server was lost; whether the change was made is unknown\n"
	if stderr != want {
		t.Errorf("got %q\nwant %q", stderr, want)
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
		{"readable, but not ours", "220 mail ready\n", `unreadable answer "220 mail ready"; whether the change was made is unknown`},
		{"endless", strings.Repeat("9", 4096), "the answer is too long; it is no counter server's; whether the change was made is unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address := serveOnce(t, func(c net.Conn, in *bufio.Reader) {
				in.ReadString('\n')
				io.WriteString(c, tt.answer)
				in.ReadString('\n')
			})
			status, _, stderr := run(t, "inc.1", "client", "tcp", address)
			if status != exitFailed || stderr != "cuenta client: line 1: "+tt.want+"\n" {
				t.Errorf("status %d, %q", status, stderr)
			}
		})
	}
}

func TestSilenceLosesTheConnection(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	go io.Copy(io.Discard, far)
	_, err := newStream(near, 5*time.Millisecond).exchange("inc.1", true)
	if !isLost(err) {
		t.Errorf("%v does not end the conversation", err)
	}
	if got := explain(err, lang.English); got != "the server did not answer in time; whether the change was made is unknown" {
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

func TestOnlyAFailureWithoutRefusalLeavesTheFateOpen(t *testing.T) {
	lost := withFate(errLost, true)
	if _, open := errors.AsType[unknownFate](lost); !open || !isLost(lost) {
		t.Errorf("%v", lost)
	}
	for _, err := range []error{withFate(nil, true), withFate(errLost, false), withFate(cuenta.Busy.Err(), true)} {
		if _, open := errors.AsType[unknownFate](err); open {
			t.Errorf("%v", err)
		}
	}
}
