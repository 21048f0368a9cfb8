//go:build unix

package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/cuenta-server/cuenta"
)

// screen is a program on a terminal, and what the terminal was told to show.
type screen struct {
	t     *testing.T
	tty   *os.File
	cmd   *exec.Cmd
	mu    sync.Mutex
	shown bytes.Buffer
	grown *sync.Cond
	ended bool
}

// open starts the program, which is this test's own executable under its other name.
func open(t *testing.T, home string, args ...string) *screen {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Args = append([]string{"cuenta"}, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"TERM=xterm", "LANG=C", "HOME=" + home, "GORACE=atexit_sleep_ms=0"}
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, tty: tty, cmd: cmd}
	s.grown = sync.NewCond(&s.mu)
	go s.watch()
	t.Cleanup(func() {
		cmd.Process.Kill()
		tty.Close()
	})
	return s
}

func (s *screen) watch() {
	buffer := make([]byte, 4096)
	for {
		n, err := s.tty.Read(buffer)
		s.mu.Lock()
		s.shown.Write(buffer[:n])
		s.ended = err != nil // Linux says EIO when the program's side is closed
		s.grown.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) typed(keys string) {
	s.t.Helper()
	if _, err := s.tty.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// until waits until the text is shown and the prompt after it, and forgets what
// was shown so far.
func (s *screen) until(text string) {
	s.t.Helper()
	// Only a test that fails gets as far as this.
	give := time.AfterFunc(20*time.Second, func() { s.cmd.Process.Kill() })
	defer give.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.shows(text) {
		if s.ended {
			s.t.Fatalf("waiting for %q; the terminal shows %q", text, s.shown.String())
		}
		s.grown.Wait()
	}
	s.shown.Reset()
}

func (s *screen) shows(text string) bool {
	_, after, ok := strings.Cut(s.shown.String(), text)
	return ok && strings.Contains(after, prompt)
}

// leaves waits for the program to end and returns its status.
func (s *screen) leaves() int {
	s.t.Helper()
	give := time.AfterFunc(20*time.Second, func() { s.cmd.Process.Kill() })
	defer give.Stop()
	err := s.cmd.Wait()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		s.t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

const (
	keyLeft = "\x1b[D"
	keyUp   = "\x1b[A"
)

func TestTerminal(t *testing.T) {
	f := startFar(t)
	home := t.TempDir()
	s := open(t, home, "console", "--remote", f.rpc)
	s.until("`help` tells the commands")

	s.typed("inc.4\r")
	s.until("Estado Del Contador: 4\r\n")
	// Editing: 19 with a 2 put between.
	s.typed("inc.19" + keyLeft + "2\r")
	s.until("Estado Del Contador: 133\r\n")
	// History.
	s.typed(keyUp + keyUp + "\r")
	s.until("Estado Del Contador: 137\r\n")
	// Completion of a command and of a service.
	s.typed("deten\tud\t\r")
	s.until("udp: stopped\r\n")
	// A prefix of several is listed, and the line is still there to go on with.
	s.typed("con.0\r")
	s.until("Estado Del Contador: 137\r\n")
	s.typed("in\t")
	s.until("inc.  ing.  info  iniciar ")
	s.typed("c.1\r")
	s.until("Estado Del Contador: 138\r\n")
	// Ctrl-C clears the line wherever the cursor is.
	s.typed("inc.1000" + keyLeft + keyLeft + "\x03con.0\r")
	s.until("Estado Del Contador: 138\r\n")
	// A failed line is told, a blank one is nothing, and neither is the exit status.
	s.typed("inc.\r")
	s.until("error syntax: the verb takes a number, as in inc.4\r\n")
	s.typed("\r \rcon.0\r")
	s.until("Estado Del Contador: 138\r\n")
	// Several lines at once, as when pasting.
	s.typed("inc.1\rinc.1\r")
	s.until("Estado Del Contador: 139\r\n>> inc.1\r\nEstado Del Contador: 140\r\n")
	s.typed("\x04")
	if status := s.leaves(); status != exitDone {
		t.Errorf("Ctrl-D ends with status %d", status)
	}
	if value, _ := f.Value(cuenta.DefaultCounter); value != 140 {
		t.Errorf("the counter is %d", value)
	}

	path := filepath.Join(home, ".local", "state", "cuenta", "history")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the history: %v, %v", info, err)
	}
	// The next run remembers, and leaves by word.
	s = open(t, home, "client", "tcp", f.tcp, "--lang", "es")
	s.until("«ayuda» dice las órdenes")
	s.typed(keyUp + "\r")
	s.until("Estado Del Contador->: 141\r\n")
	s.typed("salir\r")
	if status := s.leaves(); status != exitDone {
		t.Errorf("salir ends with status %d", status)
	}
}

func TestTerminalLosesItsServer(t *testing.T) {
	f, done := newFar(t, "")
	s := open(t, t.TempDir(), "client", "tcp", f.tcp)
	s.until("help")
	done()
	s.typed("inc.1\r")
	if status := s.leaves(); status != exitFailed {
		t.Errorf("status %d", status)
	}
}
