package journal

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta/internal/disk"
)

// Check reads a whole data directory, writes to w what it found, and returns an
// error if it is damaged. Beyond what a start checks it looks at every name and
// key, at the revisions, the terms and the holds, and that no number of a session is answered
// twice. It changes nothing, and refuses a directory in use.
func Check(fs disk.FS, dir string, w io.Writer) error {
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
	_, err = c.check(w)
	return err
}

// check looks at everything, writes to w what it found, and returns it.
func (c *contents) check(w io.Writer) (*replay, error) {
	a := &auditor{revisions: map[uint32]*[pageSize]uint64{}, sessions: map[uint64]answered{}, holds: map[uint32]map[uint64]struct{}{}}
	r := &replay{into: a}
	a.replay = r
	err := c.read(r)
	if werr := c.report(a, w); err == nil {
		err = werr
	}
	if err == nil {
		_, err = fmt.Fprintln(w, "no damage found")
	}
	return r, err
}

// report writes what was read, as far as it was.
func (c *contents) report(a *auditor, w io.Writer) error {
	r, p := a.replay, printer{w: w}
	if len(c.snapshots) == 0 && len(c.segments) == 0 && !c.unfinished {
		p.line("%s: empty, a new log would begin", c.dir)
	}
	if r.snapshot != nil {
		n := &r.snapshot.foot.counts
		p.line("%s: %s, %d sessions, %d keys, taken at %s, needs the log from sequence %d on and was written through %d",
			snapshotName(r.begin), counters(n[ofCounters], n[ofTerms], n[ofHolds]), n[ofSessions], n[ofKeys], date(r.snapshot.head.time), r.begin+1, r.end)
	}
	for i := range r.segments {
		p.segment(&r.segments[i])
	}
	for _, name := range c.unneeded {
		p.line("%s: not needed, the next start removes it", name)
	}
	if len(r.segments) > 0 || r.snapshot != nil {
		p.line("%s, %d sessions, %d keys, %d records, last sequence %d at %s, history %016x",
			counters(r.seen.n, a.terms.n, a.held()), len(r.sessions), r.keys, r.records, r.sequence, date(r.time), r.history)
	}
	return p.err
}

// counters tells how many there are, how many of them have terms, and how many holds
// there are on them, if any.
func counters(n, terms, holds uint64) string {
	text := fmt.Sprintf("%d counters", n)
	var of []string
	if terms > 0 {
		of = append(of, fmt.Sprintf("%d with limits or an end", terms))
	}
	if holds > 0 {
		of = append(of, fmt.Sprintf("%d holds", holds))
	}
	if of == nil {
		return text
	}
	return text + " (" + strings.Join(of, ", ") + ")"
}

// printer writes lines until one fails.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) segment(s *segment) {
	name := filepath.Base(s.name)
	if s.empty() {
		p.line("%s: made ahead, empty", name)
		return
	}
	end := "in use when the server stopped, not sealed"
	switch {
	case s.sealed && s.next == 0:
		end = "sealed by a clean stop"
	case s.sealed:
		end = fmt.Sprintf("sealed, goes on in %s", segmentName(s.next))
	}
	p.line("%s: %d records, sequences %d to %d, %d of %d bytes, %s",
		name, s.records, s.first, s.last, s.end, s.size, end)
	if s.cut > 0 {
		p.line("%s: %d bytes from offset %d on belong to a group that was never finished; the next start cuts them off",
			name, s.cut, s.end)
	}
}

func date(nanoseconds int64) string {
	return time.Unix(0, nanoseconds).UTC().Format(time.RFC3339)
}
