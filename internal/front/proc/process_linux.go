package proc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/pump"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// process is a worker as the server holds it, from its start to its burial.
type process struct {
	s       *Server
	peer    string // of the one connection, empty in a pool
	started time.Time
	cmd     *exec.Cmd
	last    *tail

	link     *shm.Link
	pump     pump.Pump
	bell     *shm.Doorbell // to be woken by
	worker   *shm.Doorbell // to ring
	lifeline *os.File      // its end tells the worker that the server is gone

	lied error // why the worker was killed, if it was

	mu     sync.Mutex // over the rest, and over the life of link and worker
	buried bool
	told   Worker // the worker's figures as last looked at
}

// start starts a worker for a socket, which stays the caller's.
func (s *Server) start(socket *os.File, peer string) (*process, error) {
	p := &process{s: s, peer: peer, started: time.Now()}
	if err := p.prepare(); err != nil {
		p.release()
		return nil, err
	}
	if err := p.launch(socket); err != nil {
		p.release()
		return nil, err
	}
	p.told.PID, p.told.Peer, p.told.Started = p.cmd.Process.Pid, peer, p.started
	s.conf.Traffic.Workers.Add(1)
	return p, nil
}

// prepare makes the link and its doorbells.
func (p *process) prepare() error {
	t := p.s.settings.traffic()
	var err error
	if p.link, err = shm.CreateLink("cuenta-link", t.requests, t.answers); err != nil {
		return err
	}
	p.pump = pump.Pump{
		Service:  p.s.conf.Service,
		Origin:   cuenta.Origin{Front: front, Peer: p.peer},
		InFlight: t.inFlight,
		Hello:    p.announced,
		Idle:     func() { p.figures() },
	}
	if p.pump.Requests, err = shm.NewConsumer(p.link.RequestRing()); err != nil {
		return err
	}
	if p.pump.Answers, err = shm.NewProducer(p.link.AnswerRing()); err != nil {
		return err
	}
	if p.bell, err = shm.NewDoorbell(p.link.ServerAsleep()); err != nil {
		return err
	}
	if p.worker, err = shm.NewDoorbell(p.link.WorkerAsleep()); err != nil {
		return err
	}
	p.pump.Wait, p.pump.Ring = p.bell.Wait, p.worker.Ring
	return nil
}

// announced hears of a connection that a worker of the pool has accepted.
func (p *process) announced(peer string) {
	p.s.conf.Log.Info("new connection", "front", front, "peer", peer, "worker", p.told.PID)
}

// launch starts the process itself.
func (p *process) launch(socket *os.File) error {
	serverBell, err := duplicate(p.bell.FD(), "doorbell")
	if err != nil {
		return err
	}
	defer serverBell.Close()
	workerBell, err := duplicate(p.worker.FD(), "doorbell")
	if err != nil {
		return err
	}
	defer workerBell.Close()
	held, lifeline, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making the lifeline: %w", err)
	}
	defer held.Close()
	p.lifeline = lifeline

	files := []*os.File{p.link.File(), serverBell, workerBell, held, socket}
	if p.s.cells != nil {
		files = append(files, p.s.cells)
	}
	p.cmd, p.last = p.s.command(files)
	if err := p.s.mother.Start(p.cmd); err != nil {
		return fmt.Errorf("starting a worker: %w", err)
	}
	return nil
}

// serve serves the worker until it has ended, and buries it.
func (p *process) serve() {
	p.bell.Poll()
	ended := make(chan error, 1)
	go func() {
		err := p.cmd.Wait()
		p.bell.Close() // ends the pump; it cannot fail otherwise than by being closed
		ended <- err
	}()
	if p.lied = p.pump.Run(p.s.ctx); p.lied != nil {
		p.kill()
	}
	err := <-ended
	p.bury()
	p.report(err)
}

// kill ends the process at once. It may have ended already.
func (p *process) kill() {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.s.conf.Log.Error("cannot kill a worker", "front", front, "worker", p.told.PID, "error", err)
	}
}

// drain asks the worker to finish.
func (p *process) drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.buried {
		return
	}
	p.link.Drain()
	if err := p.worker.Ring(); err != nil {
		p.s.conf.Log.Error("cannot reach a worker", "front", front, "worker", p.told.PID, "error", err)
	}
}

// bury takes the last figures of a worker that has ended, and frees what it had.
func (p *process) bury() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	p.s.conf.Traffic.Open.Add(-p.told.Open)
	p.s.conf.Traffic.Workers.Add(-1)
	p.buried = true
	p.release()
}

// release closes what there is. Failures of closing have nothing to tell: all
// of it is memory and descriptors of this process alone.
func (p *process) release() {
	if p.lifeline != nil {
		_ = p.lifeline.Close()
	}
	if p.worker != nil {
		_ = p.worker.Close()
	}
	if p.bell != nil && !p.buried { // else closed when the worker ended
		_ = p.bell.Close()
	}
	if p.link != nil {
		_ = p.link.Close()
	}
}

// report says how the worker ended.
func (p *process) report(err error) {
	log := p.s.conf.Log.With("front", front, "worker", p.told.PID)
	if p.peer != "" {
		log = log.With("peer", p.peer)
	}
	switch {
	case p.lied != nil:
		log.Error("worker killed", "reason", p.lied)
	case err == nil:
		log.Debug("worker finished")
	case p.s.cutting():
		log.Warn("worker cut off, the drain took too long")
	default:
		log.Warn("worker died, its connections are lost", "error", err, "stderr", strings.TrimSpace(string(p.last.kept)))
	}
}

// figures returns what the worker tells about itself.
func (p *process) figures() Worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.buried {
		p.look()
	}
	return p.told
}

// look adds what is new in the worker's figures to the front's. The worker
// could write anything there: what should only grow is not let shrink, and what
// has a bound is kept within it.
func (p *process) look() {
	stats, traffic := p.link.Stats(), p.s.conf.Traffic
	if p.s.settings.Pool { // otherwise the server counts its connections itself
		open := min(max(stats.Open.Load(), 0), int64(p.s.conf.MaxConns))
		traffic.Open.Add(open - p.told.Open)
		p.told.Open = open
		grow(&p.told.Accepted, stats.Accepted.Load(), traffic.Accepted.Add)
		grow(&p.told.Refused, stats.Refused.Load(), traffic.Refused.Add)
	}
	grow(&p.told.Requests, stats.Requests.Load(), traffic.Requests.Add)
	grow(&p.told.Errors, stats.Errors.Load(), traffic.Errors.Add)
	grow(&p.told.BytesIn, stats.BytesIn.Load(), traffic.BytesIn.Add)
	grow(&p.told.BytesOut, stats.BytesOut.Load(), traffic.BytesOut.Add)
}

func grow(known *int64, now int64, add func(int64) int64) {
	if now > *known {
		add(now - *known)
		*known = now
	}
}
