//go:build race

package sim

// racing makes the tests shorter: a world is one goroutine, so there is little for
// the race detector to see.
const racing = true
