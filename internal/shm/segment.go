package shm

import (
	"errors"
	"os"
)

// ErrUnsupported says that this system has no memory that can be handed to
// another process the way the workers need it.
var ErrUnsupported = errors.New("sharing memory with worker processes needs Linux")

// Segment is a piece of memory that other processes may map.
type Segment struct {
	bytes   []byte
	file    *os.File // nil where memory cannot be shared
	release func() error
}

// Bytes returns the memory; it is invalid after Close.
func (s *Segment) Bytes() []byte { return s.bytes }

// File returns the descriptor to hand to another process, nil where memory
// cannot be shared. The segment keeps and closes it.
func (s *Segment) File() *os.File { return s.file }

// Close unmaps the segment.
func (s *Segment) Close() error {
	err := s.release()
	s.bytes = nil
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	return err
}
