package offheap

import (
	"errors"
	"math/bits"
	"unsafe"
)

// Slab keeps items of one type, numbered from 0, one by one or in runs of a power
// of two. T must not hold pointers; what is taken is zero. What was given back is
// used again for runs of the same length.
type Slab[T any] struct {
	chunks []*Memory
	items  [][]T // the chunks as items
	used   uint32
	free   [maxRunLog + 1][]uint32
}

const (
	chunkItems = 1 << 12 // items of a chunk; a run never crosses from one to the next
	maxRunLog  = 7
)

var errSlabFull = errors.New("a slab cannot grow further")

// RunLog returns the logarithm of the least run that holds n items, 1 to 128.
func RunLog(n int) uint8 { return uint8(bits.Len(uint(n - 1))) }

// Take returns the number of the first of a run of 1<<log items, at most 128.
func (s *Slab[T]) Take(log uint8) (uint32, error) {
	if n := len(s.free[log]); n > 0 {
		item := s.free[log][n-1]
		s.free[log] = s.free[log][:n-1]
		return item, nil
	}
	size := uint32(1) << log
	first := (s.used + size - 1) &^ (size - 1)
	if first > MaxItems-size {
		return 0, errSlabFull
	}
	if int(first/chunkItems) == len(s.chunks) {
		if err := s.grow(); err != nil {
			return 0, err
		}
	}
	for ; s.used < first; s.used++ {
		s.free[0] = append(s.free[0], s.used)
	}
	s.used += size
	return first, nil
}

func (s *Slab[T]) grow() error {
	var t T
	m, err := Alloc(chunkItems * int(unsafe.Sizeof(t)))
	if err != nil {
		return err
	}
	s.chunks = append(s.chunks, m)
	s.items = append(s.items, unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(m.bytes))), chunkItems))
	return nil
}

// At returns an item.
func (s *Slab[T]) At(item uint32) *T { return &s.items[item/chunkItems][item%chunkItems] }

// Run returns the run that begins with an item.
func (s *Slab[T]) Run(item uint32, log uint8) []T {
	at := item % chunkItems
	return s.items[item/chunkItems][at : at+1<<log]
}

// Give gives a run back.
func (s *Slab[T]) Give(item uint32, log uint8) {
	clear(s.Run(item, log))
	s.free[log] = append(s.free[log], item)
}

// Used returns one more than the largest number that was ever in use.
func (s *Slab[T]) Used() uint32 { return s.used }

// Memory returns the bytes that the slab takes.
func (s *Slab[T]) Memory() uint64 {
	var t T
	return uint64(len(s.chunks)) * chunkItems * uint64(unsafe.Sizeof(t))
}

// Free gives the memory back to the system.
func (s *Slab[T]) Free() error {
	var err error
	for _, m := range s.chunks {
		err = errors.Join(err, m.Free())
	}
	*s = Slab[T]{}
	return err
}
