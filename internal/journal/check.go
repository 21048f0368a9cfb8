package journal

import (
	"path/filepath"
	"time"

	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// Check reads a whole data directory, tells line by line what it found, and returns an
// error if it is damaged. Beyond what a start checks it looks at every name and
// key, at the revisions, the terms and the holds, and that no number of a session is answered
// twice. It changes nothing, and refuses a directory in use.
func Check(fs disk.FS, dir string, tell lang.Teller) error {
	c, err := readDir(fs, dir)
	if err != nil {
		return err
	}
	if c.locked {
		lock, err := lockDir(fs, dir)
		if err != nil {
			return err
		}
		defer lock.Close() // nothing was written
	}
	_, err = c.check(tell)
	return err
}

// check looks at everything, tells what it found, and returns it.
func (c *contents) check(tell lang.Teller) (*replay, error) {
	a := &auditor{revisions: map[uint32]*[pageSize]uint64{}, sessions: map[uint64]answered{}, holds: map[uint32]map[uint64]struct{}{}}
	r := &replay{into: a}
	a.replay = r
	err := c.read(r)
	if terr := c.report(a, tell); err == nil {
		err = terr
	}
	if err == nil {
		err = tell(lang.Text{ES: "no se encontró ningún daño", EN: "no damage found"})
	}
	return r, err
}

// unheard is a report that nobody reads.
func unheard(lang.Text) error { return nil }

// report tells what was read, as far as it was.
func (c *contents) report(a *auditor, tell lang.Teller) error {
	r, p := a.replay, lines{tell: tell}
	if len(c.snapshots) == 0 && len(c.segments) == 0 && !c.unfinished {
		p.line(lang.Text{ES: "%s: vacío; empezaría un diario nuevo", EN: "%s: empty, a new log would begin"}, c.dir)
	}
	if r.snapshot != nil {
		n := &r.snapshot.foot.counts
		p.line(lang.Text{
			ES: "%s: %s, %s, %s, tomada el %s; necesita el diario desde la secuencia %d y se escribió hasta la %d",
			EN: "%s: %s, %s, %s, taken at %s, needs the log from sequence %d on and was written through %d",
		}, snapshotName(r.begin), counters(n[ofCounters], n[ofTerms], n[ofHolds]), sessionCount(n[ofSessions]), keyCount(n[ofKeys]),
			date(r.snapshot.head.time), r.begin+1, r.end)
	}
	for i := range r.segments {
		p.segment(&r.segments[i])
	}
	for _, name := range c.unneeded {
		p.line(lang.Text{ES: "%s: no hace falta; el próximo arranque lo borra", EN: "%s: not needed, the next start removes it"}, name)
	}
	if len(r.segments) > 0 || r.snapshot != nil {
		p.line(lang.Text{ES: "%s, %s, %s, %s, historia %016x", EN: "%s, %s, %s, %s, history %016x"},
			counters(r.seen.n, a.terms.n, a.held()), sessionCount(uint64(len(r.sessions))), keyCount(r.keys), written(r), r.history)
	}
	return p.err
}

// counters tells how many there are, how many of them have terms, and how many holds
// there are on them, if any.
func counters(n, terms, holds uint64) lang.Text {
	text := lang.Count(n, lang.Text{ES: "%d contador", EN: "%d counter"}, lang.Text{ES: "%d contadores", EN: "%d counters"})
	limited := lang.Text{ES: "%d con límites o final", EN: "%d with limits or an end"}.Fill(terms)
	held := lang.Count(holds, lang.Text{ES: "%d reserva", EN: "%d hold"}, lang.Text{ES: "%d reservas", EN: "%d holds"})
	of := held
	switch {
	case terms == 0 && holds == 0:
		return text
	case holds == 0:
		of = limited
	case terms > 0:
		of = lang.Text{ES: "%s, %s", EN: "%s, %s"}.Fill(limited, held)
	}
	return lang.Text{ES: "%s (%s)", EN: "%s (%s)"}.Fill(text, of)
}

func sessionCount(n uint64) lang.Text {
	return lang.Count(n, lang.Text{ES: "%d sesión", EN: "%d session"}, lang.Text{ES: "%d sesiones", EN: "%d sessions"})
}

func keyCount(n uint64) lang.Text {
	return lang.Count(n, lang.Text{ES: "%d clave", EN: "%d key"}, lang.Text{ES: "%d claves", EN: "%d keys"})
}

func recordCount(n uint64) lang.Text {
	return lang.Count(n, lang.Text{ES: "%d registro", EN: "%d record"}, lang.Text{ES: "%d registros", EN: "%d records"})
}

// written tells how many records were read and which is the last one, if there is one.
func written(r *replay) lang.Text {
	if r.sequence == 0 {
		return recordCount(uint64(r.records))
	}
	return lang.Text{ES: "%s, última secuencia %d del %s", EN: "%s, last sequence %d at %s"}.Fill(recordCount(uint64(r.records)), r.sequence, date(r.time))
}

// lines tells lines until one fails.
type lines struct {
	tell lang.Teller
	err  error
}

func (p *lines) line(text lang.Text, args ...any) {
	if p.err == nil {
		p.err = p.tell(text.Fill(args...))
	}
}

func (p *lines) segment(s *segment) {
	name := filepath.Base(s.name)
	if s.empty() {
		p.line(lang.Text{ES: "%s: preparado, vacío", EN: "%s: made ahead, empty"}, name)
		return
	}
	end := lang.Text{ES: "en uso cuando el servidor se detuvo, sin sellar", EN: "in use when the server stopped, not sealed"}
	switch {
	case s.sealed && s.next == 0:
		end = lang.Text{ES: "sellado por una parada limpia", EN: "sealed by a clean stop"}
	case s.sealed:
		end = lang.Text{ES: "sellado, sigue en %s", EN: "sealed, goes on in %s"}.Fill(segmentName(s.next))
	}
	p.line(lang.Text{ES: "%s: %s, %d de %d bytes, %s", EN: "%s: %s, %d of %d bytes, %s"}, name, recordsOf(s), s.end, s.size, end)
	if s.cut > 0 {
		p.line(lang.Text{
			ES: "%s: %d bytes desde la posición %d son de un grupo que no se terminó; el próximo arranque los quita",
			EN: "%s: %d bytes from offset %d on belong to a group that was never finished; the next start cuts them off",
		}, name, s.cut, s.end)
	}
}

// recordsOf tells which records a segment has.
func recordsOf(s *segment) lang.Text {
	switch s.records {
	case 0:
		return lang.Text{ES: "ningún registro entero", EN: "no whole record"}
	case 1:
		return lang.Text{ES: "1 registro, secuencia %d", EN: "1 record, sequence %d"}.Fill(s.first)
	}
	return lang.Text{ES: "%d registros, secuencias %d a %d", EN: "%d records, sequences %d to %d"}.Fill(s.records, s.first, s.last)
}

func date(nanoseconds int64) string {
	return time.Unix(0, nanoseconds).UTC().Format(time.RFC3339)
}
