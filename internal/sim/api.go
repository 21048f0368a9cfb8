package sim

import (
	"encoding/binary"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
)

// The fourth way in stands for all that carry whole requests and whole answers:
// the API, net/rpc, the rings. A packet is a batch of the rings' messages, each
// with its length before it, and the answer one of theirs.

func appendBatch(dst []byte, requests []cuenta.Request) []byte {
	for i := range requests {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(ring.RequestSize(&requests[i])))
		dst = ring.AppendRequest(dst, uint32(i), &requests[i])
	}
	return dst
}

// parseBatch reads a packet; false if it is none.
func parseBatch(data []byte) (requests []cuenta.Request, ok bool) {
	for len(data) >= 2 {
		n := int(binary.LittleEndian.Uint16(data)) + 2
		if n > len(data) {
			return nil, false
		}
		var r cuenta.Request
		if _, err := ring.ParseRequest(data[2:n], &r); err != nil || !ring.Sound(&r) {
			return nil, false
		}
		requests, data = append(requests, r), data[n:]
	}
	return requests, len(data) == 0
}

// serve carries a packet out.
func (f *fronts) serve(p packet) {
	l := f.life
	requests, ok := parseBatch(p.data)
	if !ok {
		l.w.judge.complain("a packet arrived spoilt: %x", p.data)
		return
	}
	b := &batch{}
	b.Requests = requests
	for i := range b.Requests {
		b.Requests[i].Client = cuenta.ClientOf(host(p.client).Addr())
	}
	f.api++
	b.done = func() {
		f.api--
		var out []byte
		for i := range b.Results {
			out = ring.AppendAnswer(out, uint32(i), &b.Results[i])
		}
		p.answer(out)
	}
	switch b.Class = cuenta.Class(l.w.IntN(int(cuenta.NumClasses))); {
	case l.draining:
		l.refuseBatch(b, cuenta.Stopping)
	case b.Class == cuenta.ClassQueue:
		l.enqueue(b)
	default:
		l.pass(b)
	}
}

// parseAnswers reads the answer to a packet.
func parseAnswers(data []byte) (results []cuenta.Result, ok bool) {
	for i := uint32(0); len(data) >= ring.AnswerSize; i++ {
		var r cuenta.Result
		tag, err := ring.ParseAnswer(data[:ring.AnswerSize], &r)
		if err != nil || tag != i {
			return nil, false
		}
		results, data = append(results, r), data[ring.AnswerSize:]
	}
	return results, len(data) == 0
}
