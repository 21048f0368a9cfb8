//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/rpcclient"
)

// patience bounds every wait for something that must happen. It is long because
// the machine may be busy, and never waited out when all is well.
const patience = 60 * time.Second

// arena is where one server lives: a directory, and one life after the other.
type arena struct {
	program string
	dir     string
	small   bool // its data lie in a small file system
	flags   []string
	steward *link

	lives     int
	logged    int64 // bytes of the log that earlier lives have written
	life      *process
	addresses map[string]string // front → address, of this life
}

// newArena makes an arena. With a size its data lie in a file system of that many
// bytes, which needs a namespace.
func newArena(program string, size int64, flags ...string) (*arena, error) {
	dir, err := os.MkdirTemp("", "cuenta-torture-")
	if err != nil {
		return nil, err
	}
	a := &arena{program: program, dir: dir, small: size > 0, flags: flags}
	if a.steward, err = hireSteward(dir, size); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return a, nil
}

// leave ends all processes. The directory is removed unless keep.
func (a *arena) leave(keep bool) error {
	a.steward.retire()
	if keep {
		return nil
	}
	return os.RemoveAll(a.dir)
}

func (a *arena) data() string {
	if a.small {
		return filepath.Join(a.dir, smallDisk, "data")
	}
	return filepath.Join(a.dir, "data")
}

func (a *arena) log() string     { return filepath.Join(a.dir, "server.log") }
func (a *arena) console() string { return filepath.Join(a.dir, "console.sock") }

// rings is the socket of this life for shared memory.
func (a *arena) rings() string { return filepath.Join(a.dir, fmt.Sprintf("shm-%d.sock", a.lives)) }

// ports are the fronts that listen on a port. Each life listens on ports of its
// own, so that nothing that was meant for an earlier one reaches it.
var ports = []string{cuenta.FrontUDP, cuenta.FrontTCP, cuenta.FrontProc, cuenta.FrontWeb, cuenta.FrontRPC, cuenta.FrontRESP}

func (a *arena) addressFile() string { return filepath.Join(a.dir, "addresses.json") }

// beget starts a life and does not wait until it listens.
func (a *arena) beget() error {
	if err := os.Remove(a.addressFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if a.lives > 0 {
		_ = os.Remove(a.rings()) // a life that ended well has removed it itself
	}
	a.lives++
	a.logged = 0
	if log, err := os.Stat(a.log()); err == nil {
		a.logged = log.Size()
	}
	args := []string{a.program, "serve", "--data", a.data(), "--addresses", a.addressFile(), "--socket", a.console(),
		"--shm", a.rings(), "--log-level", "warn", "--lang", "en"}
	for _, front := range ports {
		args = append(args, "--"+front, "127.0.0.1:0")
	}
	life, err := a.steward.start(a.dir, a.log(), append(args, a.flags...)...)
	if err != nil {
		return err
	}
	a.life = life
	return nil
}

// errEnded says that a server has ended by itself.
var errEnded = errors.New("the server has ended by itself")

// start starts a life and returns when every front listens.
func (a *arena) start(ctx context.Context) error {
	if err := a.beget(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		text, err := os.ReadFile(a.addressFile())
		if err == nil {
			a.addresses = nil
			return json.Unmarshal(text, &a.addresses)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if a.life.ended() {
			return fmt.Errorf("%w with status %d: %s", errEnded, a.life.code, a.lastWords())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server does not listen: %w", ctx.Err())
		case <-a.life.done:
		case <-time.After(time.Millisecond):
		}
	}
}

// stop tells the server to end, and waits until it has.
func (a *arena) stop(ctx context.Context) error {
	if err := a.steward.signal(a.life, syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-a.life.done:
	case <-time.After(patience):
		return errors.New("the server does not end")
	case <-ctx.Done():
		return ctx.Err()
	}
	if a.life.code != 0 {
		return fmt.Errorf("the server was told to end, and ended with status %d: %s", a.life.code, a.lastWords())
	}
	return nil
}

// run runs another command of the program to its end.
func (a *arena) run(args ...string) error {
	log := filepath.Join(a.dir, "command.log")
	p, err := a.steward.start(a.dir, log, append([]string{a.program}, args...)...)
	if err != nil {
		return err
	}
	<-p.done
	if p.code != 0 {
		said, err := os.ReadFile(log)
		return errors.Join(fmt.Errorf("cuenta %s: status %d\n%s", strings.Join(args, " "), p.code, said), err)
	}
	return nil
}

// lastWords is the end of what this life has logged.
func (a *arena) lastWords() string {
	text, err := os.ReadFile(a.log())
	if err != nil {
		return err.Error()
	}
	const most = 1 << 10
	text = text[min(int64(len(text)), a.logged):]
	return strings.TrimSpace(string(text[max(0, len(text)-most):]))
}

// ask opens the local console for as long as it takes.
func (a *arena) ask(ctx context.Context, what func(context.Context, *rpcclient.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := rpcclient.Dial(ctx, "unix", a.console())
	if err != nil {
		return err
	}
	defer c.Close() // nothing more is to be heard from it
	return what(ctx, c)
}

// everything lists all counters.
func (a *arena) everything(ctx context.Context) (all []cuenta.Counter, err error) {
	err = a.ask(ctx, func(ctx context.Context, c *rpcclient.Client) error {
		const most = 1000
		for cursor := uint64(0); ; {
			page, next, err := c.List(ctx, "", cursor, most)
			all = append(all, page...)
			if err != nil || next == 0 {
				return err
			}
			cursor = next
		}
	})
	return all, err
}

// workers returns the server's child processes, as the system knows them.
func (a *arena) workers() (pids []int) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", a.life.pid))
	if err != nil {
		return nil
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // the thread is gone
		}
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
