package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"redis://localhost":        "localhost:6380",
		"REDIS://localhost:7/":     "localhost:7",
		"udp://[::1]":              "[::1]:2002",
		"udp://[::1]:9":            "[::1]:9",
		"cuenta://example.com":     "example.com:1234",
		"shm:///run/cuenta.sock":   "/run/cuenta.sock",
		"shm:///run/a%20b/c.sock":  "/run/a b/c.sock",
		"":                         "",
		"localhost:1234":           "",
		"http://localhost":         "",
		"redis://":                 "",
		"redis://:6380":            "",
		"redis://localhost/0":      "",
		"redis://u:p@localhost":    "",
		"redis://localhost?db=1":   "",
		"redis:localhost":          "",
		"shm://run/cuenta.sock":    "",
		"shm://":                   "",
		"cuenta://localhost:a":     "",
		"udp://localhost#fragment": "",
	} {
		_, got, err := parse(address)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", address, got, err)
		}
		if want == "" {
			if _, err := Open(t.Context(), address); err == nil {
				t.Errorf("%q was opened", address)
			}
		}
	}
}

// An answer that comes too late, or twice, is not taken for that of a later
// request.
func TestLateDatagramsAreNoAnswers(t *testing.T) {
	conn := listenPacket(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var earlier []net.Addr
		buf := make([]byte, 2048)
		for asked := 0; ; asked++ {
			n, peer, err := conn.ReadFrom(buf)
			if err != nil {
				return // the test is over
			}
			for _, e := range earlier {
				if e.String() == peer.String() {
					t.Error("a port was used twice")
				}
				_, _ = conn.WriteTo([]byte("999\n"), e)
			}
			earlier = append(earlier, peer)
			switch {
			case bytes.HasPrefix(buf[:n], []byte("con.")):
				_, _ = conn.WriteTo([]byte("0\n"), peer)
			case asked%3 != 0: // some get no answer in time
				_, _ = conn.WriteTo([]byte("7\n"), peer)
			}
		}
	}()
	c := open(t, Options{AttemptTimeout: 20 * time.Millisecond, MinBackoff: time.Millisecond}, "udp://"+conn.LocalAddr().String())
	for range 20 {
		r, err := c.Counter("a").Add(t.Context(), 7)
		if must(t, r, err).Value != 7 {
			t.Fatalf("got %+v", r)
		}
	}
	_ = conn.Close()
	<-done
}

