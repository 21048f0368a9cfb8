package resp

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// patience is how long a test waits for a Redis before it calls it dead.
const patience = 30 * time.Second

// redis starts a Redis with nothing in it, on a Unix socket, and returns how to
// reach it. Where it is not installed the test is passed over.
func redis(t *testing.T) (dial func() net.Conn) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CUENTA_TEST_PEERS") != "" {
			t.Fatalf("redis-server is not installed: %v", err)
		}
		t.Skip("redis-server is not installed; `make test` installs it")
	}
	dir, err := os.MkdirTemp("", "redis") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	server := exec.Command(path, "--port", "0", "--unixsocket", socket, "--save", "", "--databases", "1", "--dir", dir)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// It holds nothing that would be missed.
		_ = server.Process.Kill()
		_ = server.Wait()
		_ = os.RemoveAll(dir)
	})
	awaitReady(t, out)
	return func() net.Conn {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
}

// awaitReady reads the server's log until it says that it accepts connections.
func awaitReady(t *testing.T, log io.Reader) {
	t.Helper()
	ready := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(log)
		for lines.Scan() {
			if bytes.Contains(lines.Bytes(), []byte("eady to accept connections at unix")) ||
				bytes.Contains(lines.Bytes(), []byte("accept connections at")) {
				ready <- true
			}
		}
		close(ready) // nobody listens any more if it was ready once
	}()
	select {
	case ok := <-ready:
		if !ok {
			t.Fatal("redis-server ended at once")
		}
	case <-time.After(patience):
		t.Fatal("redis-server does not start")
	}
}

// Every script is answered byte for byte as by Redis, except where it says "!" or "~".
func TestAgainstRedis(t *testing.T) {
	dial := redis(t)
	for _, name := range redisScripts(t) {
		for _, version := range []string{"2", "3"} {
			t.Run(name+"/"+version, func(t *testing.T) {
				theirs := newRedisCast(t, dial, version)
				ours := newCast(t, version)
				for _, l := range script(t, name) {
					want, wantEnd := theirs.hears(l)
					got := ours[l.client].hears(l.stream)
					end := ours[l.client].session.Ended()
					if end {
						ours[l.client] = ours[l.client].w.dial(t)
					}
					if same := bytes.Equal(got, want) && end == wantEnd; same == l.differ && !l.may {
						t.Errorf("%s: got %q (closed: %v), Redis answers %q (closed: %v)", l.source, got, end, want, wantEnd)
					}
				}
			})
		}
	}
}

// redisCast is the clients of a script, at a Redis.
type redisCast struct {
	t     *testing.T
	dial  func() net.Conn
	conns map[string]*redisConn
}

type redisConn struct {
	net.Conn
	r *bufio.Reader
}

func newRedisCast(t *testing.T, dial func() net.Conn, version string) *redisCast {
	c := &redisCast{t, dial, make(map[string]*redisConn)}
	c.hears(line{client: "a", stream: said("FLUSHALL")})
	if version == "3" {
		c.hears(line{client: "a", stream: said("HELLO", "3")})
		c.hears(line{client: "b", stream: said("HELLO", "3")})
	}
	return c
}

// hears sends one line of a script and returns all that is answered, and
// whether the connection was closed. A command has one answer; a raw line may
// have any number, so there an echo follows it to mark their end.
func (c *redisCast) hears(l line) (answer []byte, closed bool) {
	c.t.Helper()
	conn := c.conns[l.client]
	if conn == nil {
		dialed := c.dial()
		conn = &redisConn{dialed, bufio.NewReader(dialed)}
		c.conns[l.client] = conn
	}
	if _, err := conn.Write(l.stream); err != nil {
		c.t.Fatal(err)
	}
	if isRaw(l) {
		return c.hearsRaw(l.client, conn)
	}
	answer, err := readReply(conn.r)
	if err != nil {
		c.t.Fatalf("%s: %v after %q", l.source, err, answer)
	}
	if bytes.EqualFold(l.stream, said("quit")) {
		delete(c.conns, l.client)
		return answer, true
	}
	return answer, false
}

