package demo

import (
	"slices"
	"testing"
	"time"
)

func TestKillMoments(t *testing.T) {
	for _, duration := range []time.Duration{time.Second, 3 * time.Second, 10 * time.Second, 61 * time.Second} {
		moments := killMoments(5, duration)
		if want := max(1, int(duration/killEvery)); len(moments) != want {
			t.Errorf("%v: %d kills, want %d", duration, len(moments), want)
		}
		if !slices.IsSorted(moments) || moments[0] <= 0 || moments[len(moments)-1] >= duration {
			t.Errorf("%v: killed at %v", duration, moments)
		}
		if !slices.Equal(moments, killMoments(5, duration)) || slices.Equal(moments, killMoments(6, duration)) {
			t.Errorf("%v: the moments are not the seed's", duration)
		}
	}
}
