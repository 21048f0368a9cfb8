package sim

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// seeds runs many seeds, two at a time, and stops when enough is true of a result.
func seeds(t *testing.T, from, n uint64, fault Fault, enough func(*Result) bool) {
	t.Helper()
	var next atomic.Uint64
	var done atomic.Bool
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < n && !done.Load(); i = next.Add(1) - 1 {
				r, err := Run(from+i, Options{Fault: fault})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if enough(r) {
					done.Store(true)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
}

// TestSeeds simulates two hundred worlds, the same ones every time, and sees that
// together they have met with all that they are there for.
func TestSeeds(t *testing.T) {
	n := uint64(200)
	if racing {
		n = 20
	}
	cover := Cover{}
	seeds(t, 0, n, NoFault, func(r *Result) bool {
		cover.Add(r.Cover)
		if r.Wrong != "" {
			t.Errorf("see it again with: %s\n%s", r.Command(), r.Wrong)
		}
		return false
	})
	for _, what := range []string{
		"power cut in commit, sync segment", "power cut in commit, write segment", "power cut in recovery, ", "power cut in segment, ",
		"power cut in snapshot, ", "kill in commit, ", "kill in recovery, ", "kill in peace", "stop: failed before false",
		"recovery: sealed false, cut true", "recovery: sealed false, cut false", "recovery: sealed true", "snapshot: written true",
		"disk error: sync segment in commit", "disk error: write segment in commit", "full disk: begins", "recovery: refused for want of room",
		"flipped bit: refused", "journal failed", "clock: jumps back", "network: datagram lost", "network: datagram doubled",
		"network: connection cut: the network cuts it", "retries", "answers replayed", "answers too late", "queue: full, refused",
		"answer conflict to ", "answer too-old to ", "answer too-new to ", "answer no-session to ", "answer overflow to ", "answer unmet to ",
		"answer limit to ", "answer past to ", "answer ok to limit", "answer ok to expire", "answer ok to describe", "lapse: deletes", "lapse: looked for",
		"answer ok to hold", "answer ok to settle", "answer ok to release", "answer ok to extend", "answer no-hold to settle", "lapse: ends holds",
		"answer ok to take", "answer throttled to take", "answer ok to ticket", "answer no-hold to all", "answer throttled to all",
		"answer failed to ", "answer unknown to ", "answer absent to outcome", "judged: undecided false",
	} {
		met := 0
		for name, n := range cover {
			if strings.HasPrefix(name, what) {
				met += n
			}
		}
		if met == 0 && !racing {
			t.Errorf("never met with: %s", what)
		}
	}
	t.Logf("what %d worlds have met with:\n%s", n, cover)
}

// TestSameSeedSameRun: a seed replays byte for byte, whether somebody listens or not.
func TestSameSeedSameRun(t *testing.T) {
	for seed := range uint64(6) {
		var first, second bytes.Buffer
		var covers []string
		for _, o := range []Options{{Trace: &first}, {}, {Trace: &second}} {
			r, err := Run(seed, o)
			if err != nil {
				t.Fatal(err)
			}
			covers = append(covers, r.Cover.String())
		}
		if first.Len() == 0 || !bytes.Equal(first.Bytes(), second.Bytes()) || covers[0] != covers[1] {
			t.Errorf("seed %d goes another way when it is run again", seed)
		}
	}
}

// TestPlantedFaultsAreFound: with each fault in the server, one of the first few
// hundred seeds goes wrong.
func TestPlantedFaultsAreFound(t *testing.T) {
	if racing {
		t.Skip("the same worlds as without the race detector")
	}
	for fault := NoFault + 1; fault < NumFaults; fault++ {
		var found *Result
		seeds(t, 0, 600, fault, func(r *Result) bool {
			if r.Wrong != "" && (found == nil || r.Seed < found.Seed) {
				found = r
			}
			return found != nil
		})
		if found == nil {
			t.Errorf("%s is not found", fault)
			continue
		}
		t.Logf("%s is found by seed %d: %.300s", fault, found.Seed, found.Wrong)
	}
}

// TestSeedsThatFoundSomething runs again what went wrong before the server was
// mended. Whoever changes what a world draws changes what its seed is about; the
// mistakes themselves have tests where they were.
func TestSeedsThatFoundSomething(t *testing.T) {
	for _, c := range []struct {
		seed uint64
		what string
	}{
		{30, "a counter whose time was over was read once the journal had failed"},
		{2280, "a counter whose time was over was read once the journal had failed"},
	} {
		r, err := Run(c.seed, Options{})
		if err != nil || r.Wrong != "" {
			t.Errorf("%s, which has found that %s: %v\n%s", r.Command(), c.what, err, r.Wrong)
		}
	}
}
