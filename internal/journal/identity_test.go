package journal

import (
	"encoding/binary"
	"errors"
	"math"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// told is what a Sink was told, in order. It keeps no counters.
type told struct{ all []any }

type (
	toldSession struct {
		id, lowest uint64
		used       int64
	}
	toldAnswer struct {
		Answer
		used int64
	}
	toldKey struct {
		key string
		Kept
		used, until int64
	}
	toldHorizon int64
)

func (s *told) Put(uint32, []byte, int64, uint64) error { return nil }
func (s *told) Drop(uint32, uint64) error               { return nil }
func (s *told) Floor(uint64)                            {}
func (s *told) Horizon(time int64)                      { s.all = append(s.all, toldHorizon(time)) }

func (s *told) Session(id, lowest uint64, used int64) error {
	s.all = append(s.all, toldSession{id, lowest, used})
	return nil
}

func (s *told) Answer(a Answer, used int64) error {
	s.all = append(s.all, toldAnswer{a, used})
	return nil
}

func (s *told) Key(key []byte, k Kept, used, until int64) error {
	s.all = append(s.all, toldKey{string(key), k, used, until})
	return nil
}

// tells checks what a sink is told at the next start.
func tells(t *testing.T, mem *disktest.FS, want ...any) Recovery {
	t.Helper()
	var s told
	j, rec, err := Open(mem.Crash(100, 1), dir, &s, Options{SegmentSize: small})
	must(t, err)
	must(t, j.Close())
	if !slices.Equal(s.all, want) {
		t.Fatalf("told\n%+v\nwant\n%+v", s.all, want)
	}
	return rec
}

var longKey = strings.Repeat("k", cuenta.MaxKey)

// Everything at its ends goes through the log unchanged.
func TestIdentitiesInLog(t *testing.T) {
	mem := disktest.New()
	j, _, _ := mustOpen(t, mem)
	answers := []Answer{
		{1, 1, 1, 0, 0, 0, 0},
		{1, 2, 1, math.MaxUint32, math.MaxUint8, math.MinInt64, math.MaxUint64},
		{1, 3, 2, 1, 2, math.MaxInt64, 4},
		{math.MaxUint64, math.MaxUint64 - 1, 1, 5, 6, 7, 8},
		{math.MaxUint64, math.MaxUint64, 1, 5, 6, 7, 9},
		{math.MaxUint64, 1, 1, 5, 6, 7, 8}, // behind the last number comes none
		{1, 4, 4, 9, 9, 9, 9},
	}
	var r Record
	r.Reset(50)
	r.Session(1)
	r.Session(math.MaxUint64)
	must(t, j.Append(&r))
	r.Reset(40) // time never goes back
	want := []any{toldSession{1, 1, 50}, toldSession{math.MaxUint64, 1, 50}}
	for _, a := range answers {
		r.Answer(a)
		want = append(want, toldAnswer{a, 50})
	}
	must(t, j.Append(&r))
	r.Reset(60)
	r.Key([]byte("a"), Kept{1, 2, -3, 4})
	r.Key([]byte(longKey), Kept{math.MaxUint32, math.MaxUint8, math.MinInt64, math.MaxUint64})
	must(t, j.Append(&r))
	want = append(want,
		toldKey{"a", Kept{1, 2, -3, 4}, 60, 0},
		toldKey{longKey, Kept{math.MaxUint32, math.MaxUint8, math.MinInt64, math.MaxUint64}, 60, 0})
	if rec := tells(t, mem, want...); rec.Sessions != 2 || rec.Keys != 2 || rec.Counters != 0 {
		t.Errorf("%+v", rec)
	}
	must(t, j.Close())
}

// An answer is short where it can be, whatever stands between, and stands alone
// in its record. Length is that of the entry without its outcome.
func TestShortAnswers(t *testing.T) {
	const whole, short = 1 + 8 + 1 + 1, 1
	tests := []struct {
		session, number, lowest uint64
		length                  int
	}{
		{7, 20, 5, whole},
		{7, 21, 5, short}, // the same lowest number
		{7, 22, 6, short}, // the same distance
		{7, 23, 8, whole},
		{7, 24, 8, short},
		{7, 26, 8, whole}, // one left out
		{7, 25, 8, whole}, // late
		{7, 26, 8, short}, // as far as the journal is concerned
		{7, 27, 7, whole}, // remembers more
		{8, 28, 7, whole},
		{7, 28, 7, whole}, // the last one was another's
		{7, 29, 29, whole},
		{7, 30, 30, short},
	}
	const outcome = 4 + 1 + 1 + 1
	var r Record
	r.Reset(1)
	var answers []Answer
	for i, tt := range tests {
		r.Set(1, 1, 1)
		r.Key([]byte("k"), Kept{})
		r.Session(uint64(100 + i))
		before := r.Len()
		a := Answer{Session: tt.session, Number: tt.number, Lowest: tt.lowest, Fingerprint: uint32(i)}
		r.Answer(a)
		answers = append(answers, a)
		if n := r.Len() - before - outcome; n != tt.length {
			t.Errorf("%+v takes %d bytes, want %d", tt, n, tt.length)
		}
	}
	e := entries{rest: r.buf[recordHead:]}
	for len(e.rest) > 0 {
		if reason := e.read(); reason != "" {
			t.Fatal(reason)
		}
		if e.kind == entryAnswer || e.kind == entryNext || e.kind == entryShift {
			if e.answer != answers[0] {
				t.Errorf("%+v, want %+v", e.answer, answers[0])
			}
			answers = answers[1:]
		}
	}
	if len(answers) != 0 {
		t.Errorf("not read: %+v", answers)
	}
	r.Reset(1)
	if r.Answer(Answer{Session: 7, Number: 31, Lowest: 31}); r.Len() != whole+outcome {
		t.Errorf("the first answer of a record takes %d bytes", r.Len())
	}
}

// The most bytes that an entry is said to take are those that it can take.
func TestMostBytes(t *testing.T) {
	k := Kept{1, 1, math.MinInt64, math.MaxUint64}
	tests := map[string]struct {
		put func(*Record)
		max int
	}{
		"session": {func(r *Record) { r.Session(math.MaxUint64) }, MaxSession},
		"answer": {func(r *Record) {
			r.Answer(Answer{1, math.MaxUint64, 1, 1, 1, math.MinInt64, math.MaxUint64})
		}, MaxAnswer},
		"key": {func(r *Record) { r.Key([]byte(longKey), k) }, MaxKey + cuenta.MaxKey},
	}
	for name, tt := range tests {
		var r Record
		r.Reset(1)
		if tt.put(&r); r.Len() != tt.max {
			t.Errorf("a %s takes %d bytes, and is said to take %d", name, r.Len(), tt.max)
		}
	}
	numbers := make([]Answer, cuenta.SessionWindow)
	for i := range numbers {
		numbers[i] = Answer{1, math.MaxUint64 - uint64(i), 1, 1, 1, math.MinInt64, math.MaxUint64}
	}
	state := SessionState{1, 1, math.MaxUint64 - cuenta.SessionWindow + 1, numbers}
	must(t, state.check())
	if n := len(state.append(nil)); n != maxSessionState {
		t.Errorf("a session takes %d bytes, and is said to take %d", n, maxSessionState)
	}
	if n := len(longKey) + MaxKey + 2*binary.MaxVarintLen64; n > maxSessionState {
		t.Errorf("a key may take %d bytes", n)
	}
}

// What could not be read again is not written.
func TestIdentitiesThatDoNotFit(t *testing.T) {
	tests := map[string]func(*Record){
		"no session":     func(r *Record) { r.Answer(Answer{Number: 1, Lowest: 1}) },
		"no number":      func(r *Record) { r.Answer(Answer{Session: 1}) },
		"no lowest":      func(r *Record) { r.Answer(Answer{Session: 1, Number: 1}) },
		"lowest too big": func(r *Record) { r.Answer(Answer{Session: 1, Number: 1, Lowest: 2}) },
		"no key":         func(r *Record) { r.Key(nil, Kept{}) },
		"long key":       func(r *Record) { r.Key([]byte(longKey+"k"), Kept{}) },
	}
	for name, put := range tests {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: a record took it", name)
				}
			}()
			var r Record
			r.Reset(1)
			put(&r)
		}()
	}
}

