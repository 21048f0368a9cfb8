package sim

import (
	"bytes"
	"testing"
)

func TestSeeds(t *testing.T) {
	cover := Cover{}
	for seed := range uint64(200) {
		r, err := Run(seed, Options{})
		if err != nil {
			t.Fatal(err)
		}
		cover.Add(r.Cover)
		if r.Wrong != "" {
			t.Errorf("%s\n%s", r.Command(), r.Wrong)
		}
	}
	t.Logf("\n%s", cover)
}

func TestSameSeedSameRun(t *testing.T) {
	for seed := range uint64(5) {
		var first, second bytes.Buffer
		for _, to := range []*bytes.Buffer{&first, &second} {
			if _, err := Run(seed, Options{Trace: to}); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) || first.Len() == 0 {
			t.Errorf("seed %d", seed)
		}
	}
}
