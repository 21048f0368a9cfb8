package ledger

import (
	"encoding/binary"

	"github.com/cuenta-server/cuenta/internal/shm"
)

const chunkBits = 20 // names are kept in chunks of 1 MiB

// arena keeps the names that are too long for their cells, which then hold the
// name's place here.
type arena struct {
	chunks [][]byte
}

func (a *arena) put(c *shm.Cell, name []byte) {
	last := len(a.chunks) - 1
	if last < 0 || len(a.chunks[last])+len(name) > 1<<chunkBits {
		a.chunks = append(a.chunks, make([]byte, 0, 1<<chunkBits))
		last++
	}
	place := uint64(last)<<chunkBits | uint64(len(a.chunks[last]))
	a.chunks[last] = append(a.chunks[last], name...)
	binary.LittleEndian.PutUint64(c.Name[:8], place)
}

func (a *arena) get(c *shm.Cell) []byte {
	place := binary.LittleEndian.Uint64(c.Name[:8])
	chunk := a.chunks[place>>chunkBits]
	start := place & (1<<chunkBits - 1)
	return chunk[start : start+uint64(c.NameLen)]
}
