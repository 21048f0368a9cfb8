package journal

import (
	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
)

const pageSize = 4096

// auditor is the sink that looks at what it gets.
type auditor struct {
	replay    *replay
	revisions map[uint32]*[pageSize]uint64 // by cell/pageSize
	sessions  map[uint64]answered
	terms     cells // whose counters have some
	holds     map[uint32]map[uint64]struct{}
}

func (a *auditor) Floor(uint64) {}

func (a *auditor) Put(cell uint32, name []byte, value int64, revision uint64) error {
	if name != nil && !cuenta.ValidName(name) {
		return lang.Text{ES: "la celda %d tiene el nombre %q, que no es válido", EN: "cell %d has the name %q, which is not valid"}.Fill(cell, name)
	}
	return a.revision(cell, revision)
}

func (a *auditor) Drop(cell uint32, revision uint64) error {
	if revision > *a.last(cell) {
		a.terms.remove(cell)
		delete(a.holds, cell)
	}
	return a.revision(cell, revision)
}

// Terms checks that terms are those of the revision that the cell has.
func (a *auditor) Terms(cell uint32, revision uint64, t Terms) error {
	if t.Floor.Set && t.Ceiling.Set && t.Floor.At > t.Ceiling.At {
		return lang.Text{ES: "la celda %d tiene un mínimo de %d por encima de su máximo de %d", EN: "cell %d has a floor of %d above its ceiling of %d"}.Fill(cell, t.Floor.At, t.Ceiling.At)
	}
	old, err := a.old(cell, revision, lang.Text{ES: "condiciones", EN: "terms"})
	switch {
	case old || err != nil:
		return err
	case t.Empty():
		a.terms.remove(cell)
	default:
		a.terms.add(cell)
	}
	return nil
}

// Hold checks that a hold is of the revision that the cell has, as Terms does, and
// was not made later.
func (a *auditor) Hold(cell uint32, revision uint64, h Hold) error {
	if h.ID > revision {
		return lang.Text{ES: "la celda %d tiene la reserva %d en la revisión %d, antes de que se hiciera", EN: "cell %d has the hold %d at revision %d, before it was made"}.Fill(cell, h.ID, revision)
	}
	if old, err := a.old(cell, revision, lang.Text{ES: "una reserva", EN: "a hold"}); old || err != nil {
		return err
	}
	if a.holds[cell] == nil {
		a.holds[cell] = map[uint64]struct{}{}
	}
	a.holds[cell][h.ID] = struct{}{}
	return nil
}

// held returns how many holds there are.
func (a *auditor) held() (n uint64) {
	for _, holds := range a.holds {
		n += uint64(len(holds))
	}
	return n
}

// Unhold checks that the hold is there. One that ended before the snapshot came to it
// is not.
func (a *auditor) Unhold(cell uint32, revision, id uint64) error {
	if old, err := a.old(cell, revision, lang.Text{ES: "el final de una reserva", EN: "the end of a hold"}); old || err != nil {
		return err
	}
	holds := a.holds[cell]
	if _, ok := holds[id]; !ok && !a.replay.overlap {
		return lang.Text{ES: "la celda %d ya no tiene la reserva %d, y nunca la tuvo", EN: "cell %d has the hold %d no more, and never had it"}.Fill(cell, id)
	}
	if delete(holds, id); len(holds) == 0 {
		delete(a.holds, cell)
	}
	return nil
}

// old reports whether what a cell's counter is said to have is to be ignored, for it
// is of an earlier revision than the cell's. What comes out of a snapshot may be of a
// later one, and what comes again of an earlier one.
func (a *auditor) old(cell uint32, revision uint64, what lang.Text) (bool, error) {
	switch last := *a.last(cell); {
	case revision < last && a.replay.overlap:
		return true, nil
	case revision < last, revision > last && a.replay.started:
		return false, lang.Text{ES: "la celda %d tiene %s de la revisión %d, y está en la revisión %d", EN: "cell %d has %s of revision %d, and is at revision %d"}.Fill(cell, what, revision, last)
	}
	return false, nil
}

