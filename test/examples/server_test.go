package examples

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen. It is long because
// the machine may be slow, and never waited out when all is well.
const patience = time.Minute

var executable string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cuenta-examples-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	executable = filepath.Join(dir, "cuenta")
	build := exec.Command("go", "build", "-o", executable, "github.com/cuenta-server/cuenta/cmd/cuenta")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building cuenta: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// serve runs a server on free ports until the test ends, and returns the address
// of each front.
func serve(t *testing.T) map[string]string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cuenta-*") // short enough for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	args := []string{"serve", "--data", filepath.Join(dir, "data"), "--addresses", filepath.Join(dir, "addresses"),
		"--proc", "off", "--rpc", "off", "--shm", "off"}
	for _, front := range []string{"udp", "tcp", "web", "resp"} {
		args = append(args, "--"+front, "127.0.0.1:0")
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(executable, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed below, which is an error to Wait
		close(exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // gone already is as good
		<-exited
		log.Close()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("server printed:\n%s", text)
		}
	})
	return awaitAddresses(t, filepath.Join(dir, "addresses"), exited)
}

// awaitAddresses waits for the file that tells that every front listens.
func awaitAddresses(t *testing.T, path string, exited <-chan struct{}) (fronts map[string]string) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		text, err := os.ReadFile(path)
		if err == nil {
			if err := json.Unmarshal(text, &fronts); err != nil {
				t.Fatalf("addresses file: %v in %q", err, text)
			}
			return fronts
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		select {
		case <-exited:
			t.Fatal("the server ended")
		case <-time.After(2 * time.Millisecond):
		}
	}
	t.Fatalf("the server does not listen after %v", patience)
	return nil
}

// value asks over a front that no example uses.
func value(t *testing.T, fronts map[string]string) int64 {
	t.Helper()
	conn, err := net.Dial("tcp", fronts["tcp"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "con.0 @visitas\n")
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
