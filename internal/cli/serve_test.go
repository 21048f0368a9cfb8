//go:build unix

package cli

import (
	"bufio"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestFirstSignalDrainsSecondEnds(t *testing.T) {
	tests := []struct {
		data   string
		second bool
		want   int
	}{
		{"drains", false, exitDone},
		{"never-drains", true, exitFailed},
	}
	for _, first := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		for _, tt := range tests {
			t.Run(tt.data+" "+first.String(), func(t *testing.T) {
				exe, err := os.Executable()
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command(exe)
				cmd.Args = []string{"cuenta", "serve", "--data", tt.data}
				stdout, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				// Only a test that fails gets as far as this.
				defer time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() }).Stop()
				lines := bufio.NewScanner(stdout)
				lines.Scan() // it is up
				cmd.Process.Signal(first)
				if tt.second {
					lines.Scan() // it drains
					cmd.Process.Signal(syscall.SIGTERM)
				}
				lines.Scan() // to the end
				cmd.Wait()   // its error is the status looked at below
				if status := cmd.ProcessState.ExitCode(); status != tt.want {
					t.Errorf("status %d, want %d", status, tt.want)
				}
			})
		}
	}
}
