package offheap

import (
	"errors"
	"unsafe"
)

// Slab keeps items of one type, numbered from 0. T must not hold pointers, and
// its zero value is what a new item is. Numbers that were given back are used
// again.
type Slab[T any] struct {
	chunks []*Memory
	items  [][]T // the chunks as items
	used   uint32
	free   []uint32
}

// chunkItems is how many items a chunk has: a power of two.
const chunkItems = 1 << 12

var errSlabFull = errors.New("a slab cannot grow further")

// Take returns the number of an item that was not in use, whose value is zero.
func (s *Slab[T]) Take() (uint32, error) {
	if n := len(s.free); n > 0 {
		item := s.free[n-1]
		s.free = s.free[:n-1]
		return item, nil
	}
	if s.used == MaxItems {
		return 0, errSlabFull
	}
	if int(s.used) == len(s.chunks)*chunkItems {
		if err := s.grow(); err != nil {
			return 0, err
		}
	}
	s.used++
	return s.used - 1, nil
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

// Give gives an item back.
func (s *Slab[T]) Give(item uint32) {
	var zero T
	*s.At(item) = zero
	s.free = append(s.free, item)
}

// Used returns one more than the largest number that was ever in use.
func (s *Slab[T]) Used() uint32 { return s.used }

// Free gives the memory back to the system.
func (s *Slab[T]) Free() error {
	var err error
	for _, m := range s.chunks {
		err = errors.Join(err, m.Free())
	}
	*s = Slab[T]{}
	return err
}
