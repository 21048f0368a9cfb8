package journal

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
)

const (
	entryTerms = 10

	// In the mask that says which of the terms there are.
	maskFloor   = 1
	maskCeiling = 2
	maskEnd     = 4
	maskTotal   = 8

	// MaxTerms is the most bytes of an entry of a counter's terms. An end takes nine
	// at most, for it is not negative.
	MaxTerms = 1 + binary.MaxVarintLen32 + 1 + 4*binary.MaxVarintLen64 - 1
)

// Terms is what a counter has besides its value: limits, an end, what it is for.
type Terms struct {
	Floor, Ceiling cuenta.Bound
	Total          bool  // it is a declared total of those below it
	Expires        int64 // ledger time, nanoseconds since 1970, positive; 0: it has no end
}

// Empty reports whether there is nothing of it.
func (t *Terms) Empty() bool { return t.mask() == 0 }

// mask tells which of the terms there are.
func (t *Terms) mask() (mask byte) {
	if t.Floor.Set {
		mask |= maskFloor
	}
	if t.Ceiling.Set {
		mask |= maskCeiling
	}
	if t.Expires != 0 {
		mask |= maskEnd
	}
	if t.Total {
		mask |= maskTotal
	}
	return mask
}

// appendPlace appends where terms and holds belong: to a cell, and its revision.
func appendPlace(b []byte, cell uint32, revision uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(cell)), revision)
}

func readPlace(data []byte) (cell uint32, revision uint64, rest []byte, ok bool) {
	whole, n := binary.Uvarint(data)
	if n <= 0 || whole > math.MaxUint32 {
		return 0, 0, nil, false
	}
	revision, m := binary.Uvarint(data[n:])
	if m <= 0 {
		return 0, 0, nil, false
	}
	return uint32(whole), revision, data[n+m:], true
}

// append appends the terms of a cell at a revision, as entries and snapshots have them.
func (t *Terms) append(b []byte, cell uint32, revision uint64) []byte {
	b = append(appendPlace(b, cell, revision), t.mask())
	if t.Floor.Set {
		b = binary.AppendVarint(b, t.Floor.At)
	}
	if t.Ceiling.Set {
		b = binary.AppendVarint(b, t.Ceiling.At)
	}
	if t.Expires != 0 {
		b = binary.AppendUvarint(b, uint64(t.Expires))
	}
	return b
}

// readTerms reads what append has appended.
func readTerms(data []byte) (cell uint32, revision uint64, t Terms, rest []byte, ok bool) {
	cell, revision, data, ok = readPlace(data)
	if !ok || len(data) == 0 {
		return 0, 0, t, nil, false
	}
	mask := data[0]
	t.Floor, rest, ok = readBound(data[1:], mask&maskFloor != 0)
	if ok {
		t.Ceiling, rest, ok = readBound(rest, mask&maskCeiling != 0)
	}
	if ok && mask&maskEnd != 0 {
		end, n := binary.Uvarint(rest)
		if n <= 0 || end == 0 || end > math.MaxInt64 {
			return 0, 0, t, nil, false
		}
		t.Expires, rest = int64(end), rest[n:]
	}
	t.Total = mask&maskTotal != 0
	return cell, revision, t, rest, ok && mask <= maskFloor|maskCeiling|maskEnd|maskTotal
}

// readBound reads a limit, if there is one.
func readBound(data []byte, set bool) (b cuenta.Bound, rest []byte, ok bool) {
	if !set {
		return b, data, true
	}
	at, n := binary.Varint(data)
	if n <= 0 {
		return b, nil, false
	}
	return cuenta.Bound{Set: true, At: at}, data[n:], true
}

// Terms adds the terms that the cell's counter has from a revision on, in place of
// all that it had. It comes behind the Set or Open of that revision, in the same
// record. A Drop, and an Open, end a cell's terms without this.
func (r *Record) Terms(cell uint32, revision uint64, t Terms) {
	if t.Expires < 0 {
		// It could not be told from damage, and the log not be read again.
		panic("journal: a counter's end must be positive")
	}
	r.buf = t.append(append(r.buf, entryTerms), cell, revision)
}

// readTerms reads what is behind the type of an entry of terms.
func (e *entries) readTerms() (reason lang.Text) {
	var ok bool
	if e.cell, e.revision, e.terms, e.rest, ok = readTerms(e.rest); !ok {
		return brokenTerms
	}
	return sound
}

// putTerms hands over what a record says of a cell's terms.
func (r *replay) putTerms(s *segment, e *entries) error {
	switch {
	case r.seen.has(e.cell):
		return s.refused(r.into.Terms(e.cell, e.revision, e.terms))
	case !r.overlap:
		return s.damage(s.end, lang.Text{ES: "la celda %d tiene condiciones antes de abrirse", EN: "cell %d has terms before it is opened"}, e.cell)
	}
	return nil // the same as with its value: the drop is still to come
}

// PutTerms adds the terms that a cell's counter has, and its revision of now. Terms
// come behind the counters, in any order. The counter may have changed since it was
// put, and may be one that was not put, if it was made since.
func (s *Snapshot) PutTerms(cell uint32, revision uint64, t Terms) error {
	if err := s.begin(ofTerms); err != nil {
		return err
	}
	if t.Expires < 0 {
		return s.fail(fmt.Errorf("cell %d has the end %d", cell, t.Expires))
	}
	return s.added(t.append(s.block, cell, revision))
}

// readTerms hands over the terms of one block.
func (r *snapshotReader) readTerms(b []byte, at int64) error {
	rest := b[blockHead:]
	for range byteOrder.Uint32(b[12:]) {
		cell, revision, t, behind, ok := readTerms(rest)
		if !ok {
			return r.damage(at, brokenTerms)
		}
		rest = behind
		if !r.seen.has(cell) {
			continue // it was made after the walk had passed it: the log has it all
		}
		if err := r.into.Terms(cell, revision, t); err != nil {
			return r.refused(at, err)
		}
	}
	return r.behind(rest, at)
}
