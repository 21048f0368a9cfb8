package proc

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// serverEnv makes the test binary a server with a pool of that many workers, or
// with a worker per connection for 0.
const serverEnv = "CUENTA_TEST_SERVER"

// doomedServer serves until it is killed. It prints its address, and its
// workers' process ids whenever it reads a line.
func doomedServer() int {
	workers, err := strconv.Atoi(os.Getenv(serverEnv))
	if err != nil {
		return 2
	}
	s, err := New(Config{Service: fronttest.NewService(), Traffic: new(cuenta.Traffic), Workers: workers})
	if err != nil {
		return 1
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1
	}
	go func() {
		fmt.Println(l.Addr())
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			for _, w := range s.Workers() {
				fmt.Print(w.PID, " ")
			}
			fmt.Println()
		}
	}()
	if s.Serve(l) != nil {
		return 1
	}
	return 0
}

// awaitDeath waits for the end of a process that need not be a child.
func awaitDeath(t *testing.T, pidfd int) {
	t.Helper()
	poll := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for end := time.Now().Add(patience); ; {
		n, err := unix.Poll(poll, int(time.Until(end).Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n != 1 {
			t.Fatalf("a worker outlives its server (%v)", err)
		}
		return
	}
}

func openProcess(t *testing.T, pid int) int {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// doomed is a server in a process of its own.
type doomed struct {
	t       *testing.T
	cmd     *exec.Cmd
	in      io.Writer
	out     *bufio.Reader
	address string
}

func startDoomed(t *testing.T, program string, workers int) *doomed {
	t.Helper()
	d := &doomed{t: t, cmd: exec.Command(program)}
	d.cmd.Env = append(os.Environ(), serverEnv+"="+strconv.Itoa(workers))
	in, err := d.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// It is killed, or was already, which is no news.
		_ = d.cmd.Process.Kill()
		_ = d.cmd.Wait()
	})
	d.in, d.out = in, bufio.NewReader(out)
	d.address = d.line()
	return d
}

func (d *doomed) line() string {
	d.t.Helper()
	line, err := d.out.ReadString('\n')
	if err != nil {
		d.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func (d *doomed) client() *fronttest.Client {
	d.t.Helper()
	conn, err := net.Dial("tcp", d.address)
	if err != nil {
		d.t.Fatal(err)
	}
	return fronttest.NewClient(d.t, conn)
}

// workers returns the process ids of its workers.
func (d *doomed) workers() (pids []int) {
	d.t.Helper()
	if _, err := io.WriteString(d.in, "\n"); err != nil {
		d.t.Fatal(err)
	}
	for _, field := range strings.Fields(d.line()) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			d.t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// A worker dies with its server, also one that is stopped.
func TestWorkersDieWithTheServer(t *testing.T) {
	eachMode(t, func(t *testing.T, workers int) {
		d := startDoomed(t, os.Args[0], workers)
		clients := []*fronttest.Client{d.client(), d.client()}
		for _, c := range clients {
			c.Ask("inc.1")
		}
		pids := d.workers()
		if len(pids) != 2 {
			t.Fatalf("the server has workers %v, want 2", pids)
		}
		fds := []int{openProcess(t, pids[0]), openProcess(t, pids[1])}
		sendSignal(t, pids[0], unix.SIGSTOP)
		if err := d.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			awaitDeath(t, fd)
		}
		for _, c := range clients {
			c.Ends()
		}
	})
}

// A new version of the program may take the file's place while the old one
// runs: its workers are still of the old one.
func TestTheProgramMayBeReplaced(t *testing.T) {
	program := t.TempDir() + "/program"
	code, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, code, 0o700); err != nil {
		t.Fatal(err)
	}
	d := startDoomed(t, program, 0)
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, []byte("#!/bin/false\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := d.client().Ask("inc.4"); got != "4" {
		t.Errorf("got %q", got)
	}
}

// What is typed at the server's terminal, or sent to a whole service, is the
// server's to act on.
func TestWorkersIgnoreTheTerminal(t *testing.T) {
	r := serve(t, Config{Workers: 1})
	c := r.client()
	c.Ask("inc.1")
	pid := r.Workers()[0].PID
	for _, s := range []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP} {
		sendSignal(t, pid, s)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "SigIgn:\t")
	mask, err := strconv.ParseUint(strings.TrimSpace(rest[:16]), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP} {
		if mask&(1<<(s-1)) == 0 {
			t.Errorf("%v is not ignored", s)
		}
	}
	if !strings.HasPrefix(string(status), "Name:\tcuenta-worker\n") {
		t.Errorf("the process list shows %.40q", status)
	}
	group, err := unix.Getpgid(pid)
	if err != nil || group != pid {
		t.Errorf("the worker is in process group %d (%v), not its own", group, err)
	}
	if got := c.Ask("inc.1"); got != "2" {
		t.Errorf("got %q", got)
	}
}

func TestAWorkerNeedsAServer(t *testing.T) {
	for value, want := range map[string]int{"yes": 2, "{}": 1} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = []string{workerEnv + "=" + value}
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != want || !strings.HasPrefix(string(out), "cuenta worker: ") {
			t.Errorf("%s: status %d, want %d: %s", value, cmd.ProcessState.ExitCode(), want, out)
		}
	}
}
