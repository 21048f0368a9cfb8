package udp

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

const patience = 30 * time.Second

// start serves on a loopback port until the test ends, and returns its address.
func start(t testing.TB, c Config, network, address string) (*Server, string) {
	t.Helper()
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		if network == "udp6" || strings.HasPrefix(address, "[") {
			t.Skip("no IPv6 here:", err)
		}
		t.Fatal(err)
	}
	if c.Traffic == nil {
		c.Traffic = new(cuenta.Traffic)
	}
	s := New(c)
	fronttest.Serve(t, s, conn)
	return s, conn.LocalAddr().String()
}

type client struct {
	t testing.TB
	net.Conn
}

func dial(t testing.TB, address string) client {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return client{t, conn}
}

func (c client) send(datagram string) {
	c.t.Helper()
	if _, err := c.Write([]byte(datagram)); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) hear() string {
	c.t.Helper()
	answer, err := c.next(patience)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer
}

func (c client) next(wait time.Duration) (string, error) {
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return "", err
	}
	p := make([]byte, 2048)
	n, err := c.Read(p)
	if err != nil {
		return "", err
	}
	if n > 64 || n == 0 || p[n-1] != '\n' || strings.Count(string(p[:n]), "\n") != 1 {
		return "", fmt.Errorf("an answer that is not one line of at most 64 bytes: %q", p[:n])
	}
	return string(p[:n-1]), nil
}

func (c client) ask(command string) string {
	c.t.Helper()
	c.send(command)
	return c.hear()
}

func TestTranscript(t *testing.T) {
	for _, at := range []struct{ network, listen, dial string }{
		{"udp4", "127.0.0.1:0", "127.0.0.1"},
		{"udp6", "[::1]:0", "::1"},
		{"udp", "[::]:0", "127.0.0.1"},
		{"udp", "[::]:0", "::1"},
	} {
		t.Run(at.network+" "+at.listen+" "+at.dial, func(t *testing.T) {
			fronttest.NoLeaks(t)
			service := fronttest.NewService()
			_, address := start(t, Config{Service: service}, at.network, at.listen)
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				t.Fatal(err)
			}
			c := dial(t, net.JoinHostPort(at.dial, port))
			for _, step := range [][2]string{
				{"con.0", "0"}, {"inc.10", "10"}, {"inc.5\n", "15"}, {"dec.2\r\n", "13"}, {"inc.0\n\n", "13"},
				{"inc.4\r\n\r\n\n\n\r", "17"}, {"salir", "adios"}, {"con.0", "17"}, {"inc.1 @otra", "1"}, {"res.0", "0"},
				{"dec.9223372036854775807", "-9223372036854775807"}, {"dec.2", "error overflow the counter would pass -9223372036854775808"},
				{"inc.1 @otra id=a", "2"}, {"inc.1 @otra", "3"}, {"inc.1 id=a @otra\n", "2"}, {"con.0 @otra id=a", "3"},
				{"inc.2 @otra id=a", "error conflict " + cuenta.Conflict.Text()}, {"con.0 @otra", "3"},
				{"ret.4 @otra", "error limit the limit 0 leaves room for -3"}, {"ret.4 @otra sat", "0"}, {"ttl.0 @otra", "-1"}, {"ttl.0 @nada", "-2"},
				{"tra.1 @otra @una", "error limit the limit 0 leaves room for 0"}, {"ing.9 @otra", "9"},
				{"tra.6 @otra @una id=t", "3"}, {"tra.6 @otra @una id=t", "3"}, {"bal.0 @una", "6"}, {"lim.0 @una max=6", "6"},
				{"inc.1 @una", "error limit the limit 6 leaves room for 0"}, {"exp.9 @una", "6"}, {"ayuda lim", "lim.0 limites/limits [@cuenta] [min=N] [max=N] [total] [id=K]"},
				{"cup.2 @api max=2 per=3153600000", "0"}, {"cup.3 @api max=2 per=3153600000", "error throttled more than the rate ever allows at once"},
				{"tic.2 @turno para=ana", "2"}, {"tic.1 @turno para=ana", "2"}, {"val.2 @turno", "1"}, {"val.3 @turno", "0"},
				{"apa.2 @plazas ttl=600 id=h", "1"}, {"apa.2 @plazas ttl=600 id=h", "1"}, {"dis.0 @plazas", "9223372036854775805"},
				{"ext.9 @plazas de=1", "0"}, {"liq.1 @plazas de=1", "1"}, {"sol.0 @plazas de=1", "error no-hold " + cuenta.NoHold.Text()},
				{"apa.0 @plazas ttl=1", "error syntax tic, apa and ext take 1 or more"},
			} {
				if got := c.ask(step[0]); got != step[1] {
					t.Errorf("%q: got %q, want %q", step[0], got, step[1])
				}
			}
			for origin := range service.Origins() {
				if origin.Front != cuenta.FrontUDP {
					t.Errorf("origin %+v", origin)
				}
			}
			calls := service.Calls()
			if calls.NoWait != calls.Batches || calls.Classes[cuenta.ClassQueue] != calls.Batches {
				t.Errorf("calls %+v: all are for the queue, and none may wait", calls)
			}
		})
	}
}

