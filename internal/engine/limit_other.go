//go:build !linux

package engine

// maxCounters is modest where cells may be taken from memory at once.
const maxCounters = 1 << 20
