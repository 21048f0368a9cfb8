//go:build !amd64

package shm

import "sync/atomic"

// store writes the durable state within the sequence lock.
func (c *Cell) store(generation uint32, value int64, revision uint64) {
	atomic.StoreUint32(&c.generation, generation)
	atomic.StoreInt64(&c.value, value)
	atomic.StoreUint64(&c.revision, revision)
}
