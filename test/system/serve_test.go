package system

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func portOf(t testing.TB, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestBanner(t *testing.T) {
	s := serve(t)
	want := fmt.Sprintf(`Configuraciones Completas
Servidor Local en el puerto %s
inicializando servidor udp en puerto %s
inicializando servidor tcp en puerto %s
inicializando servidor tcp por procesos en puerto %s
serving rpc on port %s
inicializando servidor redis en puerto %s
`, portOf(t, s.fronts["web"]), portOf(t, s.fronts["udp"]), portOf(t, s.fronts["tcp"]),
		portOf(t, s.fronts["proc"]), portOf(t, s.fronts["rpc"]), portOf(t, s.fronts["resp"]))
	if got := s.printed(len(want)); got != want {
		t.Errorf("banner:\n%s\nwant:\n%s", got, want)
	}
}

// printed returns what the server has printed, once that is at least n bytes: it
// comes through a pipe.
func (s *server) printed(n int) string {
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if text := s.stdout.String(); len(text) >= n || time.Now().After(deadline) {
			return text
		}
	}
}

func TestLogsConnectionsWithTheirPeer(t *testing.T) {
	s := serve(t)
	conn, err := net.Dial("tcp", s.fronts["tcp"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.awaitLog(conn.LocalAddr().String())
}

// awaitLog waits until the server's log holds text.
func (s *server) awaitLog(text string) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(s.stderr.String(), text); {
		if time.Now().After(deadline) {
			s.t.Fatalf("the log does not tell %q:\n%s", text, s.stderr.String())
		}
		time.Sleep(time.Millisecond)
	}
}

func TestFrontsMayBeLeftOut(t *testing.T) {
	s := serve(t, "--udp", "off", "--rpc", "off")
	for _, front := range []string{"udp", "rpc"} {
		if address, listed := s.fronts[front]; listed {
			t.Errorf("%s was left out and listens on %s", front, address)
		}
	}
	if banner := s.printed(150); strings.Contains(banner, "udp") || strings.Contains(banner, "rpc") {
		t.Errorf("the banner names a front that was left out:\n%s", banner)
	}
	if out, exit := s.cuenta("", "start", "udp"); exit != 1 || !strings.Contains(out, "udp") {
		t.Errorf("starting what was left out: exit %d, %s", exit, out)
	}
}

func TestFlagBeforeEnvironmentBeforeDotEnv(t *testing.T) {
	dir := shortDir(t)
	if err := os.WriteFile(filepath.Join(dir, ".env"), []byte("CUENTA_DATA=from-file\nCUENTA_LOG_LEVEL=error\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		env, flag []string
		want      string
	}{
		{nil, nil, "from-file"},
		{[]string{"CUENTA_DATA=from-environment"}, nil, "from-environment"},
		{[]string{"CUENTA_DATA=from-environment"}, []string{"--data", "from-flag"}, "from-flag"},
	} {
		s := &server{t: t, dir: dir, flags: c.flag}
		args := append([]string{"serve", "--addresses", filepath.Join(dir, "addresses"),
			"--udp=off", "--tcp=0", "--proc=off", "--web=off", "--rpc=off", "--resp=off"}, c.flag...)
		s.cmd = exec.Command(executable, args...)
		s.cmd.Dir, s.cmd.Env = dir, append(os.Environ(), c.env...)
		s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
		s.run()
		if _, err := os.Stat(filepath.Join(dir, c.want, "LOCK")); err != nil {
			t.Errorf("want the data in %s: %v", c.want, err)
		}
		if code := s.stop(); code != 0 {
			t.Errorf("exit code %d:\n%s", code, s.stderr.String())
		}
	}
}

func TestDrainAnswersWhatWasAccepted(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		s := serve(t, "--workers", "2")
		const lines = 2000
		conns := map[string]net.Conn{}
		for _, front := range []string{"tcp", "proc"} {
			conn, err := net.Dial("tcp", s.fronts[front])
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write(bytes.Repeat([]byte("inc.1 @"+front+"\n"), lines)); err != nil {
				t.Fatal(err)
			}
			conns[front] = conn
		}
		began := time.Now()
		if err := s.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		answered := map[string]int64{}
		for front, conn := range conns {
			answered[front] = lastAnswer(t, conn)
		}
		<-s.exited
		if code := s.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%v: exit code %d\n%s", signal, code, s.stderr.String())
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%v: the drain took %v", signal, took)
		}
		if _, err := os.Stat(filepath.Join(s.dir, "addresses")); !os.IsNotExist(err) {
			t.Errorf("the addresses file is still there: %v", err)
		}
		s.restart()
		c := s.client("tcp")
		for front, n := range answered {
			// What was answered is there; lines not yet received when the signal came
			// were not carried out.
			must(t, c, "con.0 @"+front, n)
		}
		c.close()
	}
}

// lastAnswer reads answers to the end of the connection.
func lastAnswer(t *testing.T, conn net.Conn) (last int64) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	_, _ = text.ReadFrom(conn) // a reset is an end as well
	for line := range strings.Lines(text.String()) {
		n, err := parseAnswer(line)
		if err != nil || n != last+1 {
			t.Fatalf("answer %q after %d", line, last)
		}
		last = n
	}
	return last
}

