package sim

import "time"

// way is how long something is under way.
func (w *world) way() time.Duration {
	d := w.lasting(w.profile.near, w.profile.far)
	if !w.calm && w.percent(3) {
		d *= 20
	}
	return d
}

// copies is how many of a datagram arrive, each after a while of its own.
func (w *world) copies() int {
	switch {
	case w.calm:
		return 1
	case w.percent(w.profile.lost):
		w.met("network: datagram lost")
		return 0
	case w.percent(w.profile.doubled):
		w.met("network: datagram doubled")
		return 2
	}
	return 1
}

// link is a connection: bytes in both directions, in order, however they are cut
// into pieces. It can be cut, and then whatever is under way is lost.
type link struct {
	w        *world
	cut      bool
	toServer pipe
	toClient pipe
}

// pipe is one direction of a link.
type pipe struct {
	arrive func([]byte)
	closed func()        // its sender is gone
	last   time.Duration // when the last piece arrives
	ends   bool          // nothing that is sent arrives any more
}

// connect makes a link.
func (w *world) connect() *link { return &link{w: w} }

// send sends bytes down a pipe, in pieces.
func (l *link) send(p *pipe, data []byte) {
	if p.ends {
		return
	}
	if !l.w.calm && l.w.percent(l.w.profile.cutting) {
		n := l.w.IntN(len(data) + 1)
		l.pieces(p, data[:n])
		p.ends = true
		l.w.after(max(0, p.last-l.w.now)+l.w.way(), func() { l.sever("the network cuts it") })
		return
	}
	l.pieces(p, data)
}

func (l *link) pieces(p *pipe, data []byte) {
	for len(data) > 0 {
		n := len(data)
		if l.w.percent(20) {
			n = l.w.between(1, n)
		}
		piece := append([]byte(nil), data[:n]...)
		data = data[n:]
		p.last = max(p.last, l.w.now+l.w.way())
		l.w.after(p.last-l.w.now, func() {
			if !l.cut && p.arrive != nil {
				p.arrive(piece)
			}
		})
	}
}

// sever cuts a link: both ends hear of it, some time or not at all.
func (l *link) sever(why string) {
	if l.cut {
		return
	}
	l.cut = true
	l.w.met("network: connection cut: %s", why)
	for _, p := range []*pipe{&l.toServer, &l.toClient} {
		if p.closed != nil && (l.w.calm || l.w.percent(80)) {
			l.w.after(l.w.way(), p.closed)
		}
	}
}
