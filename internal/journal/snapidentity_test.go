package journal

import (
	"encoding/binary"
	"errors"
	"math"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

func TestIdentitiesInSnapshot(t *testing.T) {
	mem := disktest.New()
	j, _, _ := mustOpen(t, mem)
	s, err := j.BeginSnapshot(0, 0, 0, 99)
	must(t, err)
	top := uint64(math.MaxUint64)
	answers := []Answer{ // in no order
		{top, top, top - 127, Kept{math.MaxUint32, 127, math.MinInt64, top, math.MinInt64}},
		{top, top - 127, top - 127, Kept{1, 2, 3, 4, 5}},
		{top, top - 5, top - 127, Kept{0, 0, math.MaxInt64, 0, 0}},
	}
	must(t, s.Put(3, []byte("c"), 1, 1))
	must(t, s.PutSession(SessionState{ID: 1, Used: 77, Lowest: 1}))
	must(t, s.PutSession(SessionState{ID: 2, Used: -1, Lowest: 500})) // all forgotten
	must(t, s.PutSession(SessionState{top, 88, top - 127, answers}))
	must(t, s.PutKey([]byte("a"), Kept{1, 2, 3, 4, 0}, 10, 20))
	must(t, s.PutKey([]byte(longKey), Kept{}, math.MinInt64, math.MaxInt64))
	must(t, s.PutKey([]byte("b"), Kept{1, 2, -3, 4, -5}, 0, 1<<60))
	s.Horizon(-123456)
	must(t, s.Commit(0))
	rec := tells(t, mem,
		toldSession{1, 1, 77}, toldSession{2, 500, -1}, toldSession{top, top - 127, 88},
		toldAnswer{answers[0], 88}, toldAnswer{answers[1], 88}, toldAnswer{answers[2], 88},
		toldKey{"a", Kept{1, 2, 3, 4, 0}, 10, 20},
		toldKey{longKey, Kept{}, math.MinInt64, math.MaxInt64},
		toldKey{"b", Kept{1, 2, -3, 4, -5}, 0, 1 << 60},
		toldHorizon(-123456))
	if rec.Sessions != 3 || rec.Keys != 3 || rec.Counters != 1 {
		t.Errorf("%+v", rec)
	}
	must(t, j.Close())
}

// There may be no counters, or nothing but keys.
func TestSnapshotOfOneKind(t *testing.T) {
	for name, put := range map[string]func(*Snapshot) error{
		"nothing":  func(s *Snapshot) error { return nil },
		"sessions": func(s *Snapshot) error { return s.PutSession(SessionState{ID: 1, Lowest: 1}) },
		"keys":     func(s *Snapshot) error { return s.PutKey([]byte("k"), Kept{}, 0, 1) },
	} {
		mem := disktest.New()
		j, _, _ := mustOpen(t, mem)
		s, err := j.BeginSnapshot(0, 0, 0, 0)
		must(t, err)
		must(t, put(s))
		must(t, s.Commit(0))
		must(t, j.Close())
		if err := Check(mem, dir, unheard); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Identities of many blocks, with the boundary at every place.
func TestManyIdentities(t *testing.T) {
	mem := disktest.New()
	j, _, _ := mustOpen(t, mem)
	b := newBook()
	rnd := rng(21)
	var r Record
	r.Reset(1)
	for n := range 25_000 {
		id := sessionID(n + 1)
		b.sessions[id] = session{used: rnd.Int64(), lowest: 1 + rnd.Uint64N(200)}
		if n%100 == 0 {
			r.Reset(1)
		}
		b.answer(&r, rnd, id)
		b.keys[strings.Repeat("k", n%110)+string(binary.AppendUvarint(nil, id))] = key{kept(rnd), rnd.Int64(), rnd.Int64()}
	}
	must(t, b.snapshot(j, 1))
	name := path.Join(dir, snapshotName(0))
	data := load(t, mem, name)
	for _, magic := range blockMagics[ofSessions:ofEnd] {
		if n := strings.Count(string(data), magic); n < 3 {
			t.Errorf("%d blocks of %s", n, magic)
		}
	}
	got := newBook()
	rp := &replay{into: got}
	must(t, rp.readSnapshot(mem, name, 0))
	for id, s := range b.sessions { // a snapshot tells no more than its answers do
		if state := b.state(id); len(state.Answers) > 0 {
			s.highest = state.Answers[len(state.Answers)-1].Number
		}
		b.sessions[id] = s
	}
	if !got.equal(b) || rp.keys != 25_000 || len(rp.sessions) != 25_000 {
		t.Errorf("%d sessions, %d keys", len(rp.sessions), rp.keys)
	}
	must(t, j.Close())
}

func TestSnapshotRefusesIdentities(t *testing.T) {
	numbers := func(n ...uint64) (answers []Answer) {
		for _, n := range n {
			answers = append(answers, Answer{Number: n})
		}
		return answers
	}
	session := func(s SessionState) func(*Snapshot) error {
		return func(to *Snapshot) error { return to.PutSession(s) }
	}
	one := SessionState{ID: 1, Lowest: 1}
	tests := map[string]func(*Snapshot) error{
		"no id":           session(SessionState{Lowest: 1}),
		"no lowest":       session(SessionState{ID: 1}),
		"below lowest":    session(SessionState{ID: 1, Lowest: 5, Answers: numbers(5, 4)}),
		"out of window":   session(SessionState{ID: 1, Lowest: 5, Answers: numbers(5, 133)}),
		"too many":        session(SessionState{ID: 1, Lowest: 1, Answers: numbers(slices.Repeat([]uint64{1}, 129)...)}),
		"session's code":  session(SessionState{ID: 1, Lowest: 1, Answers: []Answer{{Number: 1, Kept: Kept{Code: 128}}}}),
		"key's code":      func(s *Snapshot) error { return s.PutKey([]byte("k"), Kept{Code: 128}, 0, 0) },
		"no key":          func(s *Snapshot) error { return s.PutKey(nil, Kept{}, 0, 0) },
		"long key":        func(s *Snapshot) error { return s.PutKey([]byte(longKey+"k"), Kept{}, 0, 0) },
		"end before 1970": func(s *Snapshot) error { return s.PutTerms(1, 1, Terms{Expires: -1}) },
		"terms too late": func(s *Snapshot) error {
			must(t, s.PutSession(one))
			return s.PutTerms(1, 1, Terms{})
		},
		"hold without an id":  func(s *Snapshot) error { return s.PutHold(1, 1, Hold{0, 1, 1}) },
		"hold of nothing":     func(s *Snapshot) error { return s.PutHold(1, 1, Hold{1, 0, 1}) },
		"hold without an end": func(s *Snapshot) error { return s.PutHold(1, 1, Hold{1, 1, 0}) },
		"holds too late": func(s *Snapshot) error {
			must(t, s.PutSession(SessionState{ID: 1, Lowest: 1}))
			return s.PutHold(1, 1, Hold{1, 1, 1})
		},
		"terms behind holds": func(s *Snapshot) error {
			must(t, s.PutHold(1, 1, Hold{1, 1, 1}))
			return s.PutTerms(1, 1, Terms{})
		},
		"counter behind terms": func(s *Snapshot) error {
			must(t, s.PutTerms(1, 1, Terms{}))
			return s.Put(1, []byte("a"), 1, 1)
		},
		"counter too late": func(s *Snapshot) error {
			must(t, s.PutSession(one))
			return s.Put(1, []byte("a"), 1, 1)
		},
		"session too late": func(s *Snapshot) error {
			must(t, s.PutKey([]byte("k"), Kept{}, 0, 0))
			return s.PutSession(one)
		},
	}
	mem := disktest.New()
	j, _, _ := mustOpen(t, mem)
	for name, put := range tests {
		s, err := j.BeginSnapshot(0, 0, 0, 0)
		must(t, err)
		if err := put(s); err == nil {
			t.Errorf("%s: the snapshot took it", name)
		}
		if err := s.PutSession(one); err == nil {
			t.Errorf("%s: the snapshot went on", name)
		}
		if err := s.Commit(0); err == nil {
			t.Errorf("%s: the snapshot counts", name)
		}
	}
	must(t, j.Close())
}

// Blocks of one kind stand together, in their order.
func TestBlocksOutOfOrder(t *testing.T) {
	mem := disktest.New()
	j, _, _ := mustOpen(t, mem)
	s, err := j.BeginSnapshot(0, 0, 0, 0)
	must(t, err)
	must(t, s.Put(1, []byte("a"), 1, 1))
	must(t, s.PutSession(SessionState{ID: 1, Lowest: 1}))
	must(t, s.Commit(0))
	must(t, j.Close())
	name := path.Join(dir, snapshotName(0))
	data := load(t, mem, name)
	first := blockHead + int(byteOrder.Uint32(data[headSize+4:]))
	second := blockHead + int(byteOrder.Uint32(data[headSize+first+4:]))
	counters, sessions := data[headSize:headSize+first], data[headSize+first:headSize+first+second]
	patch(t, mem, name, headSize, slices.Concat(sessions, counters)...)
	var damage *DamageError
	if _, _, _, err := read(mem); !errors.As(err, &damage) || damage.Offset != int64(headSize+second) {
		t.Errorf("%v", err)
	}
}

// What no snapshot can have been made to hold is damage, though checksums fit.
func TestSnapshotThatCannotBe(t *testing.T) {
	mem := disktest.New()
	j, _, _ := mustOpen(t, mem)
	s, err := j.BeginSnapshot(0, 0, 0, 0)
	must(t, err)
	must(t, s.PutSession(SessionState{ID: 1, Lowest: 1, Answers: []Answer{{Number: 1}}}))
	must(t, s.PutKey(make([]byte, 100), Kept{}, 0, 0))
	must(t, s.Commit(0))
	must(t, j.Close())
	name := path.Join(dir, snapshotName(0))
	data := load(t, mem, name)
	const session = headSize + blockHead
	const keys = session + 16 + 2 + 1 + 4 + 1 + 2
	const key, foot = keys + blockHead, keys + blockHead + 101 + 4 + 1 + 2 + 2
	if string(data[keys:keys+4]) != "CKEY" || string(data[foot:foot+4]) != "CEND" {
		t.Fatalf("%q", data)
	}
	tests := []struct {
		off     int
		to      byte
		at      int // the block
		message string
	}{
		{session, 0, headSize, "session 0000000000000000 has"},
		{session + 16, 0, headSize, "has the lowest number 0"},
		{session + 17, 0, headSize, "more than it says"},
		{session + 17, 2, headSize, "a session is incomplete"},
		{session + 18, 128, headSize, "keeps an answer to number 129"},
		{session - 4, 0, headSize, "more than it says"},
		{session - 4, 2, headSize, "a session is incomplete"},
		{key, 0, keys, "an idempotency key is incomplete, malformed or too long"},
		{key, 102, keys, "an idempotency key is incomplete, malformed or too long"},
		{key - 4, 0, keys, "more than it says"},
		{key - 4, 2, keys, "an idempotency key is incomplete, malformed or too long"},
		{foot + 24, 3, foot, "in 2 blocks, and should be [0 0 0 1 1] in 3"},
		{foot + 32, 1, foot, "in 2 blocks, and should be [1 0 0 1 1] in 2"},
		{foot + 40, 7, foot, "in 2 blocks, and should be [0 7 0 1 1] in 2"},
		{foot + 48, 8, foot, "should be [0 0 8 1 1]"},
		{foot + 56, 0, foot, "should be [0 0 0 0 1]"},
		{foot + 64, 9, foot, "should be [0 0 0 1 9]"},
	}
	for _, tt := range tests {
		changed := slices.Clone(data)
		changed[tt.off] = tt.to
		must(t, disktest.WriteFile(mem, name, mendSnapshot(changed)))
		var damage *DamageError
		if _, _, _, err := read(mem); !errors.As(err, &damage) || damage.Offset != int64(tt.at) ||
			!strings.Contains(damage.Reason.EN, tt.message) {
			t.Errorf("byte %d made %d: %v", tt.off, tt.to, err)
		}
	}
	must(t, disktest.WriteFile(mem, name, data))
	if _, _, _, err := read(mem); err != nil {
		t.Error(err)
	}
}

func TestSnapshotWithLongKey(t *testing.T) {
	mem := disktest.New()
	j, _, _ := mustOpen(t, mem)
	s, err := j.BeginSnapshot(0, 0, 0, 0)
	must(t, err)
	must(t, s.begin(ofKeys))
	must(t, s.added(append(s.block, append([]byte{129}, make([]byte, 129+4+1+2+2)...)...)))
	must(t, s.Commit(0))
	must(t, j.Close())
	var damage *DamageError
	if _, _, _, err := read(mem); !errors.As(err, &damage) || damage.Reason.EN != "an idempotency key is incomplete, malformed or too long" {
		t.Errorf("%v", err)
	}
}

// A snapshot may hold identities from behind where it begins, which come again from
// the log, and lack some that ended before it came to them.
func TestSnapshotWhileIdentitiesChange(t *testing.T) {
	mem := disktest.New()
	j, _, _ := mustOpen(t, mem)
	now := int64(0)
	group := func(put func(*Record)) {
		var r Record
		now++
		r.Reset(now)
		put(&r)
		must(t, j.Append(&r))
	}
	answer := func(session, number, lowest uint64) Answer {
		return Answer{session, number, lowest, Kept{1, 0, int64(number), number, 0}}
	}
	add := func(r *Record, session, number, lowest uint64) {
		a := answer(session, number, lowest)
		r.Answer(a.Session, a.Number, a.Lowest, &a.Kept)
	}
	group(func(r *Record) { r.Session(1); r.Session(2) })
	group(func(r *Record) { add(r, 1, 1, 1); add(r, 2, 1, 1) })
	s, err := j.BeginSnapshot(j.Sequence(), 0, 0, 9)
	must(t, err)
	group(func(r *Record) {
		add(r, 1, 2, 1)
		r.Session(3)
		r.Session(4)
		r.Key([]byte("a"), Kept{Value: 1})
	})
	group(func(r *Record) { add(r, 2, 2, 1); add(r, 4, 1, 1); add(r, 1, 3, 3) })
	// Sessions 2 and 4 end; 1 and 3 are caught.
	must(t, s.PutSession(SessionState{ID: 1, Used: 4, Lowest: 3, Answers: []Answer{answer(1, 3, 3)}}))
	must(t, s.PutSession(SessionState{ID: 3, Used: 3, Lowest: 1}))
	must(t, s.PutKey([]byte("a"), Kept{Value: 1}, 3, 1003))
	group(func(r *Record) { add(r, 3, 1, 1); r.Session(5) })
	end := j.Sequence()
	group(func(r *Record) { add(r, 5, 1, 1); add(r, 3, 2, 2) })
	must(t, s.Commit(end))
	rec := tells(t, mem,
		toldSession{1, 3, 4}, toldAnswer{answer(1, 3, 3), 4}, toldSession{3, 1, 3},
		toldKey{"a", Kept{Value: 1}, 3, 1003}, toldHorizon(0),
		toldAnswer{answer(1, 2, 1), 3}, toldSession{4, 1, 3}, toldKey{"a", Kept{Value: 1}, 3, 0},
		toldAnswer{answer(4, 1, 1), 4}, toldAnswer{answer(1, 3, 3), 4},
		toldAnswer{answer(3, 1, 1), 5}, toldSession{5, 1, 5},
		toldAnswer{answer(5, 1, 1), 6}, toldAnswer{answer(3, 2, 2), 6})
	if rec.Sessions != 4 {
		t.Errorf("%+v", rec)
	}
	must(t, Check(mem.Crash(100, 1), dir, unheard))
	group(func(r *Record) { add(r, 2, 3, 1) }) // it had ended
	must(t, j.Close())
	var damage *DamageError
	if _, _, _, err := read(mem); !errors.As(err, &damage) ||
		damage.Reason.EN != "session 0000000000000002 has an answer before it is granted" {
		t.Errorf("%v", err)
	}
}