// TestDrainEndsInTime has clients that keep a drain busy for as long as they
// can: one that never reads its answers on each stream front, and silent ones.
func TestDrainEndsInTime(t *testing.T) {
	s := serve(t, "--workers", "2")
	for _, front := range []string{"tcp", "proc", "web", "rpc"} {
		conn, err := net.Dial("tcp", s.fronts[front])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if front == "tcp" || front == "proc" {
			go func() {
				for { // until the server closes
					if _, err := conn.Write(bytes.Repeat([]byte("con.0\n"), 10_000)); err != nil {
						return
					}
				}
			}()
		}
	}
	c := s.client("tcp")
	must(t, c, "inc.1", 1)
	defer c.close()
	began := time.Now()
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the drain took %v, and may take 5s", took)
	}
}

func TestSecondSignalExitsAtOnce(t *testing.T) {
	s := serve(t)
	// A connection that sends a command and never reads keeps a drain busy.
	conn, err := net.Dial("tcp", s.fronts["tcp"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		for { // until the server closes
			if _, err := conn.Write(bytes.Repeat([]byte("con.0\n"), 10_000)); err != nil {
				return
			}
		}
	}()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.awaitLog("draining")
	// It may have ended by itself meanwhile; then there is nothing to interrupt.
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(patience):
		t.Fatal("the second signal did not end the server")
	}
}

// fails runs a server that must not start, and returns what it says.
func (s *server) fails(extra ...string) string {
	s.t.Helper()
	cmd := s.command(extra...)
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() != 1 {
		s.t.Fatalf("exit code %d, want 1:\n%s", cmd.ProcessState.ExitCode(), out)
	}
	return string(out)
}

func TestBusyPort(t *testing.T) {
	s := serve(t)
	for _, front := range []string{"tcp", "udp"} {
		other := &server{t: t, dir: shortDir(t)}
		out := other.fails("--"+front, s.fronts[front])
		port := portOf(t, s.fronts[front])
		if !strings.Contains(out, port) || !strings.Contains(out, "front "+front) || !strings.Contains(out, strconv.Itoa(s.cmd.Process.Pid)) {
			t.Errorf("the message must name port %s, front %s and process %d:\n%s", port, front, s.cmd.Process.Pid, out)
		}
	}
}

func TestSecondServerOnTheDirectory(t *testing.T) {
	s := serve(t)
	c := s.client("tcp")
	defer c.close()
	must(t, c, "inc.5", 5)
	out := s.fails("--addresses", filepath.Join(s.dir, "other"), "--socket", filepath.Join(s.dir, "other.sock"))
	if !strings.Contains(out, s.data()) || !strings.Contains(out, "another") {
		t.Errorf("the message must name the directory and the other server:\n%s", out)
	}
	must(t, c, "inc.5", 10)
	if out, exit := s.cuenta("", "check", s.data()); exit != 1 || !strings.Contains(out, "another") {
		t.Errorf("check beside a running server: exit %d, %s", exit, out)
	}
}

func TestDirectoryThatCannotBeWritten(t *testing.T) {
	s := &server{t: t, dir: shortDir(t)}
	file := filepath.Join(s.dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out := s.fails("--data", filepath.Join(file, "data"))
	if !strings.Contains(out, file) {
		t.Errorf("the message must name the directory:\n%s", out)
	}
}

func TestDamagedLogStopsTheStart(t *testing.T) {
	s := serve(t)
	c := s.client("tcp")
	for range 50 {
		if _, err := c.do("inc.1"); err != nil {
			t.Fatal(err)
		}
	}
	c.close()
	if code := s.stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if out, exit := s.cuenta("", "check", s.data()); exit != 0 {
		t.Fatalf("check of a sound directory: exit %d, %s", exit, out)
	}
	logs, err := filepath.Glob(filepath.Join(s.data(), "log-*"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no log: %v", err)
	}
	flip(t, logs[0], 300)
	out := s.fails()
	if !strings.Contains(out, filepath.Base(logs[0])) || !regexp.MustCompile(`(?i)offset|byte`).MatchString(out) {
		t.Errorf("the message must name the file and the offset:\n%s", out)
	}
	if out, exit := s.cuenta("", "check", s.data()); exit != 1 || !strings.Contains(out, filepath.Base(logs[0])) {
		t.Errorf("check of a damaged directory: exit %d, %s", exit, out)
	}
}

// flip inverts one bit of a file.
func flip(t *testing.T, path string, offset int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], offset); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 4
	if _, err := f.WriteAt(b[:], offset); err != nil {
		t.Fatal(err)
	}
}

func TestWorkersDieWithTheServer(t *testing.T) {
	for _, workers := range []string{"2", "connection"} {
		s := serve(t, "--workers", workers)
		c := s.client("proc")
		must(t, c, "inc.1", 1)
		children := childrenOf(t, s.cmd.Process.Pid)
		if len(children) == 0 {
			t.Fatal("no worker processes")
		}
		s.kill()
		c.close()
		for _, pid := range children {
			awaitGone(t, pid)
		}
	}
}

func awaitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return // gone, or waiting for whoever inherited it
		}
		if time.Now().After(deadline) {
			t.Fatalf("worker %d outlives its server", pid)
		}
	}
}

// Whoever uses a directory that a server has is told so in their language, without a
// word about the program's parts.
func TestADirectoryInUseIsTold(t *testing.T) {
	s := serve(t)
	for lang, want := range map[string]string{"es": s.data() + " está en uso", "en": s.data() + " is in use"} {
		for _, args := range [][]string{{"check", s.data()}, {"serve", "--data", s.data()}, {"restore", s.data(), filepath.Join(s.dir, "copy")}} {
			out, exit := s.cuenta("", append(args, "--lang", lang)...)
			if exit != 1 || !strings.Contains(out, want) || strings.Contains(out, "journal") {
				t.Errorf("%v: exit %d, %s; want %q", args, exit, out, want)
			}
		}
	}
}
