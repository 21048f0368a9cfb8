// Package system tests the built executable as its users meet it: real
// processes, real sockets, real signals. Everything listens on loopback ports
// that the system picks.
package system
