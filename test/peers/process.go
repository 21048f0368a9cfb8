//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server under measurement.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   string // file of its output
	ended chan struct{}
	quit  syscall.Signal // asks it to shut down in order
}

const (
	startPatience = 5 * time.Minute // ten million counters are read back in the meantime
	stopPatience  = time.Minute
)

// start starts a server in a process group of its own: a Ctrl-C reaches this
// program alone, which then stops the servers in order.
func (w *workshop) start(name string, as *syscall.Credential, program string, args ...string) (*process, error) {
	p := &process{name: name, log: w.path(name + ".log"), ended: make(chan struct{}), quit: syscall.SIGTERM}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own
	p.cmd = exec.Command(program, args...)
	p.cmd.Dir = w.dir
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	w.started = append(w.started, p)
	go func() {
		// How it ended is in its state, and told where it matters.
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// await asks the server until it is ready.
func (p *process) await(ctx context.Context, ready func() error) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended (%v): %s", p.name, p.cmd.ProcessState, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w: %s", p.name, err, p.tail())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// tail returns the end of what the server has said.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-500):])
}

// stop asks the server to shut down and waits for it. A server that has ended is no error.
func (p *process) stop() error {
	select {
	case <-p.ended:
		return nil
	default:
	}
	if err := p.cmd.Process.Signal(p.quit); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopPatience):
	}
	err := p.cmd.Process.Kill()
	<-p.ended
	return errors.Join(fmt.Errorf("%s did not shut down and was killed", p.name), err)
}

// tick is the unit of CPU time in /proc: USER_HZ, which is 100 on every Linux.
const tick = 10 * time.Millisecond

// usage is what a server and its children have used.
type usage struct {
	cpu      time.Duration // user and system
	resident int64         // bytes in memory, shared memory included
}

// usage reads the figures of the process and of all its descendants; those of
// children that have ended are in their parent's.
func (p *process) usage() (usage, error) {
	children, err := childrenOf()
	if err != nil {
		return usage{}, err
	}
	var u usage
	for todo := []int{p.cmd.Process.Pid}; len(todo) > 0; todo = todo[1:] {
		fields, err := stat(todo[0])
		if err != nil {
			continue // a child that has ended since it was listed: its parent has its time
		}
		for _, field := range fields[11:15] { // utime stime cutime cstime
			ticks, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return usage{}, err
			}
			u.cpu += time.Duration(ticks) * tick
		}
		pages, err := strconv.ParseInt(fields[21], 10, 64)
		if err != nil {
			return usage{}, err
		}
		u.resident += pages * int64(os.Getpagesize())
		todo = append(todo, children[todo[0]]...)
	}
	if u == (usage{}) {
		return u, fmt.Errorf("%s is gone: %s", p.name, p.tail())
	}
	return u, nil
}

// stat returns the fields of /proc/PID/stat from the third on; see proc_pid_stat(5).
func stat(pid int) ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	// The second field is a name in parentheses that may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 22 {
		return nil, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return fields, nil
}

func childrenOf() (map[int][]int, error) {
	paths, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	children := make(map[int][]int)
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(path))
		if err != nil {
			return nil, err
		}
		fields, err := stat(pid)
		if err != nil {
			continue // it has ended since it was listed
		}
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, err
		}
		children[parent] = append(children[parent], pid)
	}
	return children, nil
}

// commandLine is how the server was started, for the document.
func (p *process) commandLine() string {
	line := filepath.Base(p.cmd.Path)
	for _, arg := range p.cmd.Args[1:] {
		if arg == "" {
			arg = "''"
		}
		line += " " + arg
	}
	return strings.ReplaceAll(line, p.cmd.Dir, "DIR")
}