func isRaw(l line) bool {
	return bytes.Contains([]byte(l.source), []byte(`raw "`))
}

// hearsRaw reads what is answered up to the echo of a word, or the end.
func (c *redisCast) hearsRaw(client string, conn *redisConn) (answer []byte, closed bool) {
	c.t.Helper()
	const end = "$3\r\nend\r\n"
	// It may have closed by now.
	_, _ = conn.Write(said("ECHO", "end"))
	for {
		reply, err := readReply(conn.r)
		if err != nil {
			delete(c.conns, client)
			return answer, true
		}
		if string(reply) == end {
			return answer, false
		}
		answer = append(answer, reply...)
	}
}

// Whole scripts as one stream: pipelines are answered as by Redis, too. The
// scripts without differences are taken.
func TestPipelinesAgainstRedis(t *testing.T) {
	dial := redis(t)
	for name, stream := range pipelines(t, redisScripts(t)) {
		lines := script(t, name)
		differs := false
		for _, l := range lines {
			differs = differs || l.differ || isRaw(l)
		}
		if differs {
			continue
		}
		t.Run(name, func(t *testing.T) {
			theirs := newRedisCast(t, dial, "2")
			got := newCast(t, "2")["a"].hears(stream)
			var want []byte
			conn := theirs.conns["a"]
			go func() {
				// The answers tell whether it arrived.
				_, _ = conn.Write(stream)
			}()
			for range lines {
				reply, err := readReply(conn.r)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, reply...)
			}
			if !bytes.Equal(got, want) {
				t.Error(difference(got, want))
			}
		})
	}
}

// Patterns match as Redis' do.
func TestPatternsAgainstRedis(t *testing.T) {
	dial := redis(t)
	theirs := newRedisCast(t, dial, "2")
	ours := newCast(t, "2")["a"]
	texts := []string{"a", "ab", "abc", "aXb", "b", "*", "?", "[a]", "a-c", "^", "\\", "a\\b", "]", "-", "aaaa", "abab"}
	patterns := []string{
		"*", "**", "?", "??", "a*", "*a", "*b*", "a?b", "[abc]", "[^abc]", "[a-c]*", "[c-a]*", "[a-]", "[-a]", "[]", "[^]", "[^]]", "[]a]",
		"[", "[a", "[^", "[^a", "[a-", "[a-c", "\\*", "\\?", "\\[a]", "\\", "a\\", "[\\]]", "[\\", "[\\a", "[a\\-c]", "a[*]", "*a*b*", "a**b", "[^a-c]", "?*", "*?", "",
		"[a-c-e]", "*[", "a]", "[[]*", "[a-c]b[a-c]",
	}
	for _, text := range texts {
		set := line{client: "a", stream: said("SET", text, "1")}
		theirs.hears(set)
		ours.hears(set.stream)
		for _, pattern := range patterns {
			keys := line{client: "a", stream: said("KEYS", pattern)}
			want, _ := theirs.hears(keys)
			if got := ours.hears(keys.stream); !bytes.Equal(got, want) {
				t.Errorf("%q and %q: got %q, Redis answers %q", pattern, text, got, want)
			}
		}
		del := line{client: "a", stream: said("DEL", text)}
		theirs.hears(del)
		ours.hears(del.stream)
	}
}

// Random transactions, counting and watching of two clients are answered alike.
func TestRandomAgainstRedis(t *testing.T) {
	dial := redis(t)
	for seed := range uint64(20) {
		theirs := newRedisCast(t, dial, "2")
		ours := newCast(t, "2")
		for i, l := range randomLines(seed, 300) {
			want, _ := theirs.hears(l)
			if got := ours[l.client].hears(l.stream); !bytes.Equal(got, want) {
				t.Fatalf("seed %d, command %d, %s: got %q, Redis answers %q", seed, i, l.source, got, want)
			}
		}
	}
}
