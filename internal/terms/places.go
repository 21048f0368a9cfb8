package terms

import (
	"errors"
	"unsafe"

	"github.com/cuenta-server/cuenta/internal/offheap"
)

// places says for each cell which record is its. The cells are numbered from 0 without
// gaps, so this is an array, in chunks that come with the first record in them.
type places struct {
	memory []*offheap.Memory
	chunks [][]uint32 // the memory as records plus one; nil where there is none yet
	count  int
}

// chunkCells is how many cells one chunk is about.
const chunkCells = 1 << 14

func (p *places) get(cell uint32) (item uint32, ok bool) {
	chunk := cell / chunkCells
	if uint64(chunk) >= uint64(len(p.chunks)) || p.chunks[chunk] == nil {
		return 0, false
	}
	item = p.chunks[chunk][cell%chunkCells]
	return item - 1, item != 0
}

// put says which record is a cell's that has none. It fails if there is no memory.
func (p *places) put(cell, item uint32) error {
	chunk := int(cell / chunkCells)
	for len(p.chunks) <= chunk {
		p.chunks = append(p.chunks, nil)
	}
	if p.chunks[chunk] == nil {
		m, err := offheap.Alloc(chunkCells * int(unsafe.Sizeof(item)))
		if err != nil {
			return err
		}
		p.memory = append(p.memory, m)
		p.chunks[chunk] = unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(m.Bytes()))), chunkCells)
	}
	p.chunks[chunk][cell%chunkCells] = item + 1
	p.count++
	return nil
}

// drop says that a cell has no record any more.
func (p *places) drop(cell uint32) {
	p.chunks[cell/chunkCells][cell%chunkCells] = 0
	p.count--
}

// size returns the bytes that the chunks take.
func (p *places) size() uint64 { return uint64(len(p.memory)) * chunkCells * 4 }

func (p *places) free() error {
	var err error
	for _, m := range p.memory {
		err = errors.Join(err, m.Free())
	}
	*p = places{}
	return err
}
