package text

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// newService returns a service for which time stands still.
func newService() *fronttest.Service {
	service := fronttest.NewService()
	service.Now(func() time.Time { return time.Unix(1_700_000_000, 0) })
	return service
}

// play feeds a fresh session and returns all it answered, and whether it ended.
func play(t *testing.T, chunks [][]byte, limit int) (string, bool) {
	t.Helper()
	var s Session
	var b cuenta.Batch
	service := newService()
	var out []byte
	for _, chunk := range chunks {
		for len(chunk) > 0 {
			room := s.Space()
			if len(room) == 0 {
				t.Fatal("no room to read into")
			}
			n := copy(room, chunk)
			chunk = chunk[n:]
			s.Filled(n)
			for more := true; more; more = s.Pending() {
				// The batch holds a request of somebody else already.
				b.Requests = append(b.Requests[:0], cuenta.Request{Op: cuenta.Add, N: 1, Counter: []byte("other")})
				due := s.Decode(&b, limit+1)
				if n := len(b.Requests) - 1; due > limit || n > limit || n > MaxRequests*due {
					t.Fatalf("%d lines taken, %d requests, limit %d", due, n, limit)
				}
				service.Do(t.Context(), &b)
				before := len(out)
				out = s.AppendAnswers(out, b.Results[1:])
				if lines := bytes.Count(out[before:], []byte{'\n'}); lines != due {
					t.Fatalf("%d answers, %d due", lines, due)
				}
			}
		}
	}
	return string(out), s.Ended()
}

// transcript is a conversation in testdata:
//
//	> line      the client sends the line and LF
//	>> bytes    the client sends exactly these bytes
//	< answer    the server's next answer
//	closed      the server then closes
//
// Sent text may hold Go escapes; {x*n} stands for n times x. Other lines are
// remarks.
func transcript(t *testing.T, file string) (sent []byte, answers string, closed bool) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if raw, ok := strings.CutPrefix(line, ">> "); ok {
			sent = append(sent, unquote(t, raw)...)
		} else if raw, ok := strings.CutPrefix(line, "> "); ok {
			sent = append(append(sent, unquote(t, raw)...), '\n')
		} else if answer, ok := strings.CutPrefix(line, "< "); ok {
			answers += answer + "\n"
		} else if line == "closed" {
			closed = true
		}
	}
	return sent, answers, closed
}

func unquote(t *testing.T, raw string) string {
	t.Helper()
	s, err := strconv.Unquote(`"` + raw + `"`)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	for {
		before, rest, found := strings.Cut(s, "{")
		repeat, after, closed := strings.Cut(rest, "}")
		unit, count, times := strings.Cut(repeat, "*")
		n, err := strconv.Atoi(count)
		if !found || !closed || !times || err != nil {
			return s
		}
		s = before + strings.Repeat(unit, n) + after
	}
}

func TestTranscriptsUnderEverySegmentation(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			sent, answers, closed := transcript(t, file)
			check := func(how string, chunks [][]byte, limit int) {
				t.Helper()
				got, ended := play(t, chunks, limit)
				if got != answers {
					t.Fatalf("%s: got\n%swant\n%s", how, got, answers)
				}
				if ended != closed {
					t.Fatalf("%s: ended %v, want %v", how, ended, closed)
				}
			}
			check("whole", [][]byte{sent}, cuenta.MaxBatch)
			check("few lines a batch", [][]byte{sent}, MaxRequests)
			for i := 0; i < len(sent); i += 1 + len(sent)/500 {
				check(fmt.Sprint("split at ", i), [][]byte{sent[:i], sent[i:]}, MaxRequests+1)
			}
			for size := 1; size < min(len(sent), 40); size++ {
				check(fmt.Sprint("pieces of ", size), pieces(sent, size), cuenta.MaxBatch)
			}
		})
	}
}

func pieces(p []byte, size int) (chunks [][]byte) {
	for len(p) > 0 {
		n := min(size, len(p))
		chunks = append(chunks, p[:n])
		p = p[n:]
	}
	return chunks
}

func TestManyCommandsInOneRead(t *testing.T) {
	var sent, want strings.Builder
	for i := 1; i <= 20000; i++ {
		sent.WriteString("inc.1\n")
		fmt.Fprintln(&want, i)
	}
	for _, limit := range []int{1, 7, cuenta.MaxBatch} {
		got, ended := play(t, [][]byte{[]byte(sent.String())}, limit)
		if got != want.String() || ended {
			t.Errorf("limit %d: wrong answers", limit)
		}
	}
}

func TestMalformedCountsTheLastDecode(t *testing.T) {
	var s Session
	var b cuenta.Batch
	s.Filled(copy(s.Space(), "x\ninc.1\nayuda\ny\n\n"))
	if n := s.Decode(&b, 10); n != 4 || len(b.Requests) != 1 || s.Malformed() != 2 {
		t.Errorf("%d lines, %d requests, %d malformed", n, len(b.Requests), s.Malformed())
	}
	if n := s.Decode(&b, 10); n != 0 || len(b.Requests) != 1 || s.Malformed() != 0 || s.Pending() {
		t.Errorf("nothing left, but %d lines, %d requests, %d malformed", n, len(b.Requests)-1, s.Malformed())
	}
	if out := s.AppendAnswers(nil, nil); len(out) != 0 {
		t.Errorf("answers %q", out)
	}
}

