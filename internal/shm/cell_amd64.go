package shm

// store writes the durable state within the sequence lock. This processor keeps
// the order of stores, and the compiler moves none across the lock's atomic
// ones, so plain stores do; atomic ones would cost an exchange each.
func (c *Cell) store(generation uint32, value int64, revision uint64) {
	c.generation, c.value, c.revision = generation, value, revision
}
