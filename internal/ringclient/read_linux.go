package ringclient

import (
	"slices"

	"github.com/cuenta-server/cuenta"
)

// read answers a single read from the counter's cell, if it is known. What stands
// there is durable, and not older than any answer that anybody has had. It reports
// false if the server must be asked: also while anything is under way, because
// whoever has submitted a change before must see it, and if the server is gone,
// whose cells would show for ever what was.
func (c *Client) read(b *cuenta.Batch) bool {
	b.Results = slices.Grow(b.Results[:0], 1)[:1]
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault == nil && c.underway.len() == 0 && c.waiting.len() == 0 &&
		c.places.Read(b.Requests[0].Counter, &b.Results[0]) && c.bell.There()
}

// learn learns a counter's place from the answer to a single read. The names of
// other batches may not be their callers' any more.
func (c *Client) learn(k *call) {
	if k.size == 1 && k.done == nil && k.batch != nil {
		c.places.Learn(&k.batch.Requests[0], &k.batch.Results[0])
	}
}

// release gives back the memory. It is this process's: nothing can be lost.
func (c *Client) release() {
	_ = c.link.Close()
	if c.cells != nil {
		_ = c.cells.Close()
	}
}
