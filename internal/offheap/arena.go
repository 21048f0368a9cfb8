package offheap

import "errors"

const (
	chunkSize = 1 << 20
	granule   = 16  // a place has a multiple of so many bytes
	maxString = 256 // the longest string, in bytes
	classes   = maxString / granule
)

// Arena keeps strings of 1 to 256 bytes, each at a place that a number stands
// for. Places that were given back serve for strings of about the same length.
type Arena struct {
	chunks []*Memory
	filled int               // bytes of the last chunk that were handed out
	free   [classes][]uint32 // places, by class
}

// Place is where a string stands in an arena.
type Place uint32

// class of a length: places of class k have (k+1)*granule bytes.
func class(length int) int { return (length - 1) / granule }

// Put keeps a copy of a string.
func (a *Arena) Put(s []byte) (Place, error) {
	k := class(len(s))
	place, err := a.place(k)
	if err != nil {
		return 0, err
	}
	copy(a.At(place, len(s)), s)
	return place, nil
}

func (a *Arena) place(k int) (Place, error) {
	if n := len(a.free[k]); n > 0 {
		place := a.free[k][n-1]
		a.free[k] = a.free[k][:n-1]
		return Place(place), nil
	}
	size := (k + 1) * granule
	if len(a.chunks) == 0 || a.filled+size > chunkSize {
		if len(a.chunks) >= 1<<32/(chunkSize/granule) {
			return 0, errArenaFull
		}
		m, err := Alloc(chunkSize)
		if err != nil {
			return 0, err
		}
		a.chunks, a.filled = append(a.chunks, m), 0
	}
	place := Place((len(a.chunks)-1)*(chunkSize/granule) + a.filled/granule)
	a.filled += size
	return place, nil
}

var errArenaFull = errors.New("an arena of names cannot grow further")

// At returns the string of that length at a place. It must not be changed, and is
// valid until it is released.
func (a *Arena) At(place Place, length int) []byte {
	start := int(place) % (chunkSize / granule) * granule
	end := start + length
	return a.chunks[int(place)/(chunkSize/granule)].bytes[start:end:end]
}

// Release gives back the place of a string of that length.
func (a *Arena) Release(place Place, length int) {
	k := class(length)
	a.free[k] = append(a.free[k], uint32(place))
}

// Memory returns the bytes that the arena takes.
func (a *Arena) Memory() uint64 { return uint64(len(a.chunks)) * chunkSize }

// Footprint returns the bytes that a string of that length takes.
func Footprint(length int) int { return (class(length) + 1) * granule }

// Free gives the memory back to the system.
func (a *Arena) Free() error {
	var err error
	for _, m := range a.chunks {
		err = errors.Join(err, m.Free())
	}
	a.chunks = nil
	return err
}
