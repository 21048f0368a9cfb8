package sim

import (
	"os"
	"strconv"
	"testing"
)

func TestTrace(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("SEED"))
	r, err := Run(uint64(n), Options{Trace: os.Stdout})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r.Wrong)
}
