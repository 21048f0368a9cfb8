package ledger

import (
	"encoding/binary"

	"github.com/cuenta-server/cuenta/internal/shm"
)

const (
	chunkBits = 20 // names are kept in chunks of 1 MiB
	classSize = 32 // a place has a multiple of so many bytes
	classes   = 256 / classSize
)

// arena keeps the names that are too long for their cells, which then hold the
// name's place here. Places that were given back serve for names of the same
// class of length.
type arena struct {
	chunks [][]byte
	free   [classes][]uint64 // places, by class
}

// class of a name's length: places of class k have (k+1)*classSize bytes.
func class(length int) int { return (length - 1) / classSize }

func (a *arena) put(c *shm.Cell, name []byte) {
	place := a.place(class(len(name)))
	copy(a.at(place, len(name)), name)
	binary.LittleEndian.PutUint64(c.Name[:8], place)
}

func (a *arena) place(k int) uint64 {
	if n := len(a.free[k]); n > 0 {
		place := a.free[k][n-1]
		a.free[k] = a.free[k][:n-1]
		return place
	}
	size := (k + 1) * classSize
	last := len(a.chunks) - 1
	if last < 0 || len(a.chunks[last])+size > 1<<chunkBits {
		a.chunks = append(a.chunks, make([]byte, 0, 1<<chunkBits))
		last++
	}
	chunk := a.chunks[last]
	a.chunks[last] = chunk[:len(chunk)+size]
	return uint64(last)<<chunkBits | uint64(len(chunk))
}

func (a *arena) at(place uint64, length int) []byte {
	start := place & (1<<chunkBits - 1)
	return a.chunks[place>>chunkBits][start : start+uint64(length)]
}

func (a *arena) get(c *shm.Cell) []byte {
	return a.at(binary.LittleEndian.Uint64(c.Name[:8]), int(c.NameLen))
}

// release gives back the place of the cell's name, if it has one.
func (a *arena) release(c *shm.Cell) {
	if c.NameLen > shm.InlineName {
		k := class(int(c.NameLen))
		a.free[k] = append(a.free[k], binary.LittleEndian.Uint64(c.Name[:8]))
	}
}

func (a *arena) memory() uint64 { return uint64(len(a.chunks)) << chunkBits }
