// Package offheap hands out large zeroed memory that the garbage collector
// neither scans nor counts, and structures that live in it: an index of names, an
// arena of strings, slabs of items. Pages are taken from the system when they are first
// touched, so a table may be asked for at the size it might once need.
package offheap

// Memory is one allocation. Its bytes are zero at first.
type Memory struct {
	bytes []byte
}

// Bytes returns the memory; it is invalid after Free.
func (m *Memory) Bytes() []byte { return m.bytes }
