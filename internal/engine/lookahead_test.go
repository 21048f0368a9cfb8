package engine

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// TestReadersSideBySide: batches that only read pass the gate together, and each finds
// its own counters.
func TestReadersSideBySide(t *testing.T) {
	e := open(t, disktest.New())
	defer closeEngine(t, e)
	const readers, counters, rounds = 8, 100, 200
	requests := make([][]cuenta.Request, readers)
	for r := range readers {
		for n := range counters {
			name := fmt.Sprintf("%d-%d", r, n)
			do(e, cuenta.ClassRemote, add(name, int64(r*counters+n)))
			requests[r] = append(requests[r], get(name))
		}
	}
	var all sync.WaitGroup
	for r := range readers {
		all.Go(func() {
			for range rounds {
				for n, result := range do(e, cuenta.ClassRemote, requests[r]...) {
					if want := int64(r*counters + n); result.Value != want || result.Revision == 0 {
						t.Errorf("reader %d, counter %d: %+v, want %d", r, n, result, want)
						return
					}
				}
			}
		})
	}
	all.Wait()
}

// TestLookahead applies batches of all lengths, with what passes over some of them, and
// demands what the same requests one by one are answered.
func TestLookahead(t *testing.T) {
	for _, length := range []int{1, 2, step - 1, step, step + 1, 2*step + 1, 3 * step, 3*step + 1, 4*step - 1, 10*step + 5} {
		for _, jump := range []int{0, 1, step, 3*step + 7, 5 * step} {
			e, single := open(t, disktest.New()), open(t, disktest.New())
			var requests []cuenta.Request
			for n := range length {
				if n == length/3 && jump > 0 { // a run, of which the turn is at once
					requests = append(requests, cuenta.Request{Op: cuenta.All, Span: uint16(jump)})
					for k := range jump {
						requests = append(requests, add(fmt.Sprint("all-", k), 1))
					}
				}
				requests = append(requests, add(fmt.Sprint("n-", n*7%97), int64(n)))
			}
			for i, got := range do(e, cuenta.ClassRemote, requests...) {
				r := requests[i]
				if r.Op == cuenta.All {
					continue
				}
				if want := do(single, cuenta.ClassRemote, r)[0]; got.Value != want.Value || got.Revision != want.Revision || got.Code != cuenta.OK {
					t.Fatalf("%d requests, %d in a run: request %d: %+v, want %+v", length, jump, i, got, want)
				}
			}
			closeEngine(t, e)
			closeEngine(t, single)
		}
	}
}
