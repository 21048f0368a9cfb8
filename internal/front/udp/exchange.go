package udp

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

const (
	// maxDatagrams is how many datagrams are read at once.
	maxDatagrams = 256

	// maxDatagram is the largest datagram that is looked at: a command, and
	// room for a run of line ends behind it.
	maxDatagram = 2 * text.MaxLine

	// lastTurns bounds what a drain still answers, for datagrams may come faster
	// than they are answered.
	lastTurns = 64
)

// exchange is what one turn of the server works on: the datagrams of a batch
// and their answers. Its memory serves every turn.
type exchange struct {
	*Server
	socket  socket
	in, out []ipv4.Message
	pending []pending
	batch   cuenta.Batch
	decoder text.Decoder
	drops   drops
}

// pending is an answer that is due to a line, whose requests are the next of the
// batch.
type pending struct {
	to   net.Addr
	line text.Line
}

func (s *Server) newExchange(conn net.PacketConn) *exchange {
	x := &exchange{
		Server:  s,
		socket:  open(conn),
		in:      make([]ipv4.Message, maxDatagrams),
		out:     make([]ipv4.Message, maxDatagrams),
		pending: make([]pending, 0, maxDatagrams),
	}
	if err := countDrops(conn); err != nil {
		s.log.Warn("datagrams dropped by the system will not be counted", "front", cuenta.FrontUDP, "error", err)
	}
	x.batch.Origin.Front = cuenta.FrontUDP
	x.batch.Class = cuenta.ClassQueue
	x.batch.NoWait = true
	for i := range maxDatagrams {
		x.in[i].Buffers = [][]byte{make([]byte, maxDatagram)}
		x.in[i].OOB = make([]byte, controlSize)
		x.out[i].Buffers = [][]byte{make([]byte, 0, text.MaxAnswer)}
	}
	return x
}

// turn reads what has arrived, has it done, and answers. Its error is one of
// reading.
func (x *exchange) turn(flags int) error {
	n, err := x.socket.ReadBatch(x.in, flags)
	if n <= 0 {
		return err
	}
	x.decode(x.in[:n])
	if len(x.batch.Requests) > 0 {
		x.service.Do(x.ctx, &x.batch)
	}
	x.send(x.answers())
	return err
}

// conclude answers what the kernel holds when the server drains.
func (x *exchange) conclude() {
	if dontWait == wait {
		return
	}
	// It fails only when the socket is closed, and so will reading.
	_ = x.socket.SetReadDeadline(time.Time{})
	for range lastTurns {
		if x.turn(dontWait) != nil {
			return // there is no more
		}
	}
}

// decode makes a batch of datagrams into a batch of requests, and a list of
// the answers that are due.
func (x *exchange) decode(in []ipv4.Message) {
	x.pending, x.batch.Requests = x.pending[:0], x.batch.Requests[:0]
	x.decoder.Reset()
	var size, malformed int
	for i := range in {
		m := &in[i]
		size += m.N
		x.traffic.Dropped.Add(x.drops.since(m.OOB[:m.NN]))
		datagram := m.Buffers[0][:m.N]
		if !answerable(m.Addr) || bytes.HasPrefix(datagram, refusal) {
			x.traffic.Refused.Add(1)
			continue
		}
		line := text.Line{Verdict: text.TooLong}
		if m.N < maxDatagram { // one that fills the buffer may have been cut off
			line = x.decodeOne(datagram, m.Addr)
		}
		if line.Bad() {
			malformed++
		}
		x.pending = append(x.pending, pending{m.Addr, line})
	}
	x.traffic.BytesIn.Add(int64(size))
	x.traffic.Requests.Add(int64(len(x.pending)))
	x.traffic.Errors.Add(int64(malformed))
}

// decodeOne appends the requests of a datagram to the batch.
func (x *exchange) decodeOne(datagram []byte, from net.Addr) text.Line {
	before := len(x.batch.Requests)
	requests, line := x.decoder.Decode(text.TrimDatagram(datagram), x.batch.Requests)
	x.batch.Requests = requests
	if len(requests) > before && requests[before].Identity.Given() {
		requests[before].Client = clientAt(from)
	}
	return line
}

// refusal begins every error that a server sends.
var refusal = []byte("error ")

// answerable reports whether an answer to addr can reach one host, and would
// not reach many.
func answerable(addr net.Addr) bool {
	u, ok := addr.(*net.UDPAddr)
	if !ok {
		return addr != nil // an in-memory network
	}
	return u.Port != 0 && !u.IP.IsUnspecified() && !u.IP.IsMulticast() && !u.IP.Equal(net.IPv4bcast)
}

// clientAt returns the number of the host that has sent from addr.
func clientAt(addr net.Addr) uint32 {
	u, ok := addr.(*net.UDPAddr)
	if !ok {
		return 0 // an in-memory network
	}
	host, ok := netip.AddrFromSlice(u.IP)
	if !ok {
		return 0
	}
	return cuenta.ClientOf(host)
}

// answers writes the answers that are due, in their order.
func (x *exchange) answers() []ipv4.Message {
	var size, failed, done int
	for i, p := range x.pending {
		m := &x.out[i]
		results := x.batch.Results[done : done+p.line.Requests()]
		done += len(results)
		if len(results) > 0 && results[0].Code != cuenta.OK {
			failed++
		}
		answer := p.line.AppendAnswer(m.Buffers[0][:0], results)
		m.Buffers[0], m.Addr = answer, p.to
		size += len(answer)
	}
	x.traffic.BytesOut.Add(int64(size))
	x.traffic.Errors.Add(int64(failed))
	return x.out[:len(x.pending)]
}

// send sends the answers. One that cannot be sent is left out: its receiver is
// gone or unreachable, which is no concern of the others.
func (x *exchange) send(out []ipv4.Message) {
	for len(out) > 0 {
		n, err := x.socket.WriteBatch(out, 0)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil || n <= 0:
			x.log.Debug("cannot send an answer", "front", cuenta.FrontUDP, "peer", out[0].Addr, "error", err)
			n = 1
		}
		out = out[n:]
	}
}
