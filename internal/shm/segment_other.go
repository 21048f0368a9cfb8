//go:build !linux

package shm

import (
	"os"

	"github.com/cuenta-server/cuenta/internal/offheap"
)

// Create makes a segment of size zeroed bytes, private to this process.
func Create(name string, size int) (*Segment, error) {
	m, err := offheap.Alloc(size)
	if err != nil {
		return nil, err
	}
	return &Segment{bytes: m.Bytes(), release: m.Free}, nil
}

// Map fails: see ErrUnsupported.
func Map(f *os.File, size int, readOnly bool) (*Segment, error) { return nil, ErrUnsupported }

// ForReading fails: see ErrUnsupported.
func (s *Segment) ForReading() (*os.File, error) { return nil, ErrUnsupported }

// OnlyReaders has nothing to do where nobody else can map the segment.
func (s *Segment) OnlyReaders() error { return nil }
