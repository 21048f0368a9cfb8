package transfer

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// redis starts a Redis on a free port that wants a password, and returns where it
// is. Where none is installed the test is passed over.
func redis(t *testing.T) (address string) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CUENTA_TEST_PEERS") != "" {
			t.Fatalf("redis-server is not installed: %v", err)
		}
		t.Skip("redis-server is not installed; `make test` installs it")
	}
	// Redis does not take port 0: a port that was free a moment ago is as good.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	server := exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--requirepass", "s3cret", "--save", "", "--dir", t.TempDir())
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "Ready to accept connections") {
				ready <- true
			}
		}
		close(ready)
	}()
	t.Cleanup(func() {
		_ = server.Process.Kill() // it holds nothing that would be missed
		for range ready {
		}
		_ = server.Wait()
	})
	select {
	case ok := <-ready:
		if !ok {
			t.Fatal("redis-server ended at once")
		}
	case <-time.After(patience):
		t.Fatal("redis-server does not start")
	}
	return "redis://:s3cret@127.0.0.1:" + port + "/3"
}

// fill has a Redis carry out commands.
func fill(t *testing.T, address string, commands ...[]string) {
	t.Helper()
	p, err := parseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for len(commands) > 0 {
		n := min(len(commands), pageSize)
		for _, args := range commands[:n] {
			c.command(args...)
		}
		if err := c.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, args := range commands[:n] {
			if r, err := c.next(); err != nil || r.kind == '-' {
				t.Fatalf("%.40q: %s, %v", args, r.text, err)
			}
		}
		commands = commands[n:]
	}
}

func TestFromRedis(t *testing.T) {
	address := redis(t)
	commands := [][]string{
		{"RPUSH", "list", "1"}, {"HSET", "hash", "a", "1"}, {"HSET", "hash2", "a", "1"}, {"ZADD", "sorted", "1", "a"}, {"XADD", "stream", "*", "a", "1"},
		{"SET", "text", "hello"}, {"SET", "huge", strings.Repeat("7", 3<<20)}, {"SET", "empty", ""}, {"SET", "zeros", "007"}, {"SET", "float", "1.5"},
		{"SET", "with space", "1"}, {"SET", "line\nend", "1"}, {"SET", strings.Repeat("k", 70_000), "1"}, {"SET", "\xff", "1"},
		{"SET", "most", "9223372036854775807"}, {"SET", "least", "-9223372036854775808"}, {"SET", "over", "9223372036854775808"},
		{"SET", "ending", "5", "EX", "1000"},
	}
	for i, name := range oddNames[:len(oddNames)-1] { // the last leaves no room for a prefix
		commands = append(commands, []string{"SET", name, fmt.Sprint(-i)})
	}
	const plain = 5000
	for i := range plain {
		commands = append(commands, []string{"INCRBY", fmt.Sprintf("key:%d", i), fmt.Sprint(i)})
	}
	fill(t, address, commands...)
	w := newWorld(t)
	for _, o := range []Options{{}, {Add: "redis", Prefix: "sum/"}, {Add: "redis", Prefix: "sum/"}} {
		from, err := OpenRedis(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		s, err := w.take(from, o)
		if err != nil {
			t.Fatal(err)
		}
		// A scan may come by a key twice.
		if want := int64(plain + len(oddNames) - 1 + 3); s.Counters < want || s.Counters > want+want/10 || s.Wrong > 0 {
			t.Errorf("%+v, want %d counters", s, want)
		}
		for kind, want := range map[string]int64{"list": 1, "hash": 2, "zset": 1, "stream": 1, kindText: 6, kindName: 4} {
			if s.Skipped[kind] < want {
				t.Errorf("%d of kind %s, want %d", s.Skipped[kind], kind, want)
			}
		}
		if done, total := from.Progress(); done < total || total != int64(len(commands)) {
			t.Errorf("progress: %d of %d, want %d", done, total, len(commands))
		}
	}
	got := w.values()
	for _, want := range []string{"most,9223372036854775807 ", "least,-9223372036854775808 ", "key:4999,4999 ", "ñandú,-4", "sum/key:4999,4999 ", "sum/most,9223372036854775807 "} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if n := strings.Count(got, "key:"); n != 2*plain {
		t.Errorf("%d plain counters, want %d", n, 2*plain)
	}
	if left := timeLeft(t, w.resp, "ending"); left <= 500_000 || left > 1_000_000 {
		t.Errorf("a key that is to end in 1000 s ends in %d ms", left)
	}
	for _, name := range []string{"most", "sum/ending"} {
		if left := timeLeft(t, w.resp, name); left != -1 {
			t.Errorf("%s ends in %d ms", name, left)
		}
	}
}

// timeLeft asks how many milliseconds a key is still there.
func timeLeft(t *testing.T, address, name string) int64 {
	t.Helper()
	c, err := place{address: address}.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.command("PTTL", name)
	if err := c.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := c.demand(':')
	if err != nil {
		t.Fatal(err)
	}
	return r.n
}

func TestFromAnotherCuenta(t *testing.T) {
	first, second := newWorld(t), newWorld(t)
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "k%d,%d\n", i, i)
	}
	first.must(text.String(), Options{})
	from, err := OpenRedis(t.Context(), "redis://"+first.resp)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := second.take(from, Options{}); err != nil || s.Counters != 3000 {
		t.Errorf("%+v, %v", s, err)
	}
	if first.values() != second.values() {
		t.Error("the two differ")
	}
}

