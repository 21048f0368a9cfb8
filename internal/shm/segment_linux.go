package shm

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Create makes a segment of size zeroed bytes and maps it for writing. The
// memory is sparse: a page costs nothing until it is touched.
func Create(name string, size int) (*Segment, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("creating shared memory %q: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := f.Truncate(int64(size)); err != nil {
		f.Close()
		return nil, fmt.Errorf("sizing shared memory %q to %d bytes: %w", name, size, err)
	}
	// Fixed in size from now on: a process that holds the descriptor cannot
	// shrink it and so cannot make the others fault.
	if err := seal(f, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW); err != nil {
		f.Close()
		return nil, err
	}
	s, err := mapFile(f, size, unix.PROT_READ|unix.PROT_WRITE)
	if err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

// Map maps size bytes of a segment that another process created. The segment
// owns f from then on.
func Map(f *os.File, size int, readOnly bool) (*Segment, error) {
	prot := unix.PROT_READ | unix.PROT_WRITE
	if readOnly {
		prot = unix.PROT_READ
	}
	return mapFile(f, size, prot)
}

func mapFile(f *os.File, size, prot int) (*Segment, error) {
	b, err := unix.Mmap(int(f.Fd()), 0, size, prot, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping %d bytes of shared memory %q: %w", size, f.Name(), err)
	}
	return &Segment{bytes: b, file: f, release: func() error { return unix.Munmap(b) }}, nil
}

// ForReading opens the segment once more, so that the descriptor cannot be used
// for writing, whatever is done with it. It is the caller's to close.
func (s *Segment) ForReading() (*os.File, error) {
	f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", s.file.Fd()))
	if err != nil {
		return nil, fmt.Errorf("opening shared memory %q for reading: %w", s.file.Name(), err)
	}
	return f, nil
}

// OnlyReaders keeps every later mapping of the segment, in whatever process,
// from writing. The mapping that exists goes on writing.
func (s *Segment) OnlyReaders() error {
	return seal(s.file, unix.F_SEAL_FUTURE_WRITE)
}

func seal(f *os.File, seals int) error {
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return fmt.Errorf("sealing shared memory %q: %w", f.Name(), err)
	}
	return nil
}
