package sim

import (
	"net/netip"
	"slices"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/resp"
	"github.com/cuenta-server/cuenta/internal/front/stream"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

// fronts are the ways into one life of the server. The protocols are the real
// ones; the loops around them are what the fronts' own loops do, in steps.
type fronts struct {
	life  *life
	tcp   loop
	resp  loop
	redis *resp.Protocol
	udp   exchange
	api   int // batches under way
}

func (f *fronts) open(l *life) {
	f.life = l
	f.tcp = loop{life: l, class: cuenta.ClassQueue}
	f.resp = loop{life: l, class: cuenta.ClassRemote}
	f.udp = exchange{life: l}
	f.redis = resp.New(resp.Config{Now: func() time.Time { return time.Unix(0, l.w.wall()) }})
}

func (f *fronts) busy() bool { return f.tcp.busy || f.resp.busy || f.udp.busy || f.api > 0 }

// hangUp cuts all connections, at the end of a life.
func (f *fronts) hangUp() {
	for _, loop := range []*loop{&f.tcp, &f.resp} {
		for _, c := range loop.conns {
			c.link.sever("the server is gone")
		}
	}
}

// host is the address of a client's machine.
func host(client int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(client + 1)}), 40000)
}

// accept takes in a connection of a client; false if nobody listens.
func (f *fronts) accept(k kind, client int, link *link) bool {
	l := f.life
	if l == nil || l.dead || l.draining {
		return false
	}
	to, talk := &f.tcp, stream.Conversation(&text.Session{Client: cuenta.ClientOf(host(client).Addr())})
	if k == byRESP {
		to, talk = &f.resp, f.redis.NewSession(host(client).String(), "10.0.1.1:6380")
	}
	c := &conn{link: link, talk: talk}
	to.conns = append(to.conns, c)
	link.toServer.arrive = func(data []byte) {
		c.in = append(c.in, data...)
		to.stir()
	}
	link.toServer.closed = func() { c.gone = true }
	return true
}

// loop serves all connections of a front, like the event loop: everything that is
// there makes one batch, and while that is under way the next one gathers.
type loop struct {
	life  *life
	class cuenta.Class
	conns []*conn
	busy  bool
	awake bool
}

// conn is the server's end of a connection.
type conn struct {
	link *link
	talk stream.Conversation
	in   []byte // arrived, not read yet
	gone bool
}

// turn is what one connection has in a batch.
type turn struct {
	c         *conn
	from, end int
}

func (f *loop) stir() {
	if !f.awake && !f.busy {
		f.awake = true
		f.life.after(f.round)
	}
}

// round reads, decodes, and has the batch carried out.
func (f *loop) round() {
	f.awake = false
	if f.busy || f.life.draining {
		return
	}
	f.conns = slices.DeleteFunc(f.conns, func(c *conn) bool { return c.gone })
	b := &batch{}
	b.Class = f.class
	var turns []turn
	limit := f.life.w.between(1, int(f.life.maxGroup()/200))
	for _, c := range f.conns {
		if !c.talk.Pending() && len(c.in) > 0 && !c.link.cut {
			n := copy(c.talk.Space(), c.in)
			c.talk.Filled(n)
			c.in = c.in[n:]
		}
		if !c.talk.Pending() {
			continue
		}
		from := len(b.Requests)
		c.talk.Decode(&b.Batch, max(limit, from))
		turns = append(turns, turn{c, from, len(b.Requests)})
	}
	if len(turns) == 0 {
		return
	}
	f.busy = true
	b.done = func() { f.answer(b, turns) }
	switch {
	case len(b.Requests) == 0:
		b.done()
	case f.class == cuenta.ClassQueue:
		f.life.enqueue(b)
	default:
		f.life.pass(b)
	}
}

// answer writes what is due.
func (f *loop) answer(b *batch, turns []turn) {
	f.busy = false
	for _, t := range turns {
		out := t.c.talk.AppendAnswers(nil, b.Results[t.from:t.end])
		if len(out) > 0 && !t.c.link.cut {
			t.c.link.send(&t.c.link.toClient, out)
		}
		if t.c.talk.Ended() {
			t.c.link.sever("its conversation is over")
		}
	}
	for _, c := range f.conns {
		if len(c.in) > 0 || c.talk.Pending() {
			f.stir()
			return
		}
	}
}

// exchange serves datagrams: all that have arrived make one batch, which is not
// made to wait for the queue.
type exchange struct {
	life    *life
	arrived []packet
	busy    bool
	awake   bool
}

// packet is a datagram, and where its answer goes.
type packet struct {
	client int
	data   []byte
	answer func([]byte)
}

func (x *exchange) take(p packet) {
	x.arrived = append(x.arrived, p)
	x.stir()
}

func (x *exchange) stir() {
	if !x.awake && !x.busy && len(x.arrived) > 0 {
		x.awake = true
		x.life.after(x.turn)
	}
}

func (x *exchange) turn() {
	x.awake = false
	if x.busy || x.life.draining {
		return
	}
	arrived := x.arrived
	x.arrived = nil
	b := &batch{}
	b.Class, b.NoWait = cuenta.ClassQueue, true
	var senders []packet
	for _, p := range arrived {
		var r cuenta.Request
		if v := text.Decode(text.TrimDatagram(p.data), &r); v != text.Command {
			p.answer([]byte(v.Answer()))
			continue
		}
		if r.Identity.Given() {
			r.Client = cuenta.ClientOf(host(p.client).Addr())
		}
		b.Requests = append(b.Requests, r)
		senders = append(senders, p)
	}
	if len(b.Requests) == 0 {
		return
	}
	x.busy = true
	b.done = func() {
		x.busy = false
		for i, p := range senders {
			p.answer(text.AppendAnswer(nil, &b.Results[i]))
		}
		x.stir()
	}
	x.life.enqueue(b)
}

// kind is a way to ask the server.
type kind uint8

const (
	byTCP kind = iota
	byUDP
	byRESP
	byAPI
	numKinds
)

func (k kind) String() string { return [...]string{"tcp", "udp", "resp", "api"}[k] }
