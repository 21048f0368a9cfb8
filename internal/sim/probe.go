package sim

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/cuenta-server/cuenta/internal/engine"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/ledger"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// probe starts a server twice on copies of the disk, aside from the world: on the
// disk as it is, and with one bit flipped. The second must find the same, or refuse
// to start and name the file. What it may also do is to take the last group of an
// unsealed log for one that was never finished, and say that it has cut it off.
func (w *world) probe() {
	whole, _, err := w.attempt(w.disk.copied())
	if err != nil {
		return // it will not start in the world either, and that is judged there
	}
	rotten := w.disk.copied()
	name, at, ok := rotten.flip(w.dice)
	if !ok {
		return
	}
	found, rec, err := w.attempt(rotten)
	where := fmt.Sprintf("%s, a bit flipped at offset %d", path.Base(name), at)
	if err != nil {
		w.met("flipped bit: refused")
		w.note("probe", "%s: %v", where, err)
		damage, isDamage := errors.AsType[*journal.DamageError](err)
		version, isVersion := errors.AsType[*journal.VersionError](err)
		if isDamage && damage.File != name && !misplaced(damage.File, name) || isVersion && version.File != name || !isDamage && !isVersion {
			w.judge.complain("%s: the start was refused with %v", where, err)
		}
		return
	}
	switch same := slices.Equal(found, whole); {
	case same:
		w.met("flipped bit: the same was found")
	case rec.Cut != nil && rec.Cut.File == name && rec.Cut.Offset <= at:
		w.met("flipped bit: the last group was cut")
	default:
		w.judge.complain("%s: found %v, and there was %v", where, found, whole)
	}
	w.note("probe", "%s: starts, cut %v", where, rec.Cut)
}

// misplaced reports whether damage in one segment may show in another: that a
// segment's end is damaged is found where the log goes on.
func misplaced(found, flipped string) bool {
	return kindOf(found) == kindOf(flipped) && kindOf(found) == "segment"
}

// attempt starts a server on a disk and returns what it finds, in words.
func (w *world) attempt(s *storage) (found []string, rec journal.Recovery, err error) {
	cells, err := shm.Create("probed-cells", int(w.profile.limit)*shm.CellSize)
	if err != nil {
		return nil, rec, err
	}
	defer func() { w.check(cells.Close()) }()
	l, err := ledger.New(shm.NewCells(cells), w.profile.limit, w.profile.identities)
	if err != nil {
		return nil, rec, err
	}
	defer func() { w.check(l.Close()) }()
	options := journal.Options{SegmentSize: w.profile.segment, ByHand: true, Draw: func() uint64 { return 1 }}
	j, rec, err := journal.Open(&mount{storage: s}, dataDir, engine.Sink(l), options)
	if err != nil {
		return nil, rec, err
	}
	if err := errors.Join(l.Restored(0), j.Close()); err != nil {
		return nil, rec, err
	}
	return contents(l), rec, nil
}

// contents tells all that a ledger holds.
func contents(l *ledger.Ledger) []string {
	all := []string{fmt.Sprintf("floor %d, horizon %d", l.Floor(), l.Identities().Horizon())}
	for _, c := range countersOf(l) {
		all = append(all, fmt.Sprintf("%s=%d at %d", c.Name, c.Value, c.Revision))
	}
	for item := range l.Terms().Records() {
		if cell, t, ok := l.Terms().Record(item); ok {
			all = append(all, fmt.Sprintf("%s has %+v", l.Name(cell), t))
		}
	}
	m := l.Identities()
	for item := range m.Sessions() {
		id, lowest, used, answers := m.Session(item, []identity.NumberedAnswer(nil))
		all = append(all, fmt.Sprintf("session %x from %d, used %d: %v", id, lowest, used, answers))
	}
	for item := range m.Keys() {
		name, answer, until := m.Key(item)
		all = append(all, fmt.Sprintf("key %s until %d: %v", name, until, answer))
	}
	return all
}
