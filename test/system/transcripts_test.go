package system

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

type exchange struct {
	command string
	answer  int64
}

func readTranscripts(t *testing.T) map[string][]exchange {
	t.Helper()
	f, err := os.Open("testdata/transcripts.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string][]exchange{}
	name := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if title, ok := strings.CutPrefix(line, "== "); ok {
			name = title
			continue
		}
		command, answer, ok := strings.Cut(line, " -> ")
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(answer, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = append(all[name], exchange{command, n})
	}
	if len(all) != 4 {
		t.Fatalf("read %d transcripts, want 4", len(all))
	}
	return all
}

// TestTranscripts plays the transcripts over every way in, one after the other
// on the counter that requests mean when they name none.
func TestTranscripts(t *testing.T) {
	for _, workers := range []string{"connection", "2"} {
		t.Run("workers="+workers, func(t *testing.T) {
			s := serve(t, "--workers", workers)
			for name, lines := range readTranscripts(t) {
				for _, front := range append([]string{"socket"}, counting...) {
					c := s.client(front)
					must(t, c, "res.0", 0)
					for _, e := range lines {
						got, err := c.do(e.command)
						if err != nil || got != e.answer {
							t.Fatalf("%s over %s: %s gave %d, %v; want %d", name, front, e.command, got, err, e.answer)
						}
					}
					c.close()
				}
			}
		})
	}
}

// TestTranscriptsAcrossTransports plays each transcript over all ways in at
// once, in turns, so that each line is carried by another one than the last.
func TestTranscriptsAcrossTransports(t *testing.T) {
	s := serve(t)
	var clients []client
	for _, front := range append([]string{"socket"}, counting...) {
		c := s.client(front)
		defer c.close()
		clients = append(clients, c)
	}
	turn := 0
	for name, lines := range readTranscripts(t) {
		must(t, clients[0], "res.0", 0)
		for _, e := range lines {
			c := clients[turn%len(clients)]
			turn++
			if got, err := c.do(e.command); err != nil || got != e.answer {
				t.Fatalf("%s: %s gave %d, %v; want %d", name, e.command, got, err, e.answer)
			}
		}
	}
}

// TestExactTotals adds over all ways in at the same time.
func TestExactTotals(t *testing.T) {
	s := serve(t, "--workers", "2")
	const each = 300
	var all sync.WaitGroup
	for i, front := range append([]string{"socket"}, counting...) {
		c := s.client(front)
		defer c.close()
		all.Go(func() {
			for range each {
				if _, err := c.do("inc." + strconv.Itoa(i+1)); err != nil {
					t.Errorf("%s: %v", front, err)
					return
				}
			}
		})
	}
	all.Wait()
	for _, front := range counting {
		c := s.client(front)
		must(t, c, "con.0", each*(1+2+3+4+5+6))
		c.close()
	}
	if code := s.stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	s.restart()
	c := s.client("tcp")
	defer c.close()
	must(t, c, "con.0", each*(1+2+3+4+5+6))
}
