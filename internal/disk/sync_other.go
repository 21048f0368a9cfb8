//go:build !linux

package disk

import "os"

// syncData is a full flush on macOS: os.File.Sync asks for F_FULLFSYNC there.
func syncData(f *os.File) error { return f.Sync() }
