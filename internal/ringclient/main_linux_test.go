package ringclient

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/front/local"
)

const (
	// serverEnv makes this test binary a server on the socket that it names, until
	// its standard input ends; with echoEnv one that answers everything at once.
	serverEnv = "CUENTA_TEST_SERVER"
	echoEnv   = "CUENTA_TEST_ECHO"

	// clientEnv makes it a client of the socket that it names, until it is killed.
	clientEnv = "CUENTA_TEST_CLIENT"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(serverEnv); path != "" {
		os.Exit(serveProcess(path, os.Getenv(echoEnv) != ""))
	}
	if path := os.Getenv(clientEnv); path != "" {
		os.Exit(clientProcess(path))
	}
	os.Exit(m.Run())
}

func serveProcess(path string, echo bool) int {
	var service cuenta.Service = fronttest.NewService()
	if echo {
		service = echoService{}
	}
	s, err := local.New(local.Config{Service: service, Traffic: new(cuenta.Traffic)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("ready")
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = s.Drain(context.Background())
	}()
	if err := s.Serve(l); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// clientProcess counts, and tells of every acknowledged change by a byte.
func clientProcess(path string) int {
	c, err := Dial(context.Background(), path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for b := batch(cuenta.Request{Op: cuenta.Add, N: 1, Counter: []byte("victim")}); ; {
		if err := c.Do(context.Background(), b); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if _, err := os.Stdout.Write([]byte{'.'}); err != nil {
			return 1
		}
	}
}

// echoService answers at once, whatever is asked: what is left is the way there
// and back.
type echoService struct{}

func (echoService) Do(_ context.Context, b *cuenta.Batch) {
	b.Results = b.Results[:0]
	for i := range b.Requests {
		b.Results = append(b.Results, cuenta.Result{Value: b.Requests[i].N})
	}
}

// startServer starts a server in a process of its own.
func startServer(t testing.TB, echo bool) (path string, process *exec.Cmd, finish func()) {
	t.Helper()
	path = filepath.Join(socketDir(t), "s")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serverEnv+"="+path)
	if echo {
		cmd.Env = append(cmd.Env, echoEnv+"=1")
	}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	return path, cmd, func() {
		in.Close()
		_ = cmd.Wait() // it may have been killed
	}
}

// socketDir is a directory with a path short enough for a socket's.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cuenta")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
