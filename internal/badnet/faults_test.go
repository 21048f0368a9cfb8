package badnet

import (
	"fmt"
	"slices"
	"testing"
)

func TestWeatherComesFromTheSeed(t *testing.T) {
	const n = 10_000
	forecast := func(seed uint64, name string) (fates []fate, count [delayed + 1]int) {
		w := weather{dice: Dice(seed, name)}
		for range n {
			f, delay := w.next()
			if f != delayed && delay != 0 || delay < 0 || delay >= maxDelay {
				t.Fatalf("fate %d with a delay of %v", f, delay)
			}
			fates = append(fates, f)
			count[f]++
		}
		return fates, count
	}
	first, count := forecast(7, "udp up")
	if again, _ := forecast(7, "udp up"); !slices.Equal(first, again) {
		t.Error("the same seed gives other fates")
	}
	if other, _ := forecast(8, "udp up"); slices.Equal(first, other) {
		t.Error("another seed gives the same fates")
	}
	if other, _ := forecast(7, "udp down"); slices.Equal(first, other) {
		t.Error("another direction has the same fates")
	}
	for f, percent := range map[fate]int{dropped: dropPercent, doubled: doublePercent, delayed: delayPercent} {
		if got := count[f] * 100 / n; got < percent/2 || got > percent*2 {
			t.Errorf("fate %d: %d percent, want about %d", f, got, percent)
		}
	}
}

func TestSettledWeatherPassesAll(t *testing.T) {
	w := weather{dice: Dice(1, "x")}
	w.settle()
	for range 1000 {
		if f, _ := w.next(); f != passed {
			t.Fatalf("fate %d", f)
		}
	}
}

func TestCutsComeFromTheSeedAndAreOfEveryKind(t *testing.T) {
	const n, meanPieces = 2000, 15
	pieces, up, seen := 0, 0, map[string]int{}
	for i := range n {
		name := fmt.Sprint("tcp connection ", i)
		c := planCut(Dice(3, name), meanPieces)
		if c != planCut(Dice(3, name), meanPieces) {
			t.Fatal("the same seed gives another plan")
		}
		if c.share < 0 || c.share > 1 || c.piece < 0 {
			t.Fatalf("plan %+v", c)
		}
		pieces += c.piece
		if c.up {
			up++
		}
		seen[fmt.Sprint("ending ", c.end)]++
		switch c.share {
		case 0, 1:
			seen[fmt.Sprint("share ", c.share)]++
		default:
			seen["share between"]++
		}
	}
	if mean := pieces / n; mean < meanPieces-4 || mean > meanPieces+4 {
		t.Errorf("%d pieces pass on average", mean)
	}
	if up < n/3 || up > n*2/3 {
		t.Errorf("%d of %d are cut on the way to the server", up, n)
	}
	for _, kind := range []string{"ending 0", "ending 1", "ending 2", "share 0", "share 1", "share between"} {
		if seen[kind] < n/10 {
			t.Errorf("%s: %d of %d", kind, seen[kind], n)
		}
	}
}
