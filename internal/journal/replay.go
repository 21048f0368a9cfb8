package journal

import (
	"fmt"

	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// Sink receives the recovered state in order.
type Sink interface {
	// Put says that the cell holds the value. Name is not nil when the cell is
	// opened; it is borrowed. A revision below the one the cell has, through all
	// counters that lived in it, is to be ignored: it is older than the snapshot.
	Put(cell uint32, name []byte, value int64, revision uint64) error

	// Drop says that the cell's counter was deleted, at that revision. It may come
	// for a cell that was never opened, and is to be ignored like an old Put.
	Drop(cell uint32, revision uint64) error

	// Terms says which terms the cell's counter has at a revision, in place of all it
	// had; empty ones: none. It comes behind a Put of the cell, and is to be ignored if
	// that has a higher revision by now. Out of a snapshot it may be of a higher
	// revision than the cell's, whose Puts and Terms are then to come. A Put that makes
	// a counter, and a Drop, end the terms that there were, unless they are ignored.
	Terms(cell uint32, revision uint64, t Terms) error

	// Hold says that the cell's counter has a hold at a revision, in place of one of the
	// same id; Unhold that it has it no more, or never had: then there is nothing to do.
	// They come, are to be ignored, and may be ahead of their cell, just as Terms, and
	// what ends terms ends all holds. Until the log has passed the snapshot's end there
	// may be holds side by side that never were at one time: so more of them, and sums
	// larger, than a counter may have.
	Hold(cell uint32, revision uint64, h Hold) error
	Unhold(cell uint32, revision, id uint64) error

	// Floor tells the highest revision of the deletions before the snapshot.
	Floor(revision uint64)

	// Session says that a session was granted at a ledger time, or that it was last
	// used then and has forgotten all numbers below lowest, which is at least 1.
	Session(id, lowest uint64, used int64) error

	// Answer is one of a session that came before, and was last used at a ledger
	// time. It may come again, and it may be one that the session had forgotten
	// before the snapshot: then its number is below the Lowest of others.
	Answer(a Answer, used int64) error

	// Key is what became of the request with an idempotency key, which was first
	// used at a ledger time and is to be remembered until another; 0 if that
	// follows from the first use. It may come again. The key is borrowed.
	Key(key []byte, k Kept, used, until int64) error

	// Horizon tells the latest own time of a key that was forgotten before the
	// snapshot, see [Snapshot.Horizon].
	Horizon(time int64)
}

// Cut is the remainder of a group that was under way when the machine stopped.
type Cut struct {
	File   string
	Offset int64
	Bytes  int64
}

// replay is the reading of a data directory, from the snapshot to the last
// record. It changes nothing on disk.
type replay struct {
	into     Sink
	seen     cells
	sessions sessions // that were granted
	keys     uint64   // that were handed over

	snapshot   *snapshotReader // nil if there is none
	stamp                      // of the last record, or where the snapshot leaves off
	begin, end uint64          // the snapshot holds the effects through begin, and some through end
	segments   []segment       // in order
	tail       []byte          // the last record of the last segment that was written to
	records    int
	started    bool  // a record was read
	recorded   int64 // time of the last record; the snapshot's may be later
	overlap    bool  // the record being read may be older than the snapshot
}

// segment is what a segment was found to hold.
type segment struct {
	name   string // path
	number uint64
	size   int64
	end    int64 // behind the last record
	cut    int64 // bytes behind end up to the last that is not zero
	tail   int64 // where the last record begins

	records     int
	first, last uint64 // sequences; 0 if there are no records
	sealed      bool
	next        uint64 // in which segment the log goes on, if sealed
}

// empty reports that the segment was made but never written to.
func (s *segment) empty() bool { return s.records == 0 && s.cut == 0 }

func (s *segment) damage(offset int64, reason lang.Text, args ...any) error {
	return &DamageError{s.name, offset, reason.Fill(args...)}
}

// readSegment reads one more segment.
func (r *replay) readSegment(name string, number uint64, data []byte) error {
	h, err := readHead(data, name, segmentMagic)
	if err != nil {
		return err
	}
	s := segment{name: name, number: number, size: int64(len(data)), end: headSize, tail: headSize}
	switch {
	case r.history == 0:
		r.history = h.fields[0]
	case r.history != h.fields[0]:
		return s.damage(16, lang.Text{ES: "es de la historia %016x, y el directorio es de la %016x: viene de otro sitio", EN: "it belongs to history %016x, and the directory to %016x: it comes from elsewhere"},
			h.fields[0], r.history)
	}
	if h.fields[1] != number {
		return s.damage(24, lang.Text{ES: "es el segmento %d con el nombre del segmento %d", EN: "it is segment %d under the name of segment %d"}, h.fields[1], number)
	}
	if h.fields[2] != uint64(s.size) {
		return s.damage(32, lang.Text{ES: "tiene %d bytes y debería tener %d", EN: "it has %d bytes and should have %d"}, s.size, h.fields[2])
	}
	if n := len(r.segments); n > 0 && !r.segments[n-1].sealed && lastNonZero(data[headSize:]) > 0 {
		before := &r.segments[n-1]
		return before.damage(before.end, noSeal, number)
	}
	if err := r.readGroups(&s, data); err != nil {
		return err
	}
	if !s.empty() {
		r.tail = append(r.tail[:0], data[s.tail:s.end]...)
	}
	r.segments = append(r.segments, s)
	return nil
}

// readGroups reads the records of a segment up to its seal or to where the log ends.
func (r *replay) readGroups(s *segment, data []byte) error {
	for !s.sealed {
		g, ok := readGroup(data[s.end:])
		if !ok {
			return r.endOfLog(s, data[s.end:])
		}
		if err := r.join(s, &g); err != nil {
			return err
		}
		if err := r.apply(s, &g); err != nil {
			return err
		}
		if !s.sealed && s.end+g.size+sealSize > s.size {
			return s.damage(s.end, lang.Text{ES: "un registro no deja sitio para el sello", EN: "a record leaves no room for the seal"})
		}
		s.tail = s.end
		s.end += g.size
		s.records++
	}
	if n := lastNonZero(data[s.end:]); n != 0 {
		return s.damage(s.end+n-1, lang.Text{ES: "hay datos detrás del sello", EN: "there is data behind the seal"})
	}
	return nil
}

// endOfLog decides what it means that no record begins at s.end, where rest
// begins: nothing, a group that was under way, or damage.
func (r *replay) endOfLog(s *segment, rest []byte) error {
	if at := findGroup(rest, r.history, r.sequence); at >= 0 {
		return s.damage(s.end, damagedWithin, s.end+at)
	}
	s.cut = lastNonZero(rest)
	return nil
}

// join checks that a whole record follows the one before.
func (r *replay) join(s *segment, g *group) error {
	switch {
	case g.version != version:
		return &VersionError{s.name, g.version}
	case g.history != r.history:
		return s.damage(s.end, lang.Text{ES: "el registro es de la historia %016x, y el directorio es de la %016x", EN: "the record belongs to history %016x, and the directory to %016x"}, g.history, r.history)
	case g.epoch != 0:
		return s.damage(s.end, lang.Text{ES: "la época %d del registro no es 0", EN: "the record's epoch %d is not 0"}, g.epoch)
	case r.started && g.sequence != r.sequence+1:
		return s.damage(s.end, lang.Text{ES: "la secuencia %d sigue a la %d", EN: "sequence %d follows %d"}, g.sequence, r.sequence)
	case !r.started && (g.sequence == 0 || g.sequence > r.begin+1):
		return s.damage(s.end, lang.Text{ES: "el diario empieza en la secuencia %d, y hace falta la %d", EN: "the log begins with sequence %d, and %d is needed"}, g.sequence, r.begin+1)
	case r.started && g.time < r.recorded:
		return s.damage(s.end, lang.Text{ES: "la hora del registro es anterior a la del registro que lo precede", EN: "the record's time is before that of the one before"})
	}
	if s.first == 0 {
		s.first = g.sequence
	}
	s.last = g.sequence
	r.started = true
	r.sequence = g.sequence
	r.recorded = g.time
	r.time = max(r.time, g.time)
	r.overlap = g.sequence <= r.end
	r.records++
	return nil
}

// apply hands over the effects of a record, unless the snapshot has them all.
func (r *replay) apply(s *segment, g *group) error {
	old := g.sequence <= r.begin
	e := entries{rest: g.entries}
	for i := 0; len(e.rest) > 0; i++ {
		if reason := e.read(); reason != sound {
			return s.damage(s.end, reason)
		}
		if e.kind == entrySeal {
			if i > 0 || len(e.rest) > 0 {
				return s.damage(s.end, lang.Text{ES: "un sello no está solo en su registro", EN: "a seal is not alone in its record"})
			}
			if e.next != 0 && e.next != s.number+1 {
				return s.damage(s.end, lang.Text{ES: "el sello dice que el diario sigue en el segmento %d", EN: "the seal says that the log goes on in segment %d"}, e.next)
			}
			s.sealed, s.next = true, e.next
			continue
		}
		if old {
			continue
		}
		var err error
		switch e.kind {
		case entrySet, entryOpen, entryDrop:
			err = r.put(s, &e)
		case entryTerms:
			err = r.putTerms(s, &e)
		case entryHold, entryUnhold:
			err = r.putHold(s, &e)
		default:
			err = r.identify(s, &e, g.time)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// refused tells where the sink's error comes from.
func (s *segment) refused(err error) error {
	if err == nil {
		return nil
	}
	return &RefusedError{s.name, s.end, lang.Text{ES: "registro", EN: "record"}, err}
}

// put hands over what became of a cell.
func (r *replay) put(s *segment, e *entries) error {
	var err error
	switch seen := r.seen.has(e.cell); {
	case e.kind == entryDrop:
		r.seen.remove(e.cell)
		err = r.into.Drop(e.cell, e.revision)
	case e.kind == entrySet && !seen && r.overlap:
		// Its counter was deleted before the snapshot came to the cell; the drop
		// is still to come.
	case e.kind == entrySet && !seen:
		return s.damage(s.end, lang.Text{ES: "la celda %d recibe un valor antes de abrirse", EN: "cell %d is set before it is opened"}, e.cell)
	case e.kind == entryOpen && seen && !r.overlap:
		return s.damage(s.end, lang.Text{ES: "la celda %d se abre dos veces", EN: "cell %d is opened twice"}, e.cell)
	case e.kind == entryOpen && seen:
		// The snapshot has it, or a counter that came later.
		err = r.into.Put(e.cell, nil, e.value, e.revision)
	default:
		r.seen.add(e.cell)
		err = r.into.Put(e.cell, e.name, e.value, e.revision)
	}
	return s.refused(err)
}

// identify hands over what is to be remembered of a client.
func (r *replay) identify(s *segment, e *entries, used int64) error {
	var err error
	switch {
	case e.kind == entryKey:
		r.keys++
		err = r.into.Key(e.name, e.kept, used, 0)
	case e.kind == entrySession && !r.sessions.has(e.session):
		r.sessions.add(e.session)
		err = r.into.Session(e.session, 1, used)
	case e.kind == entrySession && !r.overlap:
		return s.damage(s.end, lang.Text{ES: "la sesión %016x se concede dos veces", EN: "session %016x is granted twice"}, e.session)
	case e.kind == entrySession:
		// The snapshot has it.
	case r.sessions.has(e.answer.Session):
		err = r.into.Answer(e.answer, used)
	case !r.overlap:
		return s.damage(s.end, lang.Text{ES: "la sesión %016x tiene una respuesta antes de concederse", EN: "session %016x has an answer before it is granted"}, e.answer.Session)
	default:
		// It ended before the snapshot came to it.
	}
	return s.refused(err)
}

// check checks that nothing is missing at the end.
func (r *replay) check() error {
	last := r.last()
	s := &r.segments[max(last, 0)]
	if r.end > r.sequence {
		return s.damage(s.end, lang.Text{
			ES: "el diario termina en la secuencia %d, y la instantánea se escribió hasta la %d: faltan segmentos posteriores",
			EN: "the log ends with sequence %d, and the snapshot was written through %d: later segments are missing",
		}, r.sequence, r.end)
	}
	if s.next != 0 && last+1 == len(r.segments) {
		return s.damage(s.end, lang.Text{ES: "el diario sigue en el segmento %d, y ese fichero falta", EN: "the log goes on in segment %d, and that file is missing"}, s.next)
	}
	return nil
}

// last returns the index of the last segment that was written to, or -1.
func (r *replay) last() int {
	for i := len(r.segments) - 1; i >= 0; i-- {
		if !r.segments[i].empty() {
			return i
		}
	}
	return -1
}

// readAll returns the bytes of a segment, in the memory of buf if it is large enough.
func readAll(fs disk.FS, name string, buf []byte) ([]byte, error) {
	f, err := fs.OpenRead(name)
	if err != nil {
		return nil, fmt.Errorf("journal: cannot read %s: %w", name, err)
	}
	defer f.Close() // nothing was written
	size, err := f.Size()
	if err != nil {
		return nil, fmt.Errorf("journal: cannot read %s: %w", name, err)
	}
	if size > maxSegment {
		return nil, &DamageError{name, 0, tooLarge.Fill(size)}
	}
	if int64(cap(buf)) < size {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	if n, err := f.ReadAt(buf, 0); int64(n) < size {
		return nil, fmt.Errorf("journal: cannot read %s at offset %d: %w", name, n, err)
	}
	return buf, nil
}
