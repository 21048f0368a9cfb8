package proc

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta/internal/shm"
)

// errServerGone says that the server has ended, and so does the worker.
var errServerGone = errors.New("the server is gone")

// Main is what a worker process does. It returns the process's exit status: 0
// if it has served what there was, 1 if it failed or the server is gone, 2 if it
// was not started by a server.
func Main() int {
	// A signal to a whole terminal or service is the server's to interpret: it
	// drains its workers. The server's death ends a worker in two ways, by the
	// signal it was started with and by the end of the lifeline.
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	runtime.LockOSThread()
	set, err := settingsFromEnvironment()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cuenta worker:", err)
		return 2
	}
	setName("cuenta-worker")
	l, err := newLoop(set)
	if err == nil {
		err = l.run()
	}
	switch {
	case err == nil:
		return 0
	case !errors.Is(err, errServerGone): // which there is nobody to tell about
		fmt.Fprintln(os.Stderr, "cuenta worker:", err)
	}
	return 1
}

// setName changes what the process list shows. Without it that is "exe".
func setName(name string) {
	// By the file, because the call would name this thread alone; not through
	// os, which would set up a poller for it. Nothing depends on the outcome.
	if fd, err := unix.Open("/proc/self/comm", unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
		_, _ = unix.Write(fd, []byte(name))
		unix.Close(fd)
	}
}

// newLoop takes over the descriptors that the worker was born with.
func newLoop(set settings) (*loop, error) {
	link, err := shm.OpenLink(os.NewFile(fdLink, "link"))
	if err != nil {
		return nil, err
	}
	l := &loop{
		set: set, limit: set.traffic().inFlight,
		link: link, stats: link.Stats(), listener: -1, now: time.Now(),
		server: shm.OpenDoorbell(fdServerBell, link.ServerAsleep()),
		bell:   shm.OpenDoorbell(fdWorkerBell, link.WorkerAsleep()),
	}
	if l.requests, err = shm.NewProducer(link.RequestRing()); err != nil {
		return nil, err
	}
	if l.answers, err = shm.NewConsumer(link.AnswerRing()); err != nil {
		return nil, err
	}
	cells, err := openCells(set)
	if err != nil {
		return nil, err
	}
	l.places = shm.NewPlaces(cells)
	// A descriptor short is too late to tell a client that there is no room.
	var may unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &may); err != nil {
		return nil, fmt.Errorf("asking how many descriptors there may be: %w", err)
	}
	l.set.MaxConns = min(l.set.MaxConns, int(min(may.Cur, math.MaxInt32))-2*maxRefusing)
	return l, l.watch()
}

func openCells(set settings) (shm.Cells, error) {
	if !set.Cells {
		return shm.Cells{}, nil
	}
	f := os.NewFile(fdCells, "cells")
	info, err := f.Stat()
	if err != nil {
		return shm.Cells{}, fmt.Errorf("opening the cells: %w", err)
	}
	seg, err := shm.Map(f, int(info.Size()), true)
	if err != nil {
		return shm.Cells{}, err
	}
	return shm.NewCells(seg), nil
}

// watch makes the poll descriptor and what is always watched by it.
func (l *loop) watch() error {
	var err error
	if l.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("creating the event loop: %w", err)
	}
	bell := unix.EpollEvent{Fd: aboutBell, Events: unix.EPOLLIN | unix.EPOLLET}
	if err := unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, fdWorkerBell, &bell); err != nil {
		return fmt.Errorf("watching the doorbell: %w", err)
	}
	lifeline := unix.EpollEvent{Fd: aboutLifeline, Events: unix.EPOLLIN}
	if err := unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, fdLifeline, &lifeline); err != nil {
		return fmt.Errorf("watching the lifeline: %w", err)
	}
	if err := unix.SetNonblock(fdSocket, true); err != nil {
		return fmt.Errorf("preparing the socket: %w", err)
	}
	if l.set.Pool {
		l.listener = fdSocket
		return l.watchListener()
	}
	// It fails if the client has gone already, as the first read will show.
	from, _ := unix.Getpeername(fdSocket)
	_, err = l.add(fdSocket, addressOf(from))
	return err
}
