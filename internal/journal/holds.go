package journal

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/cuenta-server/cuenta/internal/lang"
)

const (
	entryHold   = 11
	entryUnhold = 12

	// MaxHold and MaxUnhold are the most bytes of the entries of those names. An end
	// takes nine at most, for it is not negative.
	MaxHold   = MaxUnhold + 2*binary.MaxVarintLen64 - 1
	MaxUnhold = 1 + binary.MaxVarintLen32 + 2*binary.MaxVarintLen64
)

// Hold is a hold on a counter: an amount that is kept for someone until an end.
type Hold struct {
	ID     uint64 // the counter's revision that made it, not 0
	Amount int64  // not 0
	Ends   int64  // ledger time, nanoseconds since 1970, positive: every hold has an end
}

func (h *Hold) valid() bool { return h.ID != 0 && h.Amount != 0 && h.Ends > 0 }

// append appends a hold on a cell's counter at a revision, as entries and snapshots
// have it.
func (h *Hold) append(b []byte, cell uint32, revision uint64) []byte {
	b = appendPlace(b, cell, revision)
	b = binary.AppendUvarint(b, h.ID)
	b = binary.AppendVarint(b, h.Amount)
	return binary.AppendUvarint(b, uint64(h.Ends))
}

// read reads what append has appended behind the place.
func (h *Hold) read(data []byte) (rest []byte, ok bool) {
	if data, ok = h.readID(data); !ok {
		return nil, false
	}
	amount, n := binary.Varint(data)
	if n <= 0 {
		return nil, false
	}
	end, m := binary.Uvarint(data[n:])
	if m <= 0 || end > math.MaxInt64 {
		return nil, false
	}
	h.Amount, h.Ends = amount, int64(end)
	return data[n+m:], h.valid()
}

func (h *Hold) readID(data []byte) (rest []byte, ok bool) {
	id, n := binary.Uvarint(data)
	if n <= 0 || id == 0 {
		return nil, false
	}
	h.ID = id
	return data[n:], true
}

// Hold adds that the cell's counter has a hold from a revision on, in place of one of
// the same id. It comes behind the Set or Open of that revision, in the same record;
// the hold may have been made at an earlier one, of the same record or before. A Drop,
// and an Open, end all holds without an Unhold.
func (r *Record) Hold(cell uint32, revision uint64, h Hold) {
	if !h.valid() {
		// It could not be told from damage, and the log not be read again.
		panic("journal: a hold needs an id, an amount and an end")
	}
	r.buf = h.append(append(r.buf, entryHold), cell, revision)
}

// Unhold adds that the cell's counter has a hold no more. It comes where its Hold
// would, and only if the log has that: of a hold that was made and ended between two
// records, neither need be written.
func (r *Record) Unhold(cell uint32, revision, id uint64) {
	if id == 0 {
		panic("journal: a hold needs an id")
	}
	r.buf = appendPlace(append(r.buf, entryUnhold), cell, revision)
	r.buf = binary.AppendUvarint(r.buf, id)
}

// readHold reads what is behind the type of a hold's entry.
func (e *entries) readHold() (reason lang.Text) {
	var ok bool
	if e.cell, e.revision, e.rest, ok = readPlace(e.rest); ok {
		read := e.hold.read
		if e.kind == entryUnhold {
			read = e.hold.readID
		}
		e.rest, ok = read(e.rest)
	}
	if !ok {
		return brokenHold
	}
	return sound
}

// putHold hands over what a record says of a hold.
func (r *replay) putHold(s *segment, e *entries) error {
	switch {
	case !r.seen.has(e.cell) && r.overlap:
		return nil // the same as with its value: the drop is still to come
	case !r.seen.has(e.cell):
		return s.damage(s.end, lang.Text{ES: "la celda %d tiene una reserva antes de abrirse", EN: "cell %d has a hold before it is opened"}, e.cell)
	case e.kind == entryHold:
		return s.refused(r.into.Hold(e.cell, e.revision, e.hold))
	}
	return s.refused(r.into.Unhold(e.cell, e.revision, e.hold.ID))
}

// PutHold adds a hold that a cell's counter has, and the counter's revision of now.
// Holds come behind the terms, in any order. The counter may have changed since it
// was put, and may be one that was not put, if it was made since.
func (s *Snapshot) PutHold(cell uint32, revision uint64, h Hold) error {
	if err := s.begin(ofHolds); err != nil {
		return err
	}
	if !h.valid() {
		return s.fail(fmt.Errorf("cell %d has the hold %+v", cell, h))
	}
	return s.added(h.append(s.block, cell, revision))
}

// readHolds hands over the holds of one block.
func (r *snapshotReader) readHolds(b []byte, at int64) error {
	rest := b[blockHead:]
	for range byteOrder.Uint32(b[12:]) {
		var h Hold
		cell, revision, behind, ok := readPlace(rest)
		if ok {
			rest, ok = h.read(behind)
		}
		if !ok {
			return r.damage(at, brokenHold)
		}
		if !r.seen.has(cell) {
			continue // it was made after the walk had passed it: the log has it all
		}
		if err := r.into.Hold(cell, revision, h); err != nil {
			return r.refused(at, err)
		}
	}
	return r.behind(rest, at)
}