func TestWhereIsARedis(t *testing.T) {
	for text, want := range map[string]place{
		"redis://h":             {address: "h:6379"},
		"redis://h:7/":          {address: "h:7"},
		"redis://[::1]/2":       {address: "[::1]:6379", database: 2},
		"rediss://u:p%20@h:1/0": {address: "h:1", user: "u", password: "p ", secure: true},
		"redis://:p@h":          {address: "h:6379", password: "p"},
	} {
		if got, err := parseURL(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"redis://", "redis:h", "redis://h/x", "redis://h/-1", "redis://h?db=1", "redis://u@h", "redis://s3cret:@h", "redis://h:x"} {
		if got, err := parseURL(text); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	if got := PublicName("redis://u:p@q@h/1"); got != "redis://h/1" {
		t.Errorf("public: %s", got)
	}
}

// scripted is a server that answers each expected sending with its own words.
func scripted(t *testing.T, rounds ...[2]string) (address string, done <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		defer l.Close()
		c, err := l.Accept()
		if err != nil {
			ended <- err
			return
		}
		defer c.Close()
		for _, round := range rounds {
			got := make([]byte, len(round[0]))
			if _, err := io.ReadFull(c, got); err != nil || string(got) != round[0] {
				ended <- fmt.Errorf("got %q, %v; want %q", got, err, round[0])
				return
			}
			if _, err := io.WriteString(c, round[1]); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	return l.Addr().String(), ended
}

func set(name, value string) string {
	return fmt.Sprintf("*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(name), name, len(value), value)
}

// TestBusyServer refuses the second of three: from it on all come again, in order.
func TestBusyServer(t *testing.T) {
	address, done := scripted(t,
		[2]string{set("a", "1") + set("b", "2") + set("b", "3"), "+OK\r\n-TRYAGAIN busy\r\n+OK\r\n"},
		[2]string{set("b", "2") + set("b", "3"), "-TRYAGAIN busy\r\n-TRYAGAIN busy\r\n"},
		[2]string{set("b", "2") + set("b", "3"), "+OK\r\n+OK\r\n"},
	)
	to, err := Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	s, err := Import(t.Context(), open(t, "", "a,1\nb,2\nb,3\n"), to, Options{})
	if err != nil || s.Counters != 3 {
		t.Errorf("%+v, %v", s, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRefusalsThatEndAnImport(t *testing.T) {
	for said, want := range map[string]string{
		"-OOM the table is full\r\n": "OOM the table is full",
		"-NOAUTH no\r\n":             "NOAUTH no",
		"$-1\r\n":                    errReply.EN,
		"HTTP/1.1 400\r\n":           errReply.EN,
		"":                           "was lost",
	} {
		address, done := scripted(t, [2]string{set("a", "1"), said})
		to, err := Dial(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Import(context.Background(), open(t, "", "a,1\n"), to, Options{})
		if err == nil || !strings.Contains(err.Error(), want) || s.Counters != 0 {
			t.Errorf("%q: %+v, %v", said, s, err)
		}
		to.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestCanceled stops at a server that says nothing.
func TestCanceled(t *testing.T) {
	to := &Target{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := Import(ctx, open(t, "", "a,1\n"), to, Options{}); err == nil || s.Counters != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}
