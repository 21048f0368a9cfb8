//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
)

// link is the near side of a steward.
type link struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	replies chan reply

	orders sync.Mutex // one order at a time

	mu   sync.Mutex
	ends map[int]*process // those that have not ended
}

// reply is the answer to an order, with the process if one was started.
type reply struct {
	message
	process *process
}

// process is one life of a process that the steward has started.
type process struct {
	pid  int
	done chan struct{}
	code int // valid once done is closed
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

var errSteward = errors.New("the steward is gone")

// hireSteward starts a steward for a directory. With a size it has a small file
// system there, for which it needs a namespace.
func hireSteward(dir string, size int64) (*link, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, stewardWord, dir, strconv.FormatInt(size, 10))
	cmd.Stderr = os.Stderr
	// What is typed at a terminal to end this program is not for the steward.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if size > 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a steward: %w", err)
	}
	l := &link{cmd: cmd, in: in, replies: make(chan reply, 1), ends: map[int]*process{}}
	go l.hear(out)
	if ready, ok := <-l.replies; !ok || ready.Error != "" {
		l.retire()
		return nil, fmt.Errorf("starting a steward: %s", ready.Error)
	}
	return l, nil
}

// hear takes in what the steward tells.
func (l *link) hear(out io.Reader) {
	from := json.NewDecoder(out)
	for {
		var m message
		if from.Decode(&m) != nil {
			break
		}
		if m.Ended {
			l.mu.Lock()
			p := l.ends[m.PID]
			delete(l.ends, m.PID)
			l.mu.Unlock()
			p.code = m.Code
			close(p.done)
			continue
		}
		r := reply{message: m}
		if m.PID != 0 {
			r.process = &process{pid: m.PID, done: make(chan struct{})}
			l.mu.Lock()
			l.ends[m.PID] = r.process
			l.mu.Unlock()
		}
		l.replies <- r
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.ends {
		p.code = -1
		close(p.done)
	}
	clear(l.ends)
	close(l.replies)
}

// tell gives an order and waits until it is carried out. The process is the one
// that was started, if one was.
func (l *link) tell(o order) (*process, error) {
	l.orders.Lock()
	defer l.orders.Unlock()
	if err := json.NewEncoder(l.in).Encode(o); err != nil {
		return nil, errSteward
	}
	r, ok := <-l.replies
	switch {
	case !ok:
		return nil, errSteward
	case r.Error != "":
		return nil, errors.New(r.Error)
	}
	return r.process, nil
}

// start starts a program, whose standard error goes to the end of the file named log.
func (l *link) start(dir, log string, program ...string) (*process, error) {
	p, err := l.tell(order{Start: program, Dir: dir, Log: log})
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", program[0], err)
	}
	return p, nil
}

func (l *link) signal(p *process, sig syscall.Signal) error {
	_, err := l.tell(order{PID: p.pid, Signal: int(sig)})
	return err
}

// kill ends a process with SIGKILL, and waits until it is gone.
func (l *link) kill(p *process) error {
	if err := l.signal(p, syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// retire ends the steward, and all that it has started.
func (l *link) retire() {
	l.in.Close()     // it hears that nobody orders any more
	_ = l.cmd.Wait() // how it ends is of no interest
}
