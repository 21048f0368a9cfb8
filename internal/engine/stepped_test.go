package engine

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/ledger"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// stepped is a commit cycle over a ledger and a journal whose driver tells it what
// time it is, to the nanosecond, and when to look for what has ended.
type stepped struct {
	t       *testing.T
	fs      *disktest.FS
	cells   *shm.Segment
	ledger  *ledger.Ledger
	journal *journal.Journal
	cycle   *Cycle
	now     int64
}

func openStepped(t *testing.T, fs *disktest.FS, now int64) *stepped {
	t.Helper()
	s := &stepped{t: t, fs: fs}
	var err error
	if s.cells, err = shm.Create("test-cells", 1000*shm.CellSize); err != nil {
		t.Fatal(err)
	}
	if s.ledger, err = ledger.New(shm.NewCells(s.cells), 1000, identity.Config{}); err != nil {
		t.Fatal(err)
	}
	var recovery journal.Recovery
	s.journal, recovery, err = journal.Open(fs, "/data", Sink(s.ledger), journal.Options{SegmentSize: testSegment})
	if err != nil {
		t.Fatal(err)
	}
	s.now = max(now, recovery.Time)
	if err := s.ledger.Restored(s.now); err != nil {
		t.Fatal(err)
	}
	s.cycle = NewCycle(s.ledger, drawSession)
	return s
}

// crash cuts the power, and returns what is found afterwards by a system whose clock
// says what it will.
func (s *stepped) crash(clock int64) *stepped {
	s.t.Helper()
	fs := s.fs.Crash(0, 1)
	s.close()
	return openStepped(s.t, fs, clock)
}

func (s *stepped) close() {
	s.t.Helper()
	for _, c := range []interface{ Close() error }{s.journal, s.ledger, s.cells} {
		if err := c.Close(); err != nil {
			s.t.Fatal(err)
		}
	}
}

// do asks, and returns the answers once they may be revealed.
func (s *stepped) do(requests ...cuenta.Request) []cuenta.Result {
	s.t.Helper()
	b := cuenta.Batch{Requests: requests}
	for {
		ticket, applied := s.cycle.Admit(&b, s.journal.Room, testSegment/groupShare, s.now)
		if applied {
			if ticket > s.cycle.Sealed() {
				s.commit()
			}
			return b.Results
		}
		s.commit()
		if err := s.journal.AwaitRoom(context.Background()); err != nil {
			s.t.Fatal(err)
		}
	}
}

// commit makes the open group durable.
func (s *stepped) commit() {
	s.t.Helper()
	record := s.cycle.Seal(s.now)
	if record == nil {
		return
	}
	if err := s.journal.Append(record); err != nil {
		s.t.Fatal(err)
	}
	s.cycle.Landed()
}

// lapse has everything deleted that is looked for at the beginning of an eighth of a
// second or so: then what has ended is found to the nanosecond.
func (s *stepped) lapse() {
	const grain = int64(1) << 27
	s.now += grain - 1
	s.now -= s.now % grain
	for s.cycle.Lapse(s.journal.Room, testSegment/groupShare, s.now) {
		continue
	}
	s.commit()
}

// TestEndsToTheNanosecond plays against the naive service with counters that end in
// the very next nanosecond or after hours, while time goes by in such steps, so that
// reads and changes of all kinds, in an All too, meet counters whose time is over
// and that nothing has deleted yet.
func TestEndsToTheNanosecond(t *testing.T) {
	for seed := range longer(4, 400) {
		if !toTheNanosecond(t, seed, 250) {
			return
		}
	}
}

func toTheNanosecond(t *testing.T, seed uint64, batches int) bool {
	s := openStepped(t, disktest.New(), 1_700_000_000_123_456_789)
	p := newPlayer(seed)
	p.now = func() int64 { return s.now }
	p.end = func() int64 { return s.now + 1 + p.rng.Int64N(1<<p.rng.IntN(42)) }
	p.naive.Now(func() time.Time { return time.Unix(0, s.now) })
	var ids []uint64
	for n := range batches {
		requests := p.batch(1 + p.rng.IntN(12))
		to := translate(requests, ids)
		got := p.compare(to, s.do(to...), &ids)
		if want := asked(p.naive, requests); !slices.Equal(got, want) {
			t.Errorf("seed %d, batch %d:\n%s", seed, n, differences(requests, got, want))
			break
		}
		switch p.rng.IntN(20) {
		case 0:
			s.commit() // a deletion may have been met by a change that was refused
			s = s.crash(s.now)
		case 1:
			s.commit()
			s = s.crash(s.now - int64(time.Hour))
			p.naive.Now(func() time.Time { return time.Unix(0, s.now) })
		case 2:
			s.lapse()
			p.naive.Lapse()
		case 3, 4, 5, 6, 7, 8, 9:
			s.now += p.rng.Int64N(1 << p.rng.IntN(40))
		}
	}
	s.close()
	return !t.Failed()
}

