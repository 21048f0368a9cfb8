package proc

import (
	"os"
	"testing"
)

// The test binary is its own worker, and its own server.
func TestMain(m *testing.M) {
	switch {
	case IsWorker() && os.Getenv(liarEnv) != "":
		os.Exit(liar())
	case IsWorker():
		os.Exit(Main())
	case os.Getenv(serverEnv) != "":
		os.Exit(doomedServer())
	}
	os.Exit(m.Run())
}
