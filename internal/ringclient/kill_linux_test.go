package ringclient

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
)

// The server is killed in the middle of its work: every call ends, and says that
// its fate is unknown unless the server has never seen it.
func TestServerKilled(t *testing.T) {
	for range 5 {
		path, process, finish := startServer(t, false)
		c := dial(t, path)
		var all sync.WaitGroup
		progress := make(chan struct{}, 100)
		for range 4 {
			all.Go(func() {
				for b, n := batch(add(1), add(1)), 0; ; n++ {
					err := c.Do(t.Context(), b)
					if n == 100 {
						progress <- struct{}{}
					}
					if err == nil {
						continue
					}
					e, ok := errors.AsType[*Error](err)
					if !ok || !errors.Is(err, ErrGone) || b.Results[0].Code.Fate() != e.Fate {
						t.Errorf("%v, %+v", err, b.Results)
					}
					return
				}
			})
		}
		for range 4 {
			<-progress
		}
		if err := process.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		finish()
		b := batch(add(1))
		lost(t, c.Do(t.Context(), b), b, cuenta.NotApplied, ErrGone)
	}
}

// Programs are killed in the middle of their work. Nothing acknowledged is lost,
// at most one request of each was carried out without its answer, and nobody else
// notices.
func TestProgramsKilled(t *testing.T) {
	service, c := start(t)
	path := c.conn.RemoteAddr().String()
	acknowledged, kills := int64(0), 0
	for i := range 8 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), clientEnv+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, out, int64(100+i*37)); err != nil {
			t.Fatal(err)
		}
		expect(t, do(t, c, add(1)), cuenta.Result{Value: int64(i + 1), Revision: uint64(i + 1)})
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		rest, err := io.Copy(io.Discard, out)
		if err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		acknowledged += int64(100+i*37) + rest
		kills++
	}
	if value, _ := service.Value("victim"); value < acknowledged || value > acknowledged+int64(kills) {
		t.Errorf("%d were counted, %d acknowledged to %d programs", value, acknowledged, kills)
	}
}

// A server that is stopped has taken nothing of what comes then. Killed, it never
// will: who asked knows that nothing was applied.
func TestServerStoppedThenKilled(t *testing.T) {
	path, process, finish := startServer(t, false)
	defer finish()
	c := dial(t, path)
	do(t, c, add(1))
	if err := process.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// It is stopped once the kernel says so.
	var status unix.WaitStatus
	if _, err := unix.Wait4(process.Process.Pid, &status, unix.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("%v, %v", status, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	b, done := batch(add(1)), make(chan error)
	go func() { done <- c.Do(ctx, b) }()
	awaitUnderway(t, c, 1)
	cancel() // a stopped server does not hold up who does not want to wait
	lost(t, <-done, b, cuenta.FateUnknown, context.Canceled)

	go func() { done <- c.Do(t.Context(), b) }()
	awaitUnderway(t, c, 2)
	if err := process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	lost(t, <-done, b, cuenta.NotApplied, ErrGone)
}

func awaitUnderway(t *testing.T, c *Client, n int) {
	t.Helper()
	await(t, "calls under way", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.underway.len() == n
	})
}

func TestDialFails(t *testing.T) {
	dir := socketDir(t)
	if _, err := Dial(t.Context(), filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nobody there: %v", err)
	}
	for name, word := range map[string][]byte{
		"silence":            {},
		"half a word":        ring.AppendWelcome(nil, ring.Welcome{InFlight: 1})[:9],
		"another protocol":   []byte("HTTP/1.1 400 Bad Request"),
		"no memory with it":  ring.AppendWelcome(nil, ring.Welcome{InFlight: 1}),
		"a refusal":          ring.AppendWelcome(nil, ring.Welcome{Code: cuenta.Busy}),
		"rings for nothing":  ring.AppendWelcome(nil, ring.Welcome{}),
		"of another version": append(ring.AppendWelcome(nil, ring.Welcome{InFlight: 1})[:8], 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	} {
		path := filepath.Join(dir, name[:3]+name[len(name)-3:])
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if conn, err := l.Accept(); err == nil {
				_, _ = conn.Write(word)
				conn.Close()
			}
		}()
		_, err = Dial(t.Context(), path)
		l.Close()
		if err == nil {
			t.Fatalf("%s: connected", name)
		}
		if e, ok := errors.AsType[*cuenta.Error](err); (name == "a refusal") != (ok && e.Code == cuenta.Busy) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDialIsInterrupted(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := l.Accept(); err == nil {
			defer conn.Close()
			cancel()
			<-t.Context().Done()
		}
	}()
	if _, err := Dial(ctx, path); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
