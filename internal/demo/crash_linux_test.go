package demo

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// start runs `cuenta demo crash` and waits until it counts.
func start(t *testing.T, temp string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(executable, "demo", "crash", "--duration", "1m", "--seed", "8", "--lang", "en")
	cmd.Env = append(os.Environ(), "TMPDIR="+temp, "CUENTA_TCP=nonsense") // no setting of a server's surroundings counts
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // mostly gone already
	var said strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "counted") {
			go func() {
				for lines.Scan() { // or it would be stopped by a full pipe
				}
			}()
			return cmd
		}
	}
	t.Fatalf("it does not count:\n%s", &said)
	return nil
}

// children returns the processes that pid has started.
func children(t *testing.T, pid int) (all []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		status, err := os.ReadFile("/proc/" + entry.Name() + "/status")
		if err == nil && bytes.Contains(status, fmt.Appendf(nil, "\nPPid:\t%d\n", pid)) {
			all = append(all, child)
		}
	}
	return all
}

// awaitGone waits until none of the processes runs any more.
func awaitGone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if err != nil || bytes.Contains(status, []byte("\nState:\tZ")) {
				break // gone, or waiting for whoever inherited it
			}
			if time.Now().After(deadline) {
				t.Fatalf("process %d is still there", pid)
			}
		}
	}
}

// family returns a process's children and theirs, once there are some: a server
// may just have been killed.
func family(t *testing.T, pid int) []int {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		all := children(t, pid)
		for _, child := range all {
			all = append(all, children(t, child)...)
		}
		if len(all) >= 3 {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("only %v", all)
		}
	}
}

func TestKilledDemonstrationTakesItsChildrenAlong(t *testing.T) {
	t.Parallel()
	cmd := start(t, shortDir(t))
	pids := family(t, cmd.Process.Pid)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	awaitGone(t, pids)
}

func TestInterruptedCommandCleansUp(t *testing.T) {
	t.Parallel()
	temp := shortDir(t)
	cmd := start(t, temp)
	pids := family(t, cmd.Process.Pid)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("interrupted, and its end is %v", cmd.ProcessState)
	}
	awaitGone(t, pids)
	expectEmpty(t, temp)
}
