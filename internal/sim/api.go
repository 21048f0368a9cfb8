package sim

import (
	"encoding/binary"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
)

// The fourth way in stands for all that carry whole requests and whole answers:
// the API, net/rpc, the rings. A packet is a batch of the rings' messages, each
// with its length before it, and the answer their answers.

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
		if _, err := ring.ParseRequest(data[2:n], &r, new(cuenta.Terms)); err != nil || !ring.Sound(&r) {
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
			var m []byte
			if r := &b.Requests[i]; r.Op == cuenta.Describe {
				m = ring.AppendDescription(nil, uint32(i), &b.Results[i], r.Terms)
			} else {
				m = ring.AppendAnswer(nil, uint32(i), &b.Results[i])
			}
			out = append(binary.LittleEndian.AppendUint16(out, uint16(len(m))), m...)
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

// parseAnswers reads the answer to a packet; the terms are those of Describes.
func parseAnswers(data []byte) (results []cuenta.Result, terms []cuenta.Terms, ok bool) {
	for i := uint32(0); len(data) >= 2; i++ {
		n := int(binary.LittleEndian.Uint16(data)) + 2
		if n > len(data) {
			return nil, nil, false
		}
		var r cuenta.Result
		var t cuenta.Terms
		tag, err := ring.ParseDescription(data[2:n], &r, &t)
		if err != nil || tag != i {
			return nil, nil, false
		}
		results, terms, data = append(results, r), append(terms, t), data[n:]
	}
	return results, terms, len(data) == 0
}