func TestBadDatagrams(t *testing.T) {
	fronttest.NoLeaks(t)
	service := fronttest.NewService()
	traffic := new(cuenta.Traffic)
	_, address := start(t, Config{Service: service, Traffic: traffic}, "udp4", "127.0.0.1:0")
	c := dial(t, address)
	c.ask("inc.7")
	bad := append([]string{
		"", "\n", "\r\n\r\n", "inc.4\ninc.4", "inc.4\r\ninc.4\r\n", "\ninc.4", "GET / HTTP/1.1\r\nHost: x\r\n\r\ninc.4",
		strings.Repeat("\n", 1000), strings.Repeat("\n", 500) + "inc.4",
	}, fronttest.Bad...)
	errors := int64(0)
	for _, b := range bad {
		if strings.HasPrefix(b, "error ") {
			continue
		}
		errors++
		if got := c.ask(b); !strings.HasPrefix(got, "error syntax ") {
			t.Errorf("%q: got %q", b, got)
		}
	}
	number := func(size int) string { return "inc." + strings.Repeat("0", size-4) }
	large := []string{"inc.4" + strings.Repeat("\n", 1019), "inc.4" + strings.Repeat("\n", 1019) + "inc.4"}
	for _, size := range []int{513, 1000, 1023, 1024, 1025, 1500, 9000, 60_000} {
		large = append(large, number(size))
	}
	for _, l := range large {
		errors++
		if got := c.ask(l); !strings.HasPrefix(got, "error too-large ") {
			t.Errorf("a datagram of %d bytes: got %q", len(l), got)
		}
	}
	if got := c.ask(number(512) + "\r\n"); got != "7" {
		t.Errorf("a command of 512 bytes: got %q", got)
	}
	if v, rev := service.Value(cuenta.DefaultCounter); v != 7 || rev != 1 {
		t.Errorf("the counter went to %d, revision %d", v, rev)
	}
	if got := traffic.Errors.Load(); got != errors {
		t.Errorf("%d errors counted, want %d", got, errors)
	}
	if got := traffic.Requests.Load(); got != errors+2 {
		t.Errorf("%d requests counted, want %d", got, errors+2)
	}
}

// TestErrorsAreNotAnswered: or two servers could be set on each other for ever.
func TestErrorsAreNotAnswered(t *testing.T) {
	traffic := new(cuenta.Traffic)
	_, address := start(t, Config{Service: fronttest.NewService(), Traffic: traffic}, "udp4", "127.0.0.1:0")
	c := dial(t, address)
	c.send("error syntax unknown verb, send ayuda for help\n")
	c.send("error busy\n")
	if got := c.ask("inc.4"); got != "4" {
		t.Errorf("the first answer is %q", got)
	}
	if got := traffic.Refused.Load(); got != 2 {
		t.Errorf("%d refused, want 2", got)
	}
}

