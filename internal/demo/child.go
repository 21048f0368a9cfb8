package demo

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/cuenta-server/cuenta/internal/spawn"
)

// child is one life of a process.
type child struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // how it ended; valid once exited is closed
}

// bear starts a process in dir, without settings from the surroundings. What it
// prints is appended to the file named log.
func bear(m *spawn.Mother, dir, log, path string, args ...string) (*child, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the process has a descriptor of its own
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = dir, surroundings(os.Environ())
	cmd.Stdout, cmd.Stderr = out, out
	if err := m.Start(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	c := &child{cmd: cmd, exited: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		close(c.exited)
	}()
	return c, nil
}

// kill ends the process with SIGKILL and waits until it is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // gone already is as good
	<-c.exited
}

// gone reports whether the process has ended.
func (c *child) gone() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}
