//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// A steward is this program started again to look after processes: it starts them
// as its children, passes signals on, tells when they end, and kills them all when
// whoever ordered them is gone. In a namespace of its own it can give them a small
// file system as well, and fill it.

// order is what a steward is told to do. It answers each with a message.
type order struct {
	Start  []string `json:"start,omitempty"` // a program and its arguments
	Dir    string   `json:"dir,omitempty"`   // to start it in
	Log    string   `json:"log,omitempty"`   // its standard error is appended to
	PID    int      `json:"pid,omitempty"`   // of the process to signal
	Signal int      `json:"signal,omitempty"`
	Fill   bool     `json:"fill,omitempty"` // leave no room in the small file system
	Free   bool     `json:"free,omitempty"` // leave room again
}

// message is a steward's answer to an order or, if Ended, the end of a process.
type message struct {
	PID   int    `json:"pid,omitempty"`
	Ended bool   `json:"ended,omitempty"`
	Code  int    `json:"code"` // of the exit; -1 after a signal
	Error string `json:"error,omitempty"`
}

// stewardWord is the first argument of a steward; its directory and the size of
// its file system in bytes follow, 0 for none.
const stewardWord = "steward"

// smallDisk is where the small file system is, in the steward's directory.
const smallDisk = "disk"

type steward struct {
	disk string // the small file system, empty for none

	mu       sync.Mutex
	out      *json.Encoder
	children map[int]*exec.Cmd
	ended    sync.WaitGroup
}

// serveOrders is the steward's life.
func serveOrders(dir, size string, in io.Reader, out io.Writer) error {
	s := &steward{out: json.NewEncoder(out), children: map[int]*exec.Cmd{}}
	if size != "0" {
		s.disk = filepath.Join(dir, smallDisk)
		if err := mountSmall(s.disk, size); err != nil {
			s.tell(message{Error: err.Error()})
			return err
		}
	}
	s.tell(message{PID: os.Getpid()}) // ready
	orders := json.NewDecoder(in)
	for {
		var o order
		if orders.Decode(&o) != nil {
			break // who ordered is gone
		}
		s.obey(&o)
	}
	s.killAll()
	s.ended.Wait()
	return nil
}

func mountSmall(disk, size string) error {
	if err := os.MkdirAll(disk, 0o700); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size+",mode=0700"); err != nil {
		return fmt.Errorf("mounting a small file system: %w", err)
	}
	return nil
}

func (s *steward) tell(m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.out.Encode(m) // who does not hear it is gone, and the orders end too
}

func (s *steward) obey(o *order) {
	var m message
	var err error
	switch {
	case len(o.Start) > 0:
		s.start(o)
		return
	case o.Signal != 0:
		err = s.signal(o.PID, syscall.Signal(o.Signal))
	case o.Fill:
		err = fill(filepath.Join(s.disk, "ballast"))
	case o.Free:
		err = os.Remove(filepath.Join(s.disk, "ballast"))
	}
	if err != nil {
		m.Error = err.Error()
	}
	s.tell(m)
}

// start starts a process. Its answer comes before its end can be told.
func (s *steward) start(o *order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cmd, err := spawn(o)
	if err != nil {
		_ = s.out.Encode(message{Error: err.Error()}) // as in tell
		return
	}
	pid := cmd.Process.Pid
	s.children[pid] = cmd
	_ = s.out.Encode(message{PID: pid})
	s.ended.Go(func() {
		// The code tells how it ended; what cannot be waited for has ended.
		_ = cmd.Wait()
		s.mu.Lock()
		delete(s.children, pid)
		s.mu.Unlock()
		s.tell(message{PID: pid, Ended: true, Code: cmd.ProcessState.ExitCode()})
	})
}

func spawn(o *order) (*exec.Cmd, error) {
	log, err := os.OpenFile(o.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has a descriptor of its own
	cmd := exec.Command(o.Start[0], o.Start[1:]...)
	cmd.Dir = o.Dir
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "CUENTA_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Stderr = log // what a server says on its standard output is its banner
	return cmd, cmd.Start()
}

// signal signals a process that has not been waited for: its number is nobody
// else's.
func (s *steward) signal(pid int, sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cmd := s.children[pid]
	if cmd == nil {
		return nil // it has ended, as good as signalled
	}
	if err := cmd.Process.Signal(sig); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

func (s *steward) killAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cmd := range s.children {
		_ = cmd.Process.Kill() // gone already is as good
	}
}

// fill lets a file take all the room that there is.
func fill(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() // nothing was written
	at, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	for size := int64(16 << 20); size >= 4<<10; {
		switch err := syscall.Fallocate(int(f.Fd()), 0, at, size); {
		case err == nil:
			at += size
		case errors.Is(err, syscall.ENOSPC):
			size /= 2
		case errors.Is(err, syscall.EINTR):
		default:
			return err
		}
	}
	return nil
}
