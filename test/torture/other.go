//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "torture: it needs Linux: namespaces, /proc and shared memory")
	os.Exit(1)
}
