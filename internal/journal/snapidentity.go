package journal

import (
	"encoding/binary"
	"fmt"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// maxSessionState is the most bytes of a session in a snapshot. A key takes less.
const maxSessionState = 8 + 8 + binary.MaxVarintLen64 + 1 + cuenta.SessionWindow*(1+maxKept)

// SessionState is a session as a snapshot has it.
type SessionState struct {
	ID     uint64 // not 0
	Used   int64  // ledger time of its last use
	Lowest uint64 // the lowest number that is still remembered, from 1

	// Answers are those to numbers from Lowest on, all within
	// [cuenta.SessionWindow]. Their Session and Lowest need not be set: they are
	// those above.
	Answers []Answer
}

// check returns what a snapshot could not give back.
func (state *SessionState) check() (reason lang.Text) {
	if state.ID == 0 || state.Lowest == 0 || len(state.Answers) > cuenta.SessionWindow {
		return lang.Text{ES: "la sesión %016x tiene el número mínimo %d y %d respuestas", EN: "session %016x has the lowest number %d and %d answers"}.Fill(state.ID, state.Lowest, len(state.Answers))
	}
	for i := range state.Answers {
		if n := state.Answers[i].Number; n < state.Lowest || n-state.Lowest >= cuenta.SessionWindow {
			return lang.Text{ES: "la sesión %016x guarda una respuesta al número %d y tiene el número mínimo %d", EN: "session %016x keeps an answer to number %d and has the lowest number %d"}.Fill(state.ID, n, state.Lowest)
		}
		if code := state.Answers[i].Code; code >= withAmount {
			return lang.Text{ES: "la sesión %016x guarda una respuesta con el código %d", EN: "session %016x keeps an answer with the code %d"}.Fill(state.ID, code)
		}
	}
	return sound
}

func (state *SessionState) append(b []byte) []byte {
	b = byteOrder.AppendUint64(b, state.ID)
	b = byteOrder.AppendUint64(b, uint64(state.Used))
	b = binary.AppendUvarint(b, state.Lowest)
	b = append(b, byte(len(state.Answers)))
	for i := range state.Answers {
		a := &state.Answers[i]
		b = append(b, byte(a.Number-state.Lowest))
		b = a.Kept.append(b)
	}
	return b
}

// read reads the session at the beginning of data, and returns what is behind it.
func (state *SessionState) read(data []byte) (rest []byte, ok bool) {
	if len(data) < 16 {
		return nil, false
	}
	state.ID, state.Used = byteOrder.Uint64(data), int64(byteOrder.Uint64(data[8:]))
	data = data[16:]
	lowest, n := binary.Uvarint(data)
	if n <= 0 || n == len(data) {
		return nil, false
	}
	count := data[n]
	data = data[n+1:]
	state.Lowest, state.Answers = lowest, state.Answers[:0]
	for range count {
		if len(data) == 0 {
			return nil, false
		}
		a := Answer{Session: state.ID, Number: lowest + uint64(data[0]), Lowest: lowest}
		k, behind, ok := readKept(data[1:])
		if !ok {
			return nil, false
		}
		a.Kept = k
		state.Answers, data = append(state.Answers, a), behind
	}
	return data, true
}

// PutSession adds a session. Sessions come behind the holds, in any order. The
// state's answers are borrowed.
func (s *Snapshot) PutSession(state SessionState) error {
	if err := s.begin(ofSessions); err != nil {
		return err
	}
	if reason := state.check(); reason != sound {
		return s.fail(reason)
	}
	return s.added(state.append(s.block))
}

// PutKey adds an idempotency key with the times of its first use and until which
// it is remembered. Keys come behind the sessions, in any order.
func (s *Snapshot) PutKey(key []byte, k Kept, used, until int64) error {
	if err := s.begin(ofKeys); err != nil {
		return err
	}
	if len(key) == 0 || len(key) > cuenta.MaxKey || k.Code >= withAmount {
		return s.fail(fmt.Errorf("an idempotency key has %d bytes, and its answer the code %d", len(key), k.Code))
	}
	b := append(s.block, byte(len(key)))
	b = append(b, key...)
	b = k.append(b)
	b = binary.AppendVarint(b, used)
	return s.added(binary.AppendVarint(b, until-used))
}

// Horizon sets the latest own time of a key that was forgotten, as it is behind
// the last PutKey or later: a key that was forgotten before the walk came to it is
// not in the snapshot, so the horizon must be beyond it.
func (s *Snapshot) Horizon(time int64) { s.foot.horizon = time }

// readSessions hands over the sessions of one block.
func (r *snapshotReader) readSessions(b []byte, at int64) error {
	rest, ok := b[blockHead:], true
	for range byteOrder.Uint32(b[12:]) {
		s := &r.session
		if rest, ok = s.read(rest); !ok {
			return r.damage(at, lang.Text{ES: "una sesión está incompleta o mal formada", EN: "a session is incomplete or malformed"})
		}
		if reason := s.check(); reason != sound {
			return r.damage(at, reason)
		}
		r.sessions.add(s.ID)
		err := r.into.Session(s.ID, s.Lowest, s.Used)
		for i := 0; err == nil && i < len(s.Answers); i++ {
			err = r.into.Answer(s.Answers[i], s.Used)
		}
		if err != nil {
			return r.refused(at, err)
		}
	}
	return r.behind(rest, at)
}

// readKeys hands over the keys of one block.
func (r *snapshotReader) readKeys(b []byte, at int64) error {
	rest := b[blockHead:]
	for range byteOrder.Uint32(b[12:]) {
		key, data := readName(rest)
		k, data, ok := readKept(data)
		used, n := binary.Varint(data)
		remembered, m := binary.Varint(data[max(n, 0):])
		if key == nil || len(key) > cuenta.MaxKey || !ok || n <= 0 || m <= 0 {
			return r.damage(at, lang.Text{ES: "una clave de idempotencia está incompleta, mal formada o es demasiado larga", EN: "an idempotency key is incomplete, malformed or too long"})
		}
		if err := r.into.Key(key, k, used, used+remembered); err != nil {
			return r.refused(at, err)
		}
		rest = data[n+m:]
	}
	return r.behind(rest, at)
}
