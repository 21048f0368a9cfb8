package system

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// change is one answered increment.
type change struct {
	client int
	turn   int // within the client
	delta  int64
	value  int64 // as answered
}

// TestOneHistory sends 1000 increments from 20 connections over all five ways
// in. Whatever the order in which they were carried out, there must be one: the
// answers, put in order, each exceed the one before by exactly their own amount,
// and each client sees its own in the order it sent them.
func TestOneHistory(t *testing.T) {
	s := serve(t, "--workers", "2")
	const connections, each = 20, 50
	changes := make([][]change, connections)
	var all sync.WaitGroup
	for i := range connections {
		c := s.client(counting[i%len(counting)])
		defer c.close()
		all.Go(func() {
			for turn := range each {
				delta := int64(1 + (i*each+turn)%97)
				value, err := c.do(fmt.Sprintf("inc.%d", delta))
				if err != nil {
					t.Errorf("connection %d: %v", i, err)
					return
				}
				changes[i] = append(changes[i], change{i, turn, delta, value})
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	history := slices.Concat(changes...)
	slices.SortFunc(history, func(a, b change) int { return int(a.value - b.value) })
	if len(history) != connections*each {
		t.Fatalf("%d answers, want %d", len(history), connections*each)
	}
	var last int64
	turns := map[int]int{}
	for _, c := range history {
		if c.value != last+c.delta {
			t.Fatalf("connection %d, change %d: %d follows %d after adding %d", c.client, c.turn, c.value, last, c.delta)
		}
		if turns[c.client] != c.turn {
			t.Fatalf("connection %d: its change %d was carried out as its %d", c.client, c.turn, turns[c.client])
		}
		turns[c.client]++
		last = c.value
	}
	c := s.client("rpc")
	defer c.close()
	must(t, c, "con.0", last)
}
