package journal

import (
	"encoding/binary"
	"errors"
	"math"
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
func (s *told) Terms(uint32, uint64, Terms) error       { return nil }
func (s *told) Hold(uint32, uint64, Hold) error         { return nil }
func (s *told) Unhold(uint32, uint64, uint64) error     { return nil }
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
		{1, 1, 1, Kept{0, 0, 0, 0, 0}},
		{1, 2, 1, Kept{math.MaxUint32, math.MaxInt8, math.MinInt64, math.MaxUint64, math.MinInt64}},
		{1, 3, 2, Kept{1, 2, math.MaxInt64, 4, math.MaxInt64}},
		{math.MaxUint64, math.MaxUint64 - 1, 1, Kept{5, 6, 7, 8, 0}},
		{math.MaxUint64, math.MaxUint64, 1, Kept{5, 6, 7, 9, -1}},
		{math.MaxUint64, 1, 1, Kept{5, 6, 7, 8, 0}}, // behind the last number comes none
		{1, 4, 4, Kept{9, 9, 9, 9, 9}},
	}
	var r Record
	r.Reset(50)
	r.Session(1)
	r.Session(math.MaxUint64)
	must(t, j.Append(&r))
	r.Reset(40) // time never goes back
	want := []any{toldSession{1, 1, 50}, toldSession{math.MaxUint64, 1, 50}}
	for _, a := range answers {
		r.Answer(a.Session, a.Number, a.Lowest, &a.Kept)
		want = append(want, toldAnswer{a, 50})
	}
	must(t, j.Append(&r))
	r.Reset(60)
	r.Key([]byte("a"), Kept{1, 2, -3, 4, 5})
	r.Key([]byte(longKey), Kept{math.MaxUint32, math.MaxInt8, math.MinInt64, math.MaxUint64, math.MinInt64})
	must(t, j.Append(&r))
	want = append(want,
		toldKey{"a", Kept{1, 2, -3, 4, 5}, 60, 0},
		toldKey{longKey, Kept{math.MaxUint32, math.MaxInt8, math.MinInt64, math.MaxUint64, math.MinInt64}, 60, 0})
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
		a := Answer{Session: tt.session, Number: tt.number, Lowest: tt.lowest, Kept: Kept{Fingerprint: uint32(i)}}
		r.Answer(a.Session, a.Number, a.Lowest, &a.Kept)
		answers = append(answers, a)
		if n := r.Len() - before - outcome; n != tt.length {
			t.Errorf("%+v takes %d bytes, want %d", tt, n, tt.length)
		}
	}
	e := entries{rest: r.buf[recordHead:]}
	for len(e.rest) > 0 {
		if reason := e.read(); reason != sound {
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
	if r.Answer(7, 31, 31, &Kept{}); r.Len() != whole+outcome {
		t.Errorf("the first answer of a record takes %d bytes", r.Len())
	}
}

// TestAppend: the answers of two records read in one as they were.
func TestAppend(t *testing.T) {
	var r, other Record
	r.Reset(1)
	other.Reset(1)
	r.Append(&other)
	r.Set(1, 2, 3)
	r.Answer(7, 1, 1, &Kept{Value: 1})
	other.Answer(8, 2, 1, &Kept{Value: 2})
	other.Key([]byte("k"), Kept{Value: 3})
	r.Append(&other)
	r.Answer(7, 2, 1, &Kept{Value: 4})
	r.Answer(7, 3, 1, &Kept{Value: 5})
	var got []Answer
	e := entries{rest: r.buf[recordHead:]}
	for len(e.rest) > 0 {
		if reason := e.read(); reason != sound {
			t.Fatal(reason)
		}
		switch e.kind {
		case entryAnswer, entryNext, entryShift:
			got = append(got, e.answer)
		case entryKey:
			got = append(got, Answer{Kept: e.kept})
		}
	}
	want := []Answer{
		{7, 1, 1, Kept{Value: 1}}, {8, 2, 1, Kept{Value: 2}}, {Kept: Kept{Value: 3}}, {7, 2, 1, Kept{Value: 4}}, {7, 3, 1, Kept{Value: 5}},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

// The most bytes that an entry is said to take are those that it can take.
func TestMostBytes(t *testing.T) {
	k := Kept{1, 1, math.MinInt64, math.MaxUint64, math.MinInt64}
	tests := map[string]struct {
		put func(*Record)
		max int
	}{
		"session": {func(r *Record) { r.Session(math.MaxUint64) }, MaxSession},
		"answer": {func(r *Record) {
			r.Answer(1, math.MaxUint64, 1, &Kept{1, 1, math.MinInt64, math.MaxUint64, math.MinInt64})
		}, MaxAnswer},
		"counter's terms": {func(r *Record) {
			r.Terms(math.MaxUint32, math.MaxUint64, Terms{bound(math.MinInt64), bound(math.MinInt64), true, math.MaxInt64})
		}, MaxTerms},
		"hold": {func(r *Record) {
			r.Hold(math.MaxUint32, math.MaxUint64, Hold{math.MaxUint64, math.MinInt64, math.MaxInt64})
		}, MaxHold},
		"hold's end": {func(r *Record) { r.Unhold(math.MaxUint32, math.MaxUint64, math.MaxUint64) }, MaxUnhold},
		"key":        {func(r *Record) { r.Key([]byte(longKey), k) }, MaxKey + cuenta.MaxKey},
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
		numbers[i] = Answer{1, math.MaxUint64 - uint64(i), 1, Kept{1, 1, math.MinInt64, math.MaxUint64, math.MinInt64}}
	}
	state := SessionState{1, 1, math.MaxUint64 - cuenta.SessionWindow + 1, numbers}
	if reason := state.check(); reason != sound {
		t.Error(reason)
	}
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
		"no session":     func(r *Record) { r.Answer(0, 1, 1, &Kept{}) },
		"no number":      func(r *Record) { r.Answer(1, 0, 0, &Kept{}) },
		"no lowest":      func(r *Record) { r.Answer(1, 1, 0, &Kept{}) },
		"lowest too big": func(r *Record) { r.Answer(1, 1, 2, &Kept{}) },
		"code too big":   func(r *Record) { r.Answer(1, 1, 1, &Kept{Code: 128}) },
		"key's code":     func(r *Record) { r.Key([]byte("k"), Kept{Code: 128}) },
		"end too early":  func(r *Record) { r.Terms(1, 1, Terms{Expires: -1}) },
		"hold's id":      func(r *Record) { r.Hold(1, 1, Hold{0, 1, 1}) },
		"hold of none":   func(r *Record) { r.Hold(1, 1, Hold{1, 0, 1}) },
		"endless hold":   func(r *Record) { r.Hold(1, 1, Hold{1, 1, 0}) },
		"hold ends soon": func(r *Record) { r.Hold(1, 1, Hold{1, 1, -1}) },
		"unhold's id":    func(r *Record) { r.Unhold(1, 1, 0) },
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
	amount := func(entry []byte, amount ...byte) []byte {
		entry[len(entry)-3] |= withAmount
		return append(entry, amount...)
	}
	last := binary.AppendUvarint([]byte{entryAnswer, 1, 0, 0, 0, 0, 0, 0, 0}, math.MaxUint64)
	last = append(append(last, 0), outcome...)
	tests := map[string][]byte{
		"has none before it":                           append([]byte{entryNext}, outcome...),
		"an answer has none before":                    append([]byte{entryShift}, outcome...),
		"whose number it follows":                      append(append(last, entryNext), outcome...),
		"no proper session and number":                 answer(0, 1, 0),
		"an answer has no proper session":              answer(1, 1, 1),
		"has no proper session and number":             answer(1, 0, 0),
		"an answer is incomplete":                      answer(1, 1, 0)[:14],
		"session's number is incomplete":               {entrySession, 1, 2, 3},
		"idempotency key is incomplete or":             {entryKey, 0, 1, 2, 3, 4, 0, 0, 0},
		"an idempotency key is incomplete or too long": append([]byte{entryKey, 129}, make([]byte, 140)...),
		"an answer is incomplete or malformed":         amount(answer(1, 1, 0), 0),
		"an answer is incomplete or malf":              amount(answer(1, 1, 0), 0x80),
		"key is incomplete or malformed":               amount(append([]byte{entryKey, 1, 'k'}, outcome...), 0),
		"counter's terms are incomplete":               {entryTerms, 1, 1},
		"a counter's terms are inc":                    {entryTerms, 1, 0x80},
		"a counter's terms are incomplete or":          binary.AppendUvarint([]byte{entryTerms}, 1<<32),
		"a counter's terms are inco":                   {entryTerms, 1, 1, maskFloor},
		"a counter's terms are incom":                  {entryTerms, 1, 1, maskFloor | maskCeiling, 1},
		"a counter's terms are incomp":                 {entryTerms, 1, 1, maskEnd},
		"terms are incomplete or malformed":            {entryTerms, 1, 1, maskEnd, 0}, // never without one
		"a counter's terms are incomplete or malf":     {entryTerms, 1, 1, 0x80},
		"a counter's terms are incomplete or malforme": binary.AppendUvarint([]byte{entryTerms, 1, 1, maskEnd}, 1<<63),
		"a hold is inc":                                {entryHold},
		"a hold is inco":                               {entryHold, 1, 1},
		"a hold is incom":                              {entryHold, 1, 1, 1},
		"a hold is incomp":                             {entryHold, 1, 1, 1, 2},
		"a hold is incompl":                            {entryHold, 1, 1, 1, 2, 0x80},
		"a hold is incomple":                           {entryHold, 1, 1, 0, 2, 1},
		"a hold is incomplet":                          {entryHold, 1, 1, 1, 0, 1},
		"a hold is incomplete":                         {entryHold, 1, 1, 1, 2, 0},
		"a hold is incomplete or":                      binary.AppendUvarint([]byte{entryHold, 1, 1, 1, 2}, 1<<63),
		"a hold is incomplete or m":                    binary.AppendUvarint([]byte{entryHold}, 1<<32),
		"a hold is incomplete or mal":                  {entryUnhold, 1, 1},
		"a hold is incomplete or malf":                 {entryUnhold, 1, 1, 0},
		"a hold is incomplete or malfo":                {entryUnhold, 1, 0x80},
		"answer to an idempotency key is in":           {entryKey, 1, 'k', 1, 2, 3, 4, 0, 0},
	}
	for reason, data := range tests {
		e, got := entries{rest: data}, sound
		for got == sound && len(e.rest) > 0 {
			got = e.read()
		}
		if !strings.Contains(got.EN, reason) {
			t.Errorf("%x: %q, want %q", data, got.EN, reason)
		}
	}
}

// Sessions are granted once, and before they have answers.
func TestSessionsOutOfPlace(t *testing.T) {
	a := Answer{Session: 5, Number: 1, Lowest: 1}
	tests := map[string]func(*Record){
		"session 0000000000000005 is granted twice":                   func(r *Record) { r.Session(5); r.Session(5) },
		"session 0000000000000005 has an answer before it is granted": func(r *Record) { r.Answer(a.Session, a.Number, a.Lowest, &a.Kept); r.Session(5) },
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
		if !errors.As(err, &damage) || damage.Offset != headSize || damage.Reason.EN != message {
			t.Errorf("want %q: %v", message, err)
		}
	}
}

// The reference directories, in which every byte is flipped and at every call the
// power cut, hold entries and blocks of all kinds.
func TestSamplesHoldAllKinds(t *testing.T) {
	var kinds [entryUnhold + 1]int
	mem, _, _ := sampleLog(t, true)
	for _, name := range segmentFiles(t, mem) {
		data := load(t, mem, name)
		for _, at := range records(data) {
			g, _ := readGroup(data[at:])
			e := entries{rest: g.entries}
			for len(e.rest) > 0 {
				if reason := e.read(); reason != sound {
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
