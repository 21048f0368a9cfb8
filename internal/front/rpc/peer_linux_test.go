package rpc

import (
	"fmt"
	"os"
)

// thisProcess is how the test's own process is named as a peer.
func thisProcess() string { return fmt.Sprintf("uid %d pid %d", os.Getuid(), os.Getpid()) }
