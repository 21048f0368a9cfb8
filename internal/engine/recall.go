package engine

import (
	"crypto/rand"
	"encoding/binary"

	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/ledger"
	"github.com/cuenta-server/cuenta/internal/terms"
)

// drawSession draws the id of a session.
func drawSession() uint64 {
	var b [8]byte
	rand.Read(b[:]) // it never fails
	return binary.LittleEndian.Uint64(b[:])
}

func journalTerms(of terms.Terms) journal.Terms {
	return journal.Terms{Floor: of.Floor, Ceiling: of.Ceiling, Total: of.Total, Expires: of.Ends}
}

// Sink returns what gives the journal's state back to a ledger.
func Sink(l *ledger.Ledger) journal.Sink { return sink{l} }

type sink struct{ *ledger.Ledger }

func (s sink) Drop(cell uint32, revision uint64) error { return s.RestoreDrop(cell, revision) }

func (s sink) Floor(revision uint64) { s.RestoreFloor(revision) }

func (s sink) Put(cell uint32, name []byte, value int64, revision uint64) error {
	return s.Restore(cell, name, value, revision)
}

func (s sink) Terms(cell uint32, revision uint64, t journal.Terms) error {
	return s.RestoreTerms(cell, revision, terms.Terms{Floor: t.Floor, Ceiling: t.Ceiling, Total: t.Total, Ends: t.Expires})
}

func (s sink) Hold(cell uint32, revision uint64, h journal.Hold) error {
	return s.RestoreHold(cell, revision, h.ID, h.Amount, h.Ends)
}

func (s sink) Unhold(cell uint32, revision, id uint64) error {
	return s.RestoreUnhold(cell, revision, id)
}

func (s sink) Session(id, lowest uint64, used int64) error {
	return s.Identities().RestoreSession(id, lowest, used)
}

func (s sink) Answer(a journal.Answer, used int64) error {
	return s.Identities().RestoreAnswer(a.Session, a.Number, a.Lowest, identity.Answer(a.Kept), used)
}

func (s sink) Key(key []byte, k journal.Kept, used, until int64) error {
	return s.Identities().RestoreKey(key, identity.Answer(k), used, until)
}

func (s sink) Horizon(time int64) { s.Identities().RestoreHorizon(time) }
