//go:build !amd64

package shm

import "sync/atomic"

// publish writes a state within the sequence lock of its cell.
func publish(c *Cell, generation uint32, value int64, revision uint64) {
	odd := c.lock.Load() + 1
	c.lock.Store(odd)
	atomic.StoreUint32(&c.generation, generation)
	atomic.StoreInt64(&c.value, value)
	atomic.StoreUint64(&c.revision, revision)
	c.lock.Store(odd + 1)
}
