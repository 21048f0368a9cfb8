package history

import "github.com/cuenta-server/cuenta"

// batches looks at the answers of each batch together.
func (c *checker) batches() {
	for id := 0; id < int(c.n); {
		o := c.h.At(id)
		n := c.h.batchAt(id)
		switch {
		case o.Batch == 0:
		case o.told(Whole):
			c.whole(uint32(id), uint32(id+n))
		default:
			c.unseen(uint32(id), uint32(id+n))
		}
		id += n
	}
}

// unseen leaves out what a Check refused without looking at it. A batch that
// begins with a Check is what the Check spans.
func (c *checker) unseen(first, end uint32) {
	checked := false
	for id := first; id < end; id++ {
		o := c.at(id)
		if head := c.at(first); id > first && checked && head.Op == cuenta.Check && head.Code == cuenta.Unmet && o.told(Answered) && o.Code == cuenta.OK {
			c.violated(c.name(o.Counter), "%o was carried out although the check before it was refused: %o", []uint32{id, first})
		}
		if checked && o.Code == cuenta.Unmet && !o.told(WithValue) {
			c.leaveOut(id)
		}
		checked = checked || o.Op == cuenta.Check && o.Code == cuenta.Unmet
	}
}

// whole checks the answers of one all-or-none batch, operations first to end.
func (c *checker) whole(first, end uint32) {
	done, refused, cause := end, end, end
	for id := first; id < end; id++ {
		switch o := c.at(id); {
		case !o.told(Answered) || o.Code.Fate() == cuenta.FateUnknown:
		case o.Code == cuenta.OK:
			done = id
		default:
			refused = id
			if !forItsSake(o.Code) {
				continue
			}
			if cause != end {
				c.violated("", "batch %d was to be carried out all or none, but two of it were refused for their own sake: %o and %o",
					[]uint32{cause, id}, o.Batch)
			}
			cause = id
			if c.sawItsOwn(first, id, o.Code) {
				c.leaveOut(id)
			}
		}
	}
	if done != end && refused != end {
		c.violated("", "batch %d was to be carried out all or none, but %o and %o", []uint32{done, refused}, c.at(first).Batch)
	}
}

// forItsSake reports whether an operation is refused so by what it found itself.
func forItsSake(code cuenta.Code) bool {
	switch code {
	case cuenta.Overflow, cuenta.Unmet, cuenta.Limited, cuenta.Past, cuenta.Throttled, cuenta.NoHold:
		return true
	}
	return false
}

// sawItsOwn reports whether an all-or-none batch refused an operation by what
// the batch itself had done before, which was then taken back: no chain has that
// state, so the refusal is left out.
func (c *checker) sawItsOwn(first, id uint32, code cuenta.Code) bool {
	refused := c.at(id)
	if code == cuenta.OK || !refused.told(Whole) {
		return false
	}
	for before := first; before < id; before++ {
		o := c.at(before)
		if o.changes() && (o.Counter == refused.Counter || c.isTotal(refused.Counter) && c.isBelow(o.Counter, refused.Counter)) {
			return true
		}
	}
	return false
}
