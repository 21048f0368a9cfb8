package fronttest

import (
	"runtime"
	"testing"
)

// NoLeaks fails the test if it ends with more goroutines than there are now.
// Call it before anything is started, so that it looks after all is stopped.
func NoLeaks(t testing.TB) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		// A goroutine that has done its work may not be gone yet.
		if !Eventually(func() bool { return runtime.NumGoroutine() <= before }) {
			stacks := make([]byte, 1<<16)
			t.Errorf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	})
}