// TestAnEndedCounterStaysEnded: whoever was told that a counter's time is over may
// rely on it, though the power is cut right after the answer, before anything was
// deleted, and the system's clock is set back by an hour.
func TestAnEndedCounterStaysEnded(t *testing.T) {
	name := []byte("a")
	ended := func(e cuenta.Expiry) *cuenta.Terms { return &cuenta.Terms{Expiry: e} }
	ifPresent := cuenta.Request{Op: cuenta.Add, Counter: name, N: 1, If: cuenta.IfPresent}
	all := cuenta.Request{Op: cuenta.All, Span: 1}
	check := cuenta.Request{Op: cuenta.Check, Counter: name, N: 1}
	for what, ask := range map[string][]cuenta.Request{
		"get":                {{Op: cuenta.Get, Counter: name}},
		"check":              {check},
		"describe":           {{Op: cuenta.Describe, Counter: name, Terms: ended(cuenta.Expiry{})}},
		"all with a get":     {all, {Op: cuenta.Get, Counter: name}},
		"refused":            {ifPresent},
		"refused expire":     {{Op: cuenta.Expire, Counter: name, Terms: ended(cuenta.Expiry{Kind: cuenta.NoExpiry})}},
		"refused in an all":  {all, ifPresent},
		"a check in an all":  {all, check},
		"nothing to delete":  {{Op: cuenta.Delete, Counter: name}},
		"an all that counts": {{Op: cuenta.All, Span: 2}, {Op: cuenta.Get, Counter: name}, add("b", 1)},
	} {
		start := int64(1_700_000_000_000_000_000)
		s := openStepped(t, disktest.New(), start)
		s.do(cuenta.Request{Op: cuenta.Add, Counter: name, N: 1, Terms: ended(cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: 10})})
		s.now = start + 9
		if r := s.do(get("a"))[0]; r.Value != 1 || r.Generation != 0 {
			t.Errorf("%s: a nanosecond before: %+v", what, r)
		}
		s.now = start + 10
		s.do(ask...)
		s = s.crash(start - int64(time.Hour))
		if s.now < start+10 {
			t.Errorf("%s: the time told is not recorded", what)
		}
		if r := s.do(get("a"))[0]; r.Revision != 0 {
			t.Errorf("%s: the counter is back: %+v", what, r)
		}
		s.close()
	}
}

// TestFullDiskTellsNoTime: where nothing can be recorded, a read that would tell that
// a counter's time is over is refused, to the nanosecond; other reads go on.
func TestFullDiskTellsNoTime(t *testing.T) {
	start := int64(1_700_000_000_000_000_000)
	for _, after := range []int64{10, 11, 1 << 27, int64(time.Hour)} {
		s := openStepped(t, disktest.New(), start)
		s.do(add("b", 7), cuenta.Request{Op: cuenta.Add, Counter: []byte("a"), N: 1,
			Terms: &cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: 10}}})
		full := func(int64) error { return cuenta.Full.Err() }
		ask := func(requests ...cuenta.Request) []cuenta.Result {
			b := cuenta.Batch{Requests: requests}
			ticket, applied := s.cycle.Admit(&b, full, math.MaxInt64/4, s.now)
			if !applied || ticket != 0 || !s.cycle.Idle() {
				t.Errorf("%d ns later: applied %v, ticket %d; something is to be recorded: %v", after, applied, ticket, !s.cycle.Idle())
			}
			return b.Results
		}
		s.now = start + after
		reads := []cuenta.Request{
			get("a"), get("b"),
			{Op: cuenta.Describe, Counter: []byte("a"), Terms: &cuenta.Terms{}},
			{Op: cuenta.Check, Counter: []byte("a")},
		}
		got := ask(reads...)
		for i, want := range []cuenta.Code{cuenta.Full, cuenta.OK, cuenta.Full, cuenta.Full} {
			if got[i].Code != want {
				t.Errorf("%d ns later, %v: %+v", after, reads[i].Op, got[i])
			}
		}
		if s.cycle.Lapse(full, math.MaxInt64/4, s.now) || !s.cycle.Idle() {
			t.Errorf("%d ns later: something was deleted without room", after)
		}
		s.cycle.Landed() // of nothing; the counter is still there for whoever looks
		s.close()
	}
}
