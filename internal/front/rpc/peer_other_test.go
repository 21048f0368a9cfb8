//go:build !linux

package rpc

// thisProcess is how the test's own process is named as a peer.
func thisProcess() string { return "unix" }
