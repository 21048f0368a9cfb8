package resp

import (
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// A counter is there up to its end and not at it; the milliseconds that are told
// never say less than there is.
func TestEndsAsTimeGoes(t *testing.T) {
	w := newWorld()
	p := w.dial(t)
	for _, step := range []struct {
		words, want string
		then        time.Duration
	}{
		{"SET a 5 PX 2000", "+OK", 0},
		{"PTTL a", ":2000", 1},
		{"PTTL a", ":2000", time.Millisecond - 2},
		{"PTTL a", ":2000", 1},
		{"PTTL a", ":1999", 0},
		{"TTL a", ":2", 499 * time.Millisecond},
		{"TTL a", ":2", time.Millisecond},
		{"TTL a", ":1", 1499*time.Millisecond - 1},
		{"PTTL a", ":1", 0},
		{"TTL a", ":0", 0},
		{"GET a", "$1\r\n5", 0},
		{"WATCH a", "+OK", 1},
		{"GET a", "$-1", 0},
		{"PTTL a", ":-2", 0},
		{"TTL a", ":-2", 0},
		{"PEXPIRETIME a", ":-2", 0},
		{"EXISTS a", ":0", 0},
		{"PERSIST a", ":0", 0},
		{"EXPIRE a 10", ":0", 0},
		{"SET a 1 XX", "$-1", 0},
		{"MULTI", "+OK", 0},
		{"PING", "+QUEUED", 0},
		{"EXEC", "*-1", 0},
		{"INCREX a EX 10 ENX", "*2\r\n:1\r\n:1", 9 * time.Second},
		{"INCREX a EX 10 ENX", "*2\r\n:2\r\n:1", time.Second},
		{"INCREX a EX 10 ENX", "*2\r\n:1\r\n:1", 0},
		{"CUENTA.LIMIT a CEILING 5", "+OK", 10 * time.Second},
		{"INCRBY a 100", ":100", 0}, // the limits ended, too
		{"TTL a", ":-1", 0},
	} {
		if got := p.says(step.words); got != step.want+"\r\n" {
			t.Errorf("%s: got %q, want %q", step.words, got, step.want)
		}
		w.store.Advance(step.then)
	}
}

// What all plain commands that set say in common is never changed.
func TestNothingIsWrittenToWhatIsShared(t *testing.T) {
	p := newWorld().dial(t)
	for _, l := range randomLines(1, 500) {
		p.hears(l.stream)
	}
	if endless.Expiry != (cuenta.Expiry{Kind: cuenta.NoExpiry}) || !endless.Valid() || endless.Floor.Set || endless.Clamp {
		t.Errorf("%+v", endless)
	}
	s := p.w.NewSession("peer", "here")
	before, after := asked(s, "SET a 1")[0].Terms, asked(s, "MSET a 1 b 2")[2].Terms
	if before != &endless || after != &endless {
		t.Error("plain commands do not share their terms")
	}
}

// What requests point to stays as it is while more is said in the same Decode.
func TestTermsStayWhereTheyAre(t *testing.T) {
	s := newWorld().NewSession("peer", "here")
	var stream []byte
	for i := range 500 {
		stream = append(stream, said("INCREX", "a", "UBOUND", string(rune('0'+i%10)), "IDMP", "p", string(rune('1'+i%9)))...)
	}
	var requests int
	for rest := stream; len(rest) > 0; {
		n := copy(s.Space(), rest)
		s.Filled(n)
		rest = rest[n:]
		for more := true; more; more = s.Pending() {
			var b cuenta.Batch
			s.Decode(&b, cuenta.MaxBatch)
			for _, r := range b.Requests {
				want := "p:" + string(rune('1'+requests%9))
				if string(r.Identity.Key) != want || r.Terms.Ceiling != (cuenta.Bound{Set: true, At: int64(requests % 10)}) {
					t.Fatalf("request %d: %s, %+v", requests, r.Identity.Key, r.Terms.Ceiling)
				}
				requests++
			}
			s.AppendAnswers(nil, make([]cuenta.Result, len(b.Requests)))
		}
	}
	if requests != 500 {
		t.Errorf("%d requests", requests)
	}
	s.Decode(new(cuenta.Batch), 1)
	s.Decode(new(cuenta.Batch), 1)
	if cap(s.terms) > 64 || cap(s.keys) > 64 {
		t.Errorf("room for %d terms and %d bytes of keys is kept", cap(s.terms), cap(s.keys))
	}
}

// INFO tells how many counters have an end only where that is known.
func TestKeyspaceTellsWhatIsKnown(t *testing.T) {
	for known, want := range map[bool]string{true: "db0:keys=1,expires=3\r\n", false: "db0:keys=1\r\n"} {
		store := &store{Service: fronttest.NewService()}
		w := &world{store: store, Protocol: New(Config{Directory: store, Facts: func() (f Facts) {
			if three := int64(3); known {
				f.Expiring = &three
			}
			return f
		}})}
		p := w.dial(t)
		p.says("INCR a")
		if got := p.says("INFO keyspace"); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
