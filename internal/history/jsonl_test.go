package history

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// TestFile writes random histories, reads them and expects the same: the same
// file again, and the same judgement.
func TestFile(t *testing.T) {
	for seed := range uint64(200) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 3)), recipe: recipes[[]string{"everything", "all terms"}[seed%2]]}
		h := toldOf(g.events())
		var first, second bytes.Buffer
		if err := h.Write(&first); err != nil {
			t.Fatal(err)
		}
		text := first.String()
		again, err := Read(&first)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		if err := again.Write(&second); err != nil {
			t.Fatal(err)
		}
		if second.String() != text {
			t.Fatalf("seed %d: %s\nbecame\n%s", seed, text, second.String())
		}
		a, errA := Check(h)
		b, errB := Check(again)
		if errA != nil || errB != nil || (a.Err() == nil) != (b.Err() == nil) || a.Operations != b.Operations {
			t.Fatalf("seed %d: %v %v\n%v\n%v", seed, errA, errB, a, b)
		}
	}
}

// TestBadFile names the line of what cannot be read.
func TestBadFile(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{`{"op":"add","start":1` + "\n", "line 1: "},
		{"\n" + `{"op":"mul","start":1}`, `line 2: there is no operation "mul"`},
		{`{"op":"all","start":1}`, `there is no operation "all"`},
		{`{"op":"add","start":1,"when":2}`, `unknown field "when"`},
		{`{"op":"add","start":1} {"op":"add","start":1}`, "more than one object"},
		{`{"op":"add","start":1,"if":"never"}`, `there is no condition "never"`},
		{`{"op":"add","start":1,"session":"xyz"}`, `"xyz" is no session`},
		{`{"op":"add","start":1,"value":5}`, "an answer has a code"},
		{`{"op":"add","start":1,"code":"fine"}`, `there is no code "fine"`},
		{`{"state":"the end","start":1}`, "a state has an end"},
		{`{"op":"add","start":1,"n":9223372036854775808}`, "line 1: "},
		{`{"op":"expire","start":1,"terms":{"expires":"soon"}}`, `there is no end "soon"`},
		{`{"op":"expire","start":1,"terms":{"expires":"at","expiresIf":"you like"}}`, `if "you like"`},
		{`{"start":1,"low":5}`, "a clock has a low and a high"},
	} {
		if _, err := Read(strings.NewReader(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, got %v", c.file, c.want, err)
		}
	}
}

// TestNoHistory refuses what cannot be judged.
func TestNoHistory(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{`{"op":"add","start":2,"end":1}`, "operation 0: it ended before it started"},
		{`{"op":"add","start":1,"end":2,"code":"ok","revision":1}`, "an answer with a revision has a value too"},
		{`{"op":"add","start":1,"batch":1}
		  {"op":"add","start":1,"batch":2}
		  {"op":"add","start":1,"batch":1}`, "operation 2: those of batch 1 do not stand together"},
	} {
		h, err := Read(strings.NewReader(c.file))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Check(h); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, got %v", c.file, c.want, err)
		}
	}
}

// FuzzRead reads and checks anything: it may be refused, but the checker must
// come to an end, and say the same twice.
func FuzzRead(f *testing.F) {
	for seed := range uint64(20) {
		var file bytes.Buffer
		if err := recorded(seed, fault(seed)%(endedRead+1), seed > 9).Write(&file); err != nil {
			f.Fatal(err)
		}
		start := file.Bytes()[:min(file.Len(), 4000)]
		f.Add(start[:bytes.LastIndexByte(start, '\n')+1])
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		h, err := Read(bytes.NewReader(file))
		if err != nil || h.Len() > 100_000 {
			return
		}
		first, err := Check(h)
		if err != nil {
			return
		}
		if second, _ := Check(h); !reflect.DeepEqual(first.Violations, second.Violations) {
			t.Errorf("first\n%s\nthen\n%s", first, second)
		}
	})
}
