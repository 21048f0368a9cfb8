package spawn

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary is the mother that is killed, and her child.
const role = "CUENTA_SPAWN_TEST"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "mother":
		os.Exit(mother())
	case "child":
		os.Stdout.WriteString(strconv.Itoa(syscall.Getpgrp()) + "\n")
		io.Copy(io.Discard, os.Stdin) // until it is killed, or the test has failed
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// command is this binary in another role, with stdin and stdout.
func command(as string, in io.Reader, out io.Writer) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), role+"="+as, "GORACE=atexit_sleep_ms=0")
	cmd.Stdin, cmd.Stdout = in, out
	return cmd
}

// mother starts a child with her own stdin and stdout, and waits to be killed.
func mother() int {
	if err := New().Start(command("child", os.Stdin, os.Stdout)); err != nil {
		os.Stdout.WriteString(err.Error())
		return 1
	}
	select {}
}

// TestChildDiesWithItsMother, who is killed: the child holds the other end of a pipe,
// which ends only with both.
func TestChildDiesWithItsMother(t *testing.T) {
	in, _ := pipe(t)
	out, theirs := pipe(t)
	cmd := command("mother", in, theirs)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	if err := out.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 64)
	n, err := out.Read(said) // the child lives
	if err != nil {
		t.Fatal(err)
	}
	group := strings.TrimSpace(string(said[:n]))
	if own := strconv.Itoa(syscall.Getpgrp()); group == own || group == strconv.Itoa(cmd.Process.Pid) {
		t.Errorf("the child is in the process group %s of others", group)
	}
	cmd.Process.Kill()
	cmd.Wait() // its error is that it was killed
	if rest, err := io.ReadAll(out); err != nil || len(rest) > 0 {
		t.Errorf("the child does not end with its mother: %q, %v", rest, err)
	}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func TestFailedStartIsTold(t *testing.T) {
	m := New()
	defer m.Retire()
	if err := m.Start(exec.Command("/dev/null/none")); err == nil {
		t.Error("nothing was started, and nobody told")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	if err := m.Start(cmd); err != nil { // and she goes on
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