// A name may stand for addresses at which there is no server.
func TestTheNextAddressIsTried(t *testing.T) {
	address := serveUDP(t, fronttest.NewService())
	link, err := newUDP(address)
	if err != nil {
		t.Fatal(err)
	}
	defer link.close()
	d := link.(*datagrams)
	d.hosts = []netip.Addr{netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("127.0.0.1")}
	request := []cuenta.Request{{Op: cuenta.Get, Counter: []byte("a")}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := d.do(ctx, request); err == nil {
		t.Error("there is a server where none should be")
	}
	for range 2 {
		if _, err := d.do(t.Context(), request); err != nil {
			t.Error(err)
		}
	}
	d.passOver(d.hosts[0])
	if _, err := d.do(t.Context(), request); err != nil || len(d.hosts) == 0 {
		t.Errorf("the name is not looked up again: %v", err)
	}
}

// Sockets that are done are kept, but not without bound.
func TestOldSocketsAreClosed(t *testing.T) {
	address := serveUDP(t, fronttest.NewService())
	link, err := newUDP(address)
	if err != nil {
		t.Fatal(err)
	}
	for range maxDone + 50 {
		if _, err := link.do(t.Context(), []cuenta.Request{{Op: cuenta.Get, Counter: []byte("a")}}); err != nil {
			t.Fatal(err)
		}
	}
	d := link.(*datagrams)
	if len(d.done) != maxDone {
		t.Errorf("%d sockets are kept, want %d", len(d.done), maxDone)
	}
	for i := range d.done {
		d.done[i].since = d.done[i].since.Add(-2 * maxLate)
	}
	if _, err := link.do(t.Context(), []cuenta.Request{{Op: cuenta.Get, Counter: []byte("a")}}); err != nil {
		t.Fatal(err)
	}
	if len(d.done) != 1 {
		t.Errorf("%d sockets are kept after a pause", len(d.done))
	}
	if link.close(); len(d.done) != 0 {
		t.Errorf("%d sockets are kept after the end", len(d.done))
	}
}

// A server that takes what it is sent and answers nothing is left for another
// connection, and callers that give up do not pile up.
func TestAStalledConnectionIsLeft(t *testing.T) {
	fronttest.NoLeaks(t)
	l := listen(t)
	service := fronttest.NewService()
	behind := serveRedis(t, service)
	var all sync.WaitGroup
	all.Go(func() {
		for first := true; ; first = false {
			conn, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			if first {
				defer func() { _ = conn.Close() }()
				continue
			}
			far, err := net.Dial("tcp", behind)
			if err != nil {
				t.Error(err)
				return
			}
			for _, way := range [][2]net.Conn{{conn, far}, {far, conn}} {
				all.Go(func() {
					_, _ = bufio.NewReader(way[0]).WriteTo(way[1])
					_, _ = way[0].Close(), way[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	c := open(t, Options{AttemptTimeout: 50 * time.Millisecond}, "redis://"+l.Addr().String())
	r, err := c.Counter("a").Add(t.Context(), 1)
	if must(t, r, err).Value != 1 {
		t.Errorf("got %+v", r)
	}
}

func TestCallersWhoGiveUpAreBounded(t *testing.T) {
	fronttest.NoLeaks(t)
	link, err := newRedis(silent(t).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := link.(redis).get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for i := range maxUnread + 1 {
		_, err := conn.do(ctx, []byte("x"), []cuenta.Request{{Op: cuenta.Get}})
		if _, isUnsent := errors.AsType[unsent](err); isUnsent != (i == maxUnread) {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	if !conn.ended() || conn.first != nil {
		t.Error("the connection goes on")
	}
	link.close()
	if _, err := link.do(t.Context(), []cuenta.Request{{Op: cuenta.Get, Counter: []byte("a")}}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// Replies are read as they come, one behind the other or cut anywhere, and none is
// waited for that is there already.
func TestReplies(t *testing.T) {
	const replies = "+OK\r\n:7\r\n$2\r\n13\r\n*2\r\n:1\r\n$-1\r\n"
	for name, from := range map[string]io.Reader{
		"at once": strings.NewReader(replies), "cut": iotest.OneByteReader(strings.NewReader(replies)),
	} {
		in := bufio.NewReaderSize(from, maxReply)
		for _, kind := range "+:$*" {
			if r, err := readReply(in); err != nil || r.Kind != byte(kind) {
				t.Fatalf("%s: %+v, %v", name, r, err)
			}
		}
		if r, err := readReply(in); err != io.EOF {
			t.Errorf("%s: behind all replies %+v, %v", name, r, err)
		}
	}
	near, far := net.Pipe()
	defer near.Close()
	go far.Write([]byte(replies)) // and nothing more ever
	in := bufio.NewReaderSize(near, maxReply)
	for range 4 {
		if _, err := readReply(in); err != nil {
			t.Fatal(err)
		}
	}
}

// A server may say anything; nothing of it is taken for an answer that is none.
func TestBadReplies(t *testing.T) {
	for _, said := range []string{
		"", "\n", "\r\n", ":\r\n", ":x\r\n", ":1\n", "+OK\r\n", "$3\r\nabc\r\n", "$1\r\n1x\r", "$9999999999\r\n", "$-2\r\n", "*-1\r\n",
		"*2\r\n:1\r\n:2\r\n", "*99999\r\n", "*1\r\n*1\r\n:1\r\n", "%1\r\n", ":99999999999999999999\r\n", "+" + strings.Repeat("x", 20<<10),
		"HTTP/1.1 400 Bad Request\r\n",
	} {
		r, err := readReply(bufio.NewReader(strings.NewReader(said)))
		if err == nil {
			var result cuenta.Result
			if result, err = r.result(expectation{op: cuenta.Add, n: 1}); err == nil {
				t.Errorf("%q is read as %+v", said, result)
			}
		}
	}
	for _, said := range []string{"", "13", "\n", "error\n", "error nonsense x\n", "adios\n", "1 2\n", "99999999999999999999\n", "0x1\n"} {
		if result, err := textResult([]byte(said), &cuenta.Request{Op: cuenta.Add, N: 1}); err == nil {
			t.Errorf("%q is read as %+v", said, result)
		}
	}
}

func FuzzReply(f *testing.F) {
	for _, said := range []string{":1\r\n", "-TRYAGAIN x\r\n", "$2\r\n13\r\n", "*4\r\n$5\r\nstate\r\n$7\r\napplied\r\n$5\r\nvalue\r\n:1\r\n", "$-1\r\n"} {
		f.Add([]byte(said), byte(cuenta.Outcome))
	}
	f.Fuzz(func(t *testing.T, said []byte, op byte) {
		in := bufio.NewReaderSize(bytes.NewReader(said), maxReply)
		for {
			r, err := readReply(in)
			if err != nil {
				return
			}
			result, err := r.result(expectationOf(&cuenta.Request{Op: cuenta.Op(op), N: 5, Terms: &cuenta.Terms{Holds: make([]cuenta.Held, 0, len(said)%2)}}))
			if err == nil && result.Code == cuenta.OK && r.Kind == '-' {
				t.Fatalf("the error %q is read as %+v", r.Text, result)
			}
		}
	})
}

// What is no Cuenta is told so, and not retried for ever.
func TestSomethingElseListens(t *testing.T) {
	service := fronttest.NewService()
	plain := serveRedis(t, service) // as for the API
	_, err := Options{Timeout: 200 * time.Millisecond, AttemptTimeout: 50 * time.Millisecond}.Open(t.Context(), "cuenta://"+plain)
	if _, ok := errors.AsType[*Error](err); !ok {
		t.Error(err)
	}
	_, err = Options{Timeout: 200 * time.Millisecond, AttemptTimeout: 50 * time.Millisecond}.Open(t.Context(), "redis://"+serveAPI(t, service))
	if _, ok := errors.AsType[*Error](err); !ok {
		t.Error(err)
	}
}

// A server of HTTP that is no Cuenta is told from one that cannot answer now.
func TestOtherServersOfHTTP(t *testing.T) {
	for _, test := range []struct {
		status int
		body   string
		code   cuenta.Code
		fate   cuenta.Fate
	}{
		{http.StatusNotFound, "nothing here", cuenta.Unsupported, cuenta.NotApplied},
		{http.StatusServiceUnavailable, "later", cuenta.Unknown, cuenta.FateUnknown},
		{http.StatusOK, "<html>", cuenta.Unknown, cuenta.FateUnknown},
		{http.StatusOK, "", cuenta.Unknown, cuenta.FateUnknown},
	} {
		l := listen(t)
		server := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/proto")
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		})}
		server.Protocols.SetUnencryptedHTTP2(true)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = server.Serve(l) // until it is closed
		}()
		link, err := newAPI(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(Options{Timeout: 100 * time.Millisecond}, link, true)
		_, err = c.Counter("a").Add(t.Context(), 1)
		refusedAs(t, err, test.code, test.fate)
		_ = c.Close()
		_ = server.Close()
		<-done
	}
}
