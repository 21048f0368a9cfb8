//go:build !amd64 && !arm64

package prefetch

import "unsafe"

// Line asks for nothing.
func Line(unsafe.Pointer) {}
