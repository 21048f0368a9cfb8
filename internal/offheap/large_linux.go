package offheap

import "golang.org/x/sys/unix"

// scattered tells the system that the memory will be used here and there, all over.
// In large pages, if it has them, an address is found with fewer looks at memory.
func (m *Memory) scattered() {
	_ = unix.Madvise(m.bytes, unix.MADV_HUGEPAGE) // only advice
}
