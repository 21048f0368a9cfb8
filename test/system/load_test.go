package system

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestBenchThroughEveryFront: what the load generator says was done is what the
// server holds, whichever way it came.
func TestBenchThroughEveryFront(t *testing.T) {
	s := serve(t, "--workers", "2")
	const operations = 2000
	want := 0
	for front, address := range s.fronts {
		if front == "socket" {
			continue
		}
		said, exit := s.cuenta("", "bench", "--front", front, address, "--connections", "3", "--pipeline", "4", "--keys", "10",
			"--operations", strconv.Itoa(operations), "--warm-up", "0s")
		if exit != 0 || !regexp.MustCompile(`(?m)^operations +2000$`).MatchString(said) {
			t.Errorf("%s: exit %d:\n%s", front, exit, said)
		}
		want += operations
	}
	listed, _ := s.cuenta("", "list", "key:")
	got := 0
	for line := range strings.Lines(listed) {
		_, value, _ := strings.Cut(strings.TrimSpace(line), "\t")
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got += n
	}
	if got != want || want < 6*operations {
		t.Errorf("the server counted %d, the generator %d", got, want)
	}
}
