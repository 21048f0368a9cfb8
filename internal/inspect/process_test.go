package inspect

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// listenVariable makes the test binary a process that holds a port: it prints the
// port's number and stays until its standard input ends.
const listenVariable = "CUENTA_INSPECT_TEST_LISTEN"

func TestMain(m *testing.M) {
	if network := os.Getenv(listenVariable); network != "" {
		os.Exit(holdPort(network))
	}
	os.Exit(m.Run())
}

func holdPort(network string) int {
	var address net.Addr
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			return 1
		}
		defer c.Close()
		address = c.LocalAddr()
	} else {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 1
		}
		defer l.Close()
		address = l.Addr()
	}
	fmt.Println(address)
	io.Copy(io.Discard, os.Stdin) // only its end matters
	return 0
}

// startHolder starts a child that holds a port, and returns the port.
func startHolder(t *testing.T, network string) (pid, port int) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), listenVariable+"="+network, "GORACE=atexit_sleep_ms=0")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, digits, _ := net.SplitHostPort(strings.TrimSpace(line))
	port, err = strconv.Atoi(digits)
	if err != nil {
		t.Fatal(err)
	}
	return child.Process.Pid, port
}

func needSockets(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("lsof"); err != nil && runtime.GOOS != "linux" && runtime.GOOS != "windows" {
		t.Skip("sockets are listed through lsof here, which is missing")
	}
}

func TestHolderIsAChild(t *testing.T) {
	needSockets(t)
	for _, network := range []string{"tcp", "udp"} {
		pid, port := startHolder(t, network)
		got, name, ok := PortHolder(network, port)
		if !ok || got != pid || name == "" {
			t.Errorf("%s: %q with pid %d, %v; want pid %d", network, name, got, ok, pid)
		}
		s, err := ReadSystem(t.Context(), []Port{{"front", network, port}})
		if err != nil {
			t.Fatal(err)
		}
		p := s.Ports[0].Process
		if p == nil || int(p.PID) != pid || p.RSS == 0 {
			t.Fatalf("%s: %+v", network, p)
		}
		if p.Command != "" {
			t.Errorf("shows the command line of another process: %q", p.Command)
		}
	}
}

func TestHolderIsThisProcess(t *testing.T) {
	needSockets(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	if got, name, ok := PortHolder("tcp", port); !ok || got != os.Getpid() || name == "" {
		t.Errorf("%q with pid %d, %v", name, got, ok)
	}
	if got, _, ok := PortHolder("udp", port); ok && got == os.Getpid() {
		t.Error("udp is not tcp")
	}
}

func TestHolderOfAFreePort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	if got, name, ok := PortHolder("tcp", port); ok && got == os.Getpid() {
		t.Errorf("%q holds a port that was closed", name)
	}
}

func TestReadWorkers(t *testing.T) {
	workers := []Worker{{Front: "proc", PID: os.Getpid(), Connections: 3}, {Front: "proc", PID: 1 << 30}}
	ReadWorkers(t.Context(), workers)
	if workers[0].RSS == 0 || workers[0].Connections != 3 {
		t.Errorf("%+v", workers[0])
	}
	if workers[1].RSS != 0 || workers[1].PID != 1<<30 {
		t.Errorf("a process that is gone: %+v", workers[1])
	}
}

func TestShorten(t *testing.T) {
	if got := shorten("cuenta serve"); got != "cuenta serve" {
		t.Error(got)
	}
	got := shorten(strings.Repeat("x", maxCommand-1) + "ñandú")
	if got != strings.Repeat("x", maxCommand-1)+"…" {
		t.Error("cuts a letter in two:", got)
	}
}
