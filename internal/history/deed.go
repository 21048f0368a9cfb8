package history

import "github.com/cuenta-server/cuenta"

// deed is what tells classes apart. The operations of batches are all apart.
type deed struct {
	op, cond uint8
	n        int64
	batch    uint32
	terms    Terms
	charged  bool
	only     uint32 // who gives the counter an end stands for nobody else
}

// clamped is the op in the deed of what changes a value by nobody knows how much.
const clamped = 255

func (w *walker) deedOf(o *Op, id uint32) deed {
	d := deed{op: uint8(o.Op), cond: uint8(o.If), n: amount(o), batch: o.Batch, charged: o.told(Charged)}
	if o.Extra != 0 {
		if d.terms = w.c.extra(o).Terms; w.c.setsEnd(o) || ofHold(o.Op) {
			d.only = id + 1
		}
	}
	return d
}

// sort is what deeds are looked for by.
func (d deed) sort() deed {
	s := deed{op: d.op, cond: d.cond, n: d.n}
	if ofHold(cuenta.Op(d.op)) && cuenta.Op(d.op) != cuenta.Settle {
		s.n = 0 // it leaves the value as it is
	}
	if d.terms.Clamp {
		s.op, s.n = clamped, 0
	}
	return s
}
