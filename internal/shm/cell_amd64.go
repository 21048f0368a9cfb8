package shm

// publish writes a state within the sequence lock of its cell. This processor shows
// stores to others in the order in which they are made, so plain ones do, in assembly,
// where no compiler drops the first of two to the same place. Go's own atomic stores are
// exchanges here, which wait until every store before them has its cache line: for a
// group of many cells that would be a sixth of the work.
//
//go:noescape
func publish(c *Cell, generation uint32, value int64, revision uint64)
