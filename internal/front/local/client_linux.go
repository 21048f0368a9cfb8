package local

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/pump"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
)

// The sizes of a link. The ring of requests has room for the largest batch there
// is, so that each is published, and taken, in one piece; that of answers for one
// to each message in flight.
const (
	inFlight     = cuenta.MaxBatch
	requestsSize = 2 << 20
	answersSize  = 512 << 10
)

// client is a program as the server holds it, from its connection to its end.
type client struct {
	s    *Server
	conn *net.UnixConn
	pump pump.Pump
	link *shm.Link
	pid  int32
}

// stop has the client served to its end, from any goroutine.
func (c *client) stop() {
	c.pump.Stop()
	// Ends the greeting, or the wait for requests. It fails if the connection is
	// closed, and then there is nothing to end.
	_ = c.conn.SetReadDeadline(time.Unix(1, 0))
}

// serve greets the program and, unless there is a reason to refuse it, serves
// its link.
func (c *client) serve(refusal cuenta.Code) {
	defer c.s.strike(c)
	defer c.conn.Close() // nothing can be lost: what counts is on the rings
	log, traffic := c.s.conf.Log.With("front", front), c.s.conf.Traffic
	if err := c.greet(refusal); err != nil {
		traffic.Refused.Add(1)
		log.Info("program refused", "pid", c.pid, "reason", err)
		return
	}
	defer c.link.Close() // memory of this process alone
	traffic.Accepted.Add(1)
	traffic.Open.Add(1)
	defer traffic.Open.Add(-1)
	log.Info("new program", "pid", c.pid)
	if err := c.pump.Run(c.s.ctx); err != nil {
		log.Error("program cut off", "pid", c.pid, "reason", err)
		return
	}
	log.Debug("program finished", "pid", c.pid)
}

// greet exchanges the greetings; it fails if there is to be no link. The
// connection has no deadline afterwards, except what stop has set.
func (c *client) greet(refusal cuenta.Code) error {
	if err := c.conn.SetDeadline(time.Now().Add(c.s.conf.GreetingTimeout)); err != nil {
		return err
	}
	mayCome, err := c.identify()
	if err != nil {
		return err
	}
	var greeting [ring.GreetingSize]byte
	if _, err := io.ReadFull(c.conn, greeting[:]); err != nil {
		return fmt.Errorf("no greeting: %w", err)
	}
	code := ring.ParseGreeting(greeting[:])
	if code == cuenta.Syntax {
		return fmt.Errorf("what it says is no greeting")
	}
	switch {
	case !mayCome:
		code = cuenta.Forbidden
	case code == cuenta.OK:
		code = refusal
	}
	if code == cuenta.OK {
		return c.handOver()
	}
	if _, err := c.conn.Write(ring.AppendWelcome(nil, ring.Welcome{Code: code})); err != nil {
		return err
	}
	return code.Err()
}

// identify asks the kernel who is connected, and tells whether it may be.
func (c *client) identify() (mayCome bool, err error) {
	raw, err := c.conn.SyscallConn()
	if err != nil {
		return false, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return false, err
	}
	if credErr != nil {
		return false, fmt.Errorf("asking who is connected: %w", credErr)
	}
	c.pid = cred.Pid
	return welcome(cred.Uid, uint32(os.Geteuid())), nil
}

// welcome reports whether a program of a user may have rings of the server of
// another.
func welcome(user, own uint32) bool { return user == own || user == 0 }

// handOver makes the link and sends it.
func (c *client) handOver() (err error) {
	if c.link, err = shm.CreateLink("cuenta-program", requestsSize, answersSize); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			c.link.Close() // memory of this process alone
		}
	}()
	if err := c.preparePump(); err != nil {
		return err
	}
	descriptors := []int{int(c.link.File().Fd())}
	if c.s.cells != nil {
		descriptors = append(descriptors, int(c.s.cells.Fd()))
	}
	word := ring.AppendWelcome(nil, ring.Welcome{InFlight: inFlight, Cells: c.s.cells != nil})
	if _, _, err := c.conn.WriteMsgUnix(word, unix.UnixRights(descriptors...), nil); err != nil {
		return fmt.Errorf("handing over the rings: %w", err)
	}
	// Stop sets its own deadline after it has told the pump, which therefore
	// knows, if that deadline was before this.
	return c.conn.SetDeadline(time.Time{})
}

func (c *client) preparePump() error {
	bell, err := shm.NewSocketBell(c.conn, c.link.ServerAsleep(), c.link.WorkerAsleep())
	if err != nil {
		return err
	}
	p := &c.pump
	if p.Requests, err = shm.NewConsumer(c.link.RequestRing()); err != nil {
		return err
	}
	if p.Answers, err = shm.NewProducer(c.link.AnswerRing()); err != nil {
		return err
	}
	p.Service = c.s.conf.Service
	p.Origin = cuenta.Origin{Front: front, Peer: fmt.Sprintf("pid %d", c.pid)}
	p.Wait, p.Ring = bell.Wait, bell.Ring
	p.InFlight, p.Foreign, p.Client = inFlight, true, clientOf(c.pid)
	p.Done = c.count
	return nil
}

// clientOf stands for a program as [cuenta.ClientOf] does for a host: its number
// in a network of which no packet ever comes (RFC 6666). On one machine it is
// programs that must not take each other's share.
func clientOf(pid int32) uint32 {
	address := [16]byte{0: 1}
	binary.BigEndian.PutUint32(address[12:], uint32(pid))
	return cuenta.ClientOf(netip.AddrFrom16(address))
}

// count adds what was answered to the front's traffic.
func (c *client) count(results []cuenta.Result, received, sent int) {
	failed := 0
	for i := range results {
		if results[i].Code != cuenta.OK {
			failed++
		}
	}
	t := c.s.conf.Traffic
	t.Requests.Add(int64(len(results)))
	t.Errors.Add(int64(failed))
	t.BytesIn.Add(int64(received))
	t.BytesOut.Add(int64(sent))
}