func (a *auditor) Horizon(int64) {}

func (a *auditor) Session(id, lowest uint64, _ int64) error {
	if id == 0 {
		return lang.Text{ES: "una sesión tiene el número 0", EN: "a session has the number 0"}
	}
	a.sessions[id] = answered{lowest: lowest}
	return nil
}

func (a *auditor) Answer(x Answer, _ int64) error {
	s := a.sessions[x.Session]
	switch {
	case x.Lowest < s.lowest && !a.replay.overlap:
		return lang.Text{ES: "la sesión %016x recuerda los números desde el %d, y antes los recordaba desde el %d", EN: "session %016x remembers numbers from %d on, and from %d on before"}.Fill(x.Session, x.Lowest, s.lowest)
	case x.Number < s.lowest:
		return nil // the snapshot is newer
	}
	s.raise(x.Lowest)
	if x.Number-s.lowest >= cuenta.SessionWindow {
		return lang.Text{ES: "la sesión %016x tiene una respuesta al número %d, y recuerda los números desde el %d", EN: "session %016x has an answer to number %d, and remembers numbers from %d on"}.Fill(x.Session, x.Number, s.lowest)
	}
	if s.add(x.Number) && !a.replay.overlap {
		return lang.Text{ES: "la sesión %016x tiene dos respuestas al número %d", EN: "session %016x has two answers to number %d"}.Fill(x.Session, x.Number)
	}
	a.sessions[x.Session] = s
	return code(x.Code)
}

func (a *auditor) Key(key []byte, k Kept, _, _ int64) error {
	if !cuenta.ValidKey(key) {
		return lang.Text{ES: "la clave de idempotencia %q no es válida", EN: "the idempotency key %q is not valid"}.Fill(key)
	}
	return code(k.Code)
}

// code checks an answer's code.
func code(c cuenta.Code) error {
	if c >= cuenta.NumCodes {
		return lang.Text{ES: "una respuesta tiene el código %d, que no significa nada", EN: "an answer has the code %d, which means nothing"}.Fill(c)
	}
	return nil
}

// answered is which of a session's numbers have an answer that it remembers.
type answered struct {
	lowest uint64
	bits   [cuenta.SessionWindow / 64]uint64 // of the numbers from lowest on, by number modulo their count
}

func (s *answered) bit(number uint64) (word *uint64, bit uint64) {
	number %= cuenta.SessionWindow
	return &s.bits[number/64], 1 << (number % 64)
}

// raise forgets the numbers below one.
func (s *answered) raise(lowest uint64) {
	if lowest <= s.lowest {
		return
	}
	for n := range min(lowest-s.lowest, cuenta.SessionWindow) {
		word, bit := s.bit(s.lowest + n)
		*word &^= bit
	}
	s.lowest = lowest
}

// add adds a number and reports whether it was there.
func (s *answered) add(number uint64) bool {
	word, bit := s.bit(number)
	there := *word&bit != 0
	*word |= bit
	return there
}

// last returns where the last revision of a cell is kept.
func (a *auditor) last(cell uint32) *uint64 {
	page := a.revisions[cell/pageSize]
	if page == nil {
		page = new([pageSize]uint64)
		a.revisions[cell/pageSize] = page
	}
	return &page[cell%pageSize]
}

// revision checks that revisions grow, through all counters of a cell.
func (a *auditor) revision(cell uint32, revision uint64) error {
	last := a.last(cell)
	switch {
	case revision > *last:
		*last = revision
	case !a.replay.overlap:
		return lang.Text{ES: "la celda %d tiene la revisión %d detrás de la %d", EN: "cell %d has revision %d behind %d"}.Fill(cell, revision, *last)
	}
	return nil
}
