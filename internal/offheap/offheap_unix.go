//go:build unix

package offheap

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Alloc returns size bytes of private zeroed memory.
func Alloc(size int) (*Memory, error) {
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("reserving %d bytes of memory: %w", size, err)
	}
	return &Memory{bytes: b}, nil
}

// Discard gives the whole pages within [from, to) back to the system. Their
// bytes must not be read afterwards. It spares Free one long pause.
func (m *Memory) Discard(from, to int) {
	page := os.Getpagesize()
	from = (from + page - 1) / page * page
	to = to / page * page
	if from < to {
		// Only advice: where it is not taken, Free returns the pages.
		_ = unix.Madvise(m.bytes[from:to], unix.MADV_DONTNEED)
	}
}

// Free returns all of it to the system.
func (m *Memory) Free() error {
	b := m.bytes
	m.bytes = nil
	return unix.Munmap(b)
}
