//go:build !unix

package offheap

// Alloc returns size bytes of zeroed memory, on the heap where the system has
// no anonymous mappings.
func Alloc(size int) (*Memory, error) { return &Memory{bytes: make([]byte, size)}, nil }

// Discard does nothing here; Free returns the memory.
func (m *Memory) Discard(from, to int) {}

// Free lets go of the memory.
func (m *Memory) Free() error {
	m.bytes = nil
	return nil
}