// What no record can have been made to hold is damage, though checksums fit.
func TestEntriesThatCannotBe(t *testing.T) {
	outcome := []byte{1, 2, 3, 4, 0, 0, 0}
	answer := func(session, number, below byte) []byte {
		return append([]byte{entryAnswer, session, 0, 0, 0, 0, 0, 0, 0, number, below}, outcome...)
	}
	last := binary.AppendUvarint([]byte{entryAnswer, 1, 0, 0, 0, 0, 0, 0, 0}, math.MaxUint64)
	last = append(append(last, 0), outcome...)
	tests := map[string][]byte{
		"has none before it":                 append([]byte{entryNext}, outcome...),
		"an answer has none before":          append([]byte{entryShift}, outcome...),
		"whose number it follows":            append(append(last, entryNext), outcome...),
		"no proper session and number":       answer(0, 1, 0),
		"an answer has no proper session":    answer(1, 1, 1),
		"has no proper session and number":   answer(1, 0, 0),
		"an answer is incomplete":            answer(1, 1, 0)[:14],
		"session's number is incomplete":     {entrySession, 1, 2, 3},
		"idempotency key is incomplete":      {entryKey, 0, 1, 2, 3, 4, 0, 0, 0},
		"an idempotency key is incomplete":   append([]byte{entryKey, 129}, make([]byte, 140)...),
		"answer to an idempotency key is in": {entryKey, 1, 'k', 1, 2, 3, 4, 0, 0},
	}
	for reason, data := range tests {
		e, got := entries{rest: data}, ""
		for got == "" && len(e.rest) > 0 {
			got = e.read()
		}
		if !strings.Contains(got, reason) {
			t.Errorf("%x: %q, want %q", data, got, reason)
		}
	}
}