func TestRefusalsOfTheService(t *testing.T) {
	service := fronttest.NewService()
	_, address := start(t, Config{Service: service}, "udp4", "127.0.0.1:0")
	c := dial(t, address)
	for code := cuenta.OK + 1; code < cuenta.NumCodes; code++ {
		service.Refuse(code)
		refused := cuenta.Result{Code: code}
		if got, want := c.ask("inc.1"), "error "+code.String()+" "+refused.Text(); code != cuenta.Overflow && got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	service.Refuse(cuenta.OK)
	if got := c.ask("inc.1"); got != "1" {
		t.Errorf("got %q", got)
	}
}

// TestOneHistory: every value is seen by exactly one of many clients, each of
// which has several datagrams under way. What is lost would show as a hole.
func TestOneHistory(t *testing.T) {
	fronttest.NoLeaks(t)
	const clients, each, flight = 16, 200, 8
	_, address := start(t, Config{Service: fronttest.NewService()}, "udp4", "127.0.0.1:0")
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		seen = make(map[string]int)
	)
	for range clients {
		c := dial(t, address)
		all.Go(func() {
			for sent, heard := 0, 0; heard < each; heard++ {
				for ; sent < each && sent-heard < flight; sent++ {
					if _, err := c.Write([]byte("inc.1")); err != nil {
						t.Error(err)
						return
					}
				}
				answer, err := c.next(patience)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[answer]++
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
}

// TestRepeats: a client that repeats until it hears something, over another
// socket each time, has counted once.
func TestRepeats(t *testing.T) {
	fronttest.NoLeaks(t)
	const changes, times = 50, 3
	service := fronttest.NewService()
	_, address := start(t, Config{Service: service}, "udp4", "127.0.0.1:0")
	say := func(c client) {
		for k := range changes {
			c.send(fmt.Sprintf("inc.1 id=%d", k))
		}
	}
	expect := func(c client) {
		t.Helper()
		for k := range changes {
			if got := c.hear(); got != strconv.Itoa(k+1) {
				t.Fatalf("change %d: got %q", k, got)
			}
		}
	}
	lift := service.Stall()
	dial(t, address).send("con.0")
	service.AwaitBlocked(1) // what is sent now is in the next batches together
	sockets := make([]client, times)
	for i := range sockets {
		sockets[i] = dial(t, address)
		say(sockets[i])
	}
	lift()
	for _, c := range sockets {
		expect(c)
	}
	late := dial(t, address)
	say(late)
	expect(late)
	if v, revision := service.Value(cuenta.DefaultCounter); v != changes || revision != changes {
		t.Errorf("the counter holds %d at revision %d", v, revision)
	}
}

// TestVanishedClients: answers to sockets that are closed come back as errors
// from the system, which are none of the others' business.
func TestVanishedClients(t *testing.T) {
	service := fronttest.NewService()
	_, address := start(t, Config{Service: service}, "udp4", "127.0.0.1:0")
	staying := dial(t, address)
	lift := service.Stall()
	staying.send("inc.1")
	service.AwaitBlocked(1)
	for range 50 {
		leaving := dial(t, address)
		leaving.send("inc.1 @otra")
		if err := leaving.Close(); err != nil {
			t.Fatal(err)
		}
		staying.send("inc.1")
	}
	lift()
	for i := range 51 {
		if got := staying.hear(); got != strconv.Itoa(i+1) {
			t.Fatalf("answer %d is %q", i+1, got)
		}
	}
}

// TestAnyPacketConn: a socket that is not the system's is served one datagram at
// a time.
func TestAnyPacketConn(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Service: fronttest.NewService(), Traffic: new(cuenta.Traffic)})
	done := make(chan error, 1)
	go func() { done <- s.Serve(struct{ net.PacketConn }{conn}) }()
	c := dial(t, conn.LocalAddr().String())
	for i := range 3 {
		if got := c.ask("inc.1"); got != strconv.Itoa(i+1) {
			t.Errorf("got %q", got)
		}
	}
	if err := s.Drain(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
