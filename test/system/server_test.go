package system

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen. It is long because
// the machine may be slow, and never waited out when all is well.
const patience = 30 * time.Second

var executable string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cuenta-system-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	executable = filepath.Join(dir, "cuenta")
	args := []string{"build", "-o", executable}
	if raceEnabled {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "github.com/cuenta-server/cuenta/cmd/cuenta")...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building cuenta: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// server is a running `cuenta serve`.
type server struct {
	t       testing.TB
	dir     string // for the data, the socket and the addresses file
	flags   []string
	cmd     *exec.Cmd
	fronts  map[string]string // front → address
	stdout  output
	stderr  output
	exited  chan struct{}
	exitErr error
}

// output collects what a process prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// serve starts a server on free ports in a fresh directory. Flags given later
// win over its own.
func serve(t testing.TB, flags ...string) *server {
	t.Helper()
	s := &server{t: t, dir: shortDir(t), flags: flags}
	s.start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("server printed:\n%s%s", s.stdout.String(), s.stderr.String())
		}
		s.kill()
	})
	return s
}

// shortDir is a temporary directory whose path leaves room for a socket's name.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cuenta-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

// command returns the server's command without starting it.
func (s *server) command(extra ...string) *exec.Cmd {
	args := []string{"serve", "--data", s.data(), "--addresses", filepath.Join(s.dir, "addresses"), "--lang", "en"}
	for _, front := range []string{"udp", "tcp", "proc", "web", "rpc", "resp"} {
		args = append(args, "--"+front, "127.0.0.1:0")
	}
	cmd := exec.Command(executable, append(append(args, s.flags...), extra...)...)
	cmd.Dir = s.dir // where no .env lies
	return cmd
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = s.command()
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
	s.run()
}

// run starts the command and waits until it listens.
func (s *server) run() {
	s.t.Helper()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.exited = make(chan struct{})
	go func() {
		s.exitErr = s.cmd.Wait()
		close(s.exited)
	}()
	s.fronts = s.awaitAddresses()
}

// awaitAddresses waits for the file that tells that every front listens.
func (s *server) awaitAddresses() map[string]string {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		text, err := os.ReadFile(filepath.Join(s.dir, "addresses"))
		if err == nil {
			var fronts map[string]string
			if err := json.Unmarshal(text, &fronts); err != nil {
				s.t.Fatalf("addresses file: %v in %q", err, text)
			}
			return fronts
		}
		if !errors.Is(err, fs.ErrNotExist) {
			s.t.Fatal(err)
		}
		select {
		case <-s.exited:
			s.t.Fatalf("the server ended: %v\n%s", s.exitErr, s.stderr.String())
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the server does not listen after %v\n%s", patience, s.stderr.String())
		}
	}
}

// kill ends the server with SIGKILL, as a power cut of the process would, and
// waits until it is gone.
func (s *server) kill() {
	select {
	case <-s.exited:
	default:
		_ = s.cmd.Process.Kill() // gone already is as good
	}
	<-s.exited
	os.Remove(filepath.Join(s.dir, "addresses")) // it could not be removed by the server
}

// stop ends the server with SIGTERM and returns its exit code.
func (s *server) stop() int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.t.Fatal("the server does not end")
	}
	return s.cmd.ProcessState.ExitCode()
}

func (s *server) restart() {
	s.t.Helper()
	s.start()
}

// cuenta runs another command of the executable and returns what it printed.
func (s *server) cuenta(stdin string, args ...string) (stdout string, exit int) {
	s.t.Helper()
	cmd := exec.Command(executable, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "CUENTA_DATA="+s.data(), "CUENTA_LANG=en")
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	var exitErr *exec.ExitError
	if err != nil && !errors.As(err, &exitErr) {
		s.t.Fatalf("cuenta %v: %v", args, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