func TestMalformedLinesAreBoundedInARowOnly(t *testing.T) {
	almost := strings.Repeat("x\n", MaxMalformed-1)
	for between, wantEnd := range map[string]bool{"con.0\n": false, "ayuda\n": false, "\n": true, "x\n": true} {
		out, ended := play(t, [][]byte{[]byte(almost + between + "x\nx\n")}, cuenta.MaxBatch)
		if ended != wantEnd {
			t.Errorf("with %q between: ended %v", between, ended)
		}
		if errors := strings.Count(out, "error syntax"); wantEnd && errors != MaxMalformed {
			t.Errorf("with %q between: %d errors answered", between, errors)
		}
	}
}

func TestLinesFillTheLimitExactly(t *testing.T) {
	longest := "inc." + strings.Repeat("0", MaxLine-len("inc.1")) + "1"
	tests := []struct {
		sent, want string
		ended      bool
	}{
		{longest + "\n", "1\n", false},
		{longest + "\r\n", "1\n", false},
		{longest + "\r", "", false},
		{longest + "\r\r\n", TooLong.Answer(), true},
		{longest + "1\n", TooLong.Answer(), true},
		{longest + "1", TooLong.Answer(), true},
		{strings.Repeat("\x00", 70<<10), TooLong.Answer(), true},
		{strings.Repeat("\r", 70<<10), TooLong.Answer(), true},
		{"con.0\n" + longest + "1\ninc.1\n", "0\n" + TooLong.Answer(), true},
	}
	for _, test := range tests {
		for size := 1; size <= len(test.sent); size += 1 + size/3 {
			got, ended := play(t, pieces([]byte(test.sent), size), cuenta.MaxBatch)
			if got != test.want || ended != test.ended {
				t.Errorf("%.20q… %d bytes, in pieces of %d: %q, ended %v", test.sent, len(test.sent), size, got, ended)
			}
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var s Session
	if n := len(s.Space()); n > 1024 {
		t.Errorf("a silent session holds %d bytes", n)
	}
	stream := []byte(strings.Repeat("inc.1\n", maxBuffer))
	for room := s.Space(); len(room) > 0; room = s.Space() {
		n := copy(room, stream)
		stream = stream[n:]
		s.Filled(n)
	}
	if len(s.buf) != maxBuffer || !s.Pending() {
		t.Errorf("full at %d bytes, pending %v", len(s.buf), s.Pending())
	}
	var b cuenta.Batch
	if n := s.Decode(&b, 10); n != 10 || len(s.Space()) != 10*len("inc.1\n") {
		t.Errorf("%d lines taken, room for %d bytes", n, len(s.Space()))
	}
}

// TestPartial: whether there is the beginning of a line, and nothing else to do.
func TestPartial(t *testing.T) {
	var s Session
	for _, step := range []struct {
		said    string
		partial bool
	}{
		{"", false}, {"inc.", true}, {"1", true}, {"\n", false}, {"inc.1\ninc", true}, {".1\n\r", true}, {"\n\n", false}, {"x\ny\nz", false}, {"", true}, {"\nsalir\nx", false},
	} {
		s.Filled(copy(s.Space(), step.said))
		var b cuenta.Batch
		s.Decode(&b, 1)
		if got := s.Partial(); got != step.partial {
			t.Errorf("after %q: %v", step.said, got)
		}
	}
	s.Close()
}

func TestAfterTheEndInputIsThrownAway(t *testing.T) {
	var s Session
	var b cuenta.Batch
	s.Filled(copy(s.Space(), "salir\ninc.1\n"))
	s.Decode(&b, 10)
	for range 100 {
		room := s.Space()
		if len(room) == 0 || !s.Ended() || s.Pending() {
			t.Fatalf("room %d, ended %v, pending %v", len(room), s.Ended(), s.Pending())
		}
		s.Filled(copy(room, strings.Repeat("inc.1\n", 1000)))
		if n := s.Decode(&b, 10); n != 0 || len(b.Requests) != 0 || len(s.AppendAnswers(nil, nil)) != 0 {
			t.Fatalf("%d lines taken after the end", n)
		}
	}
}

func TestSessionAllocatesNothingOnceWarm(t *testing.T) {
	var s Session
	var b cuenta.Batch
	input := []byte(strings.Repeat("inc.4 @visitas\nayuda\nx\nret.1 max=9\ntra.3 @a @b\n", 10))
	out := make([]byte, 0, 4096)
	turn := func() {
		s.Filled(copy(s.Space(), input))
		b.Requests, b.Results = b.Requests[:0], b.Results[:0]
		s.Decode(&b, cuenta.MaxBatch)
		for range b.Requests {
			b.Results = append(b.Results, cuenta.Result{Value: 1})
		}
		out = s.AppendAnswers(out[:0], b.Results)
	}
	if allocs := testing.AllocsPerRun(100, turn); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// FuzzSession checks that how a stream was cut into reads cannot be seen in the
// answers.
func FuzzSession(f *testing.F) {
	f.Add([]byte("inc.4\n\ndec.3 @a\r\nx\nsalir\ninc.1\n"), []byte{3, 1, 200})
	f.Add(bytes.Repeat([]byte("inc.1 "), 100), []byte{255})
	f.Add([]byte("ing.9 @a\ntra.5 @a @b id=k\ntra.5 @a @b id=k\nret.9 @a\nttl.0 @b\nbal.0 @b\n"), []byte{0, 0, 0})
	f.Add([]byte("con.0\r"+strings.Repeat("y\n", 120)), []byte{1})
	f.Fuzz(func(t *testing.T, stream, cuts []byte) {
		want, wantEnd := play(t, [][]byte{stream}, cuenta.MaxBatch)
		rest := stream
		var chunks [][]byte
		limit := 1
		for _, cut := range cuts {
			n := min(int(cut), len(rest))
			chunks = append(chunks, rest[:n])
			rest = rest[n:]
			limit = int(cut)%5 + MaxRequests
		}
		got, end := play(t, append(chunks, rest), limit)
		if got != want || end != wantEnd {
			t.Fatalf("cut: %q, ended %v; whole: %q, ended %v", got, end, want, wantEnd)
		}
	})
}

func BenchmarkSession(b *testing.B) {
	for _, depth := range []int{1, 16, 128} {
		b.Run(fmt.Sprint("depth=", depth), func(b *testing.B) {
			var s Session
			batch := cuenta.Batch{Results: make([]cuenta.Result, depth)}
			input := bytes.Repeat([]byte("inc.4 @visitas\n"), depth)
			out := make([]byte, 0, 64*depth)
			b.ReportAllocs()
			for b.Loop() {
				for rest := input; len(rest) > 0; {
					n := copy(s.Space(), rest)
					rest = rest[n:]
					s.Filled(n)
					batch.Requests = batch.Requests[:0]
					s.Decode(&batch, cuenta.MaxBatch)
					out = s.AppendAnswers(out[:0], batch.Results[:len(batch.Requests)])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*depth), "ns/command")
		})
	}
}

// A command whose requests do not all fit into a batch waits for the next one.
func TestTransfersAreNotSplit(t *testing.T) {
	var s Session
	s.Filled(copy(s.Space(), "inc.1\ntra.2 @a @b\ninc.3\n"))
	b := cuenta.Batch{Requests: make([]cuenta.Request, 7)}
	for _, want := range []struct{ limit, lines, requests int }{{8, 1, 8}, {11, 0, 8}, {12, 1, 12}, {13, 1, 13}, {99, 0, 13}} {
		if n := s.Decode(&b, want.limit); n != want.lines || len(b.Requests) != want.requests {
			t.Errorf("limit %d: %d lines taken, %d requests", want.limit, n, len(b.Requests))
		}
		if more := want.requests < 13; s.Pending() != more {
			t.Errorf("limit %d: pending %v", want.limit, !more)
		}
	}
	all := b.Requests[8:12]
	if all[0].Op != cuenta.All || int(all[0].Span) != len(all)-1 {
		t.Errorf("%+v", all[0])
	}
}

// What a refused line has cost the service is one refusal.
func TestRefused(t *testing.T) {
	service := newService()
	var s Session
	var b cuenta.Batch
	s.Filled(copy(s.Space(), "tra.1 @a @b\nret.1\nx\ninc.1\nttl.0\nexp.1 @none\n"))
	s.Decode(&b, 99)
	service.Do(t.Context(), &b)
	if s.AppendAnswers(nil, b.Results); s.Refused() != 3 || s.Malformed() != 1 {
		t.Errorf("%d refused, %d malformed", s.Refused(), s.Malformed())
	}
}

// A session that was busy once does not keep the memory that it took.
func TestTermsAreGivenBack(t *testing.T) {
	var s Session
	var b cuenta.Batch
	s.Filled(copy(s.Space(), strings.Repeat("ret.1\n", 100)))
	s.Decode(&b, 1000)
	if s.Decode(&b, 1000); cap(s.decoder.terms) > maxKept {
		t.Errorf("%d terms kept", cap(s.decoder.terms))
	}
	for i := range b.Requests { // of the first Decode: nobody has written over them
		if b.Requests[i].Terms.Floor != (cuenta.Bound{Set: true}) {
			t.Fatalf("request %d: %+v", i, b.Requests[i].Terms)
		}
	}
}

// TestClient: who asks is in every request of the session, as it may be that
// each has an identity.
func TestClient(t *testing.T) {
	s := Session{Client: 7}
	var b cuenta.Batch
	s.Filled(copy(s.Space(), "inc.4 id=a\ninc.4\ncon.0 @b id=c\n"))
	if n := s.Decode(&b, cuenta.MaxBatch); n != 3 || len(b.Requests) != 3 {
		t.Fatalf("%d lines, %d requests", n, len(b.Requests))
	}
	for i := range b.Requests {
		if got := b.Requests[i].Client; got != 7 {
			t.Errorf("request %d is of client %d", i, got)
		}
	}
}