// Sessions are granted once, and before they have answers.
func TestSessionsOutOfPlace(t *testing.T) {
	a := Answer{Session: 5, Number: 1, Lowest: 1}
	tests := map[string]func(*Record){
		"session 0000000000000005 is granted twice":                   func(r *Record) { r.Session(5); r.Session(5) },
		"session 0000000000000005 has an answer before it is granted": func(r *Record) { r.Answer(a); r.Session(5) },
	}
	for message, put := range tests {
		mem := disktest.New()
		j, _, _ := mustOpen(t, mem)
		var r Record
		r.Reset(1)
		put(&r)
		must(t, j.Append(&r))
		must(t, j.Seal())
		must(t, j.Close())
		var damage *DamageError
		_, _, err := Open(mem, dir, &told{}, Options{})
		if !errors.As(err, &damage) || damage.Offset != headSize || damage.Reason != message {
			t.Errorf("want %q: %v", message, err)
		}
	}
}

func TestIdentitiesInSnapshot(t *testing.T) {
	mem := disktest.New()
	j, _, _ := mustOpen(t, mem)
	s, err := j.BeginSnapshot(0, 0, 0, 99)
	must(t, err)
	top := uint64(math.MaxUint64)
	answers := []Answer{ // in no order
		{top, top, top - 127, math.MaxUint32, 255, math.MinInt64, top},
		{top, top - 127, top - 127, 1, 2, 3, 4},
		{top, top - 5, top - 127, 0, 0, math.MaxInt64, 0},
	}
	must(t, s.Put(3, []byte("c"), 1, 1))
	must(t, s.PutSession(SessionState{ID: 1, Used: 77, Lowest: 1}))
	must(t, s.PutSession(SessionState{ID: 2, Used: -1, Lowest: 500})) // all forgotten
	must(t, s.PutSession(SessionState{top, 88, top - 127, answers}))
	must(t, s.PutKey([]byte("a"), Kept{1, 2, 3, 4}, 10, 20))
	must(t, s.PutKey([]byte(longKey), Kept{}, math.MinInt64, math.MaxInt64))
	must(t, s.PutKey([]byte("b"), Kept{1, 2, -3, 4}, 0, 1<<60))
	s.Horizon(-123456)
	must(t, s.Commit(0))
	rec := tells(t, mem,
		toldSession{1, 1, 77}, toldSession{2, 500, -1}, toldSession{top, top - 127, 88},
		toldAnswer{answers[0], 88}, toldAnswer{answers[1], 88}, toldAnswer{answers[2], 88},
		toldKey{"a", Kept{1, 2, 3, 4}, 10, 20},
		toldKey{longKey, Kept{}, math.MinInt64, math.MaxInt64},
		toldKey{"b", Kept{1, 2, -3, 4}, 0, 1 << 60},
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
		if err := Check(mem, dir, &strings.Builder{}); err != nil {
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
	for n := range 40_000 {
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
		if n := strings.Count(string(data), magic); n < 4 {
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
	if !got.equal(b) || rp.keys != 40_000 || len(rp.sessions) != 40_000 {
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
		"no id":         session(SessionState{Lowest: 1}),
		"no lowest":     session(SessionState{ID: 1}),
		"below lowest":  session(SessionState{ID: 1, Lowest: 5, Answers: numbers(5, 4)}),
		"out of window": session(SessionState{ID: 1, Lowest: 5, Answers: numbers(5, 133)}),
		"too many":      session(SessionState{ID: 1, Lowest: 1, Answers: numbers(slices.Repeat([]uint64{1}, 129)...)}),
		"no key":        func(s *Snapshot) error { return s.PutKey(nil, Kept{}, 0, 0) },
		"long key":      func(s *Snapshot) error { return s.PutKey([]byte(longKey+"k"), Kept{}, 0, 0) },
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

// A snapshot may hold identities of behind where it begins, which come again from
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
		return Answer{session, number, lowest, 1, 0, int64(number), number}
	}
	group(func(r *Record) { r.Session(1); r.Session(2) })
	group(func(r *Record) { r.Answer(answer(1, 1, 1)); r.Answer(answer(2, 1, 1)) })
	s, err := j.BeginSnapshot(j.Sequence(), 0, 0, 9)
	must(t, err)
	group(func(r *Record) {
		r.Answer(answer(1, 2, 1))
		r.Session(3)
		r.Session(4)
		r.Key([]byte("a"), Kept{Value: 1})
	})
	group(func(r *Record) { r.Answer(answer(2, 2, 1)); r.Answer(answer(4, 1, 1)); r.Answer(answer(4, 2, 1)) })
	// Sessions 2 and 4 end; 1 and 3 are caught.
	must(t, s.PutSession(SessionState{ID: 1, Used: 3, Lowest: 1, Answers: []Answer{answer(1, 1, 1), answer(1, 2, 1)}}))
	must(t, s.PutSession(SessionState{ID: 3, Used: 3, Lowest: 1}))
	must(t, s.PutKey([]byte("a"), Kept{Value: 1}, 3, 1003))
	group(func(r *Record) { r.Answer(answer(3, 1, 1)); r.Session(5) })
	end := j.Sequence()
	group(func(r *Record) { r.Answer(answer(5, 1, 1)); r.Answer(answer(3, 2, 2)) })
	must(t, s.Commit(end))
	rec := tells(t, mem,
		toldSession{1, 1, 3}, toldAnswer{answer(1, 1, 1), 3}, toldAnswer{answer(1, 2, 1), 3}, toldSession{3, 1, 3},
		toldKey{"a", Kept{Value: 1}, 3, 1003}, toldHorizon(0),
		toldAnswer{answer(1, 2, 1), 3}, toldSession{4, 1, 3}, toldKey{"a", Kept{Value: 1}, 3, 0},
		toldAnswer{answer(4, 1, 1), 4}, toldAnswer{answer(4, 2, 1), 4},
		toldAnswer{answer(3, 1, 1), 5}, toldSession{5, 1, 5},
		toldAnswer{answer(5, 1, 1), 6}, toldAnswer{answer(3, 2, 2), 6})
	if rec.Sessions != 4 {
		t.Errorf("%+v", rec)
	}
	group(func(r *Record) { r.Answer(answer(2, 3, 1)) }) // it had ended
	must(t, j.Close())
	var damage *DamageError
	if _, _, _, err := read(mem); !errors.As(err, &damage) ||
		damage.Reason != "session 0000000000000002 has an answer before it is granted" {
		t.Errorf("%v", err)
	}
}

// The reference directories, in which every byte is flipped and at every call the
// power cut, hold entries and blocks of all kinds.
func TestSamplesHoldAllKinds(t *testing.T) {
	var kinds [entryKey + 1]int
	mem, _, _ := sampleLog(t, true)
	for _, name := range segmentFiles(t, mem) {
		data := load(t, mem, name)
		for _, at := range records(data) {
			g, _ := readGroup(data[at:])
			e := entries{rest: g.entries}
			for len(e.rest) > 0 {
				if reason := e.read(); reason != "" {
					t.Fatal(reason)
				}
				kinds[e.kind]++
			}
		}
	}
	if slices.Contains(kinds[1:], 0) {
		t.Errorf("entries by kind: %v", kinds)
	}
	mem, _, name := sampleSnapshot(t)
	data := load(t, mem, name)
	for _, magic := range blockMagics {
		if !strings.Contains(string(data), magic) {
			t.Errorf("no block %s", magic)
		}
	}
}
