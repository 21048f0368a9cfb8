package ring

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/cuenta-server/cuenta"
)

func TestAnswersTravelWhole(t *testing.T) {
	for _, want := range []cuenta.Result{
		{},
		{Code: cuenta.Overflow, Cell: 1<<32 - 1, Generation: 1<<32 - 2, Value: math.MinInt64, Revision: math.MaxUint64},
		{Code: cuenta.NumCodes - 1, Replayed: true},
		{Cell: 3, Generation: 1, Value: 13, Revision: 4},
		{Replayed: true, Value: 13, Revision: 4},
		{Code: cuenta.Limited, Value: 10, Amount: -3, Level: 2},
		{Amount: math.MinInt64, Replayed: true},
	} {
		m := AppendAnswer(nil, 77, &want)
		if len(m) != AnswerSize && (want.Amount == 0 || len(m) != MaxPlainAnswer) {
			t.Errorf("%d bytes", len(m))
		}
		var got cuenta.Result
		if tag, err := ParseAnswer(m, &got); err != nil || tag != 77 || got != want {
			t.Errorf("got %+v with tag %d (%v), want %+v", got, tag, err, want)
		}
	}
	honest := AppendAnswer(nil, 1, &cuenta.Result{Value: 1})
	amount := AppendAnswer(nil, 1, &cuenta.Result{Amount: 1})
	for name, m := range map[string][]byte{
		"half":           honest[:16],
		"one too long":   append(bytes.Clone(honest), 0),
		"no such code":   change(honest, 12, byte(cuenta.NumCodes)),
		"half replayed":  change(honest, 13, 2),
		"more than that": change(honest, 13, 3),
		"held alone":     change(honest, 14, 4),
		"unknown flag":   change(honest, 14, 8),
		"an amount of 0": change(amount, AnswerSize, 0),
		"half an amount": amount[:AnswerSize+4],
		"no such amount": change(honest, 14, 1),
		"not announced":  change(amount, 14, 0),
		"a description":  AppendDescription(nil, 1, &cuenta.Result{}, &everyTerm),
	} {
		if _, err := ParseAnswer(m, new(cuenta.Result)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDescriptionsTravelWhole(t *testing.T) {
	for _, want := range []cuenta.Result{{}, {Value: -1, Revision: 3, Amount: 1 << 50}} {
		for _, terms := range []cuenta.Terms{{}, everyTerm, {Held: 5}, {HeldDown: math.MaxInt64}, {Held: 9, HeldDown: 2, Holds: manyHolds(MaxHolds)}} {
			m := AppendDescription([]byte("x"), 77, &want, &terms)[1:]
			if len(m) > MaxAnswer {
				t.Errorf("%d bytes", len(m))
			}
			var got cuenta.Result
			told := cuenta.Terms{Expect: 99, Hold: 3, Held: 9, Holds: manyHolds(3)} // of what was before
			if terms.Holds == nil {
				terms.Holds = []cuenta.Held{}
			}
			if tag, err := ParseDescription(m, &got, &told); err != nil || tag != 77 || got != want || !reflect.DeepEqual(told, terms) {
				t.Errorf("got %+v %+v with tag %d (%v), want %+v %+v", got, told, tag, err, want, terms)
			}
		}
	}
	// More holds than a message tells are left out.
	var got cuenta.Result
	var told cuenta.Terms
	m := AppendDescription(nil, 1, &got, &cuenta.Terms{Held: 1, Holds: manyHolds(MaxHolds + 1)})
	if _, err := ParseDescription(m, &got, &told); err != nil || len(m) > MaxAnswer || !reflect.DeepEqual(told.Holds, manyHolds(MaxHolds)) {
		t.Errorf("%d bytes tell %d holds: %v", len(m), len(told.Holds), err)
	}
	if short := AppendDescription(nil, 1, &cuenta.Result{Amount: 1}, &cuenta.Terms{Held: 1, Holds: manyHolds(1)}); len(short) != ShortAnswer {
		t.Errorf("one hold is told in %d bytes", len(short))
	}
	// A refused Describe takes nothing back.
	told = everyTerm
	if _, err := ParseDescription(AppendAnswer(nil, 1, &cuenta.Result{Code: cuenta.Busy}), &got, &told); err != nil || got.Code != cuenta.Busy {
		t.Errorf("%+v, %v", got, err)
	}
	m = AppendDescription(nil, 1, &cuenta.Result{}, &everyTerm)
	held := AppendDescription(nil, 1, &cuenta.Result{}, &cuenta.Terms{Held: 1, Holds: manyHolds(2)})
	for name, m := range map[string][]byte{
		"half a hold": held[:len(held)-8], "half the sums": held[:AnswerSize+termsSize+8], "held not announced": change(held, 14, takesTerms),
		"nothing held": change(held, AnswerSize+termsSize, 0), "too many": append(bytes.Clone(held), make([]byte, (MaxHolds-1)*heldSize)...),
		"half": m[:AnswerSize+20], "a byte more": append(bytes.Clone(m), 0), "unknown mark": change(m, AnswerSize, 32), "not zero": change(m, AnswerSize+3, 1),
	} {
		if _, err := ParseDescription(m, &got, &told); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func manyHolds(n int) (holds []cuenta.Held) {
	for i := range n {
		holds = append(holds, cuenta.Held{ID: uint64(i + 1), Amount: int64(i) - 3, Ends: math.MaxInt64 - int64(i)})
	}
	return holds
}

func change(m []byte, at int, b byte) []byte {
	m = bytes.Clone(m)
	m[at] = b
	return m
}

func FuzzParseAnswer(f *testing.F) {
	f.Add(AppendAnswer(nil, 1, &cuenta.Result{Code: cuenta.Overflow, Replayed: true, Value: -1}))
	f.Add(AppendAnswer(nil, 1, &cuenta.Result{Code: cuenta.Limited, Amount: -1}))
	f.Add(AppendDescription(nil, 1, &cuenta.Result{Amount: 5}, &everyTerm))
	f.Add(AppendDescription(nil, 1, &cuenta.Result{}, &cuenta.Terms{Held: 5, Holds: manyHolds(2)}))
	f.Fuzz(func(t *testing.T, m []byte) {
		var r cuenta.Result
		tag, err := ParseAnswer(m, &r)
		if err == nil && !bytes.Equal(AppendAnswer(nil, tag, &r), m) {
			t.Fatalf("%x was read as %+v", m, r)
		}
		var terms cuenta.Terms
		tag, describeErr := ParseDescription(m, &r, &terms)
		if describeErr == nil && err != nil && !bytes.Equal(AppendDescription(nil, tag, &r, &terms), m) {
			t.Fatalf("%x was read as %+v %+v", m, r, terms)
		}
		if err == nil && describeErr != nil {
			t.Fatalf("%x is an answer, but none to a Describe", m)
		}
	})
}

func BenchmarkAnswer(b *testing.B) {
	for _, x := range []struct {
		name   string
		result cuenta.Result
	}{{"bare", cuenta.Result{Cell: 3, Generation: 1, Value: 13, Revision: 4}}, {"amount", cuenta.Result{Value: 13, Amount: 4}}} {
		b.Run(x.name, func(b *testing.B) {
			var m []byte
			var r cuenta.Result
			for b.Loop() {
				m = AppendAnswer(m[:0], 1, &x.result)
				if _, err := ParseAnswer(m, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
