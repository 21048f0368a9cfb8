package proc

import (
	"os"
	"testing"
)

// The test binary is its own worker.
func TestMain(m *testing.M) {
	if IsWorker() {
		os.Exit(Main())
	}
	os.Exit(m.Run())
}
