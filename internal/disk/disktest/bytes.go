package disktest

import (
	"errors"
	"io"

	"github.com/cuenta-server/cuenta/internal/disk"
)

// ReadFile returns what a file holds.
func ReadFile(fsys disk.FS, name string) ([]byte, error) {
	f, err := fsys.OpenRead(name)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	data := make([]byte, size)
	_, err = f.ReadAt(data, 0)
	if errors.Is(err, io.EOF) {
		err = nil // an empty file
	}
	return data, errors.Join(err, f.Close())
}

// WriteFile makes a file hold data, durably but for its name.
func WriteFile(fsys disk.FS, name string, data []byte) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	return errors.Join(err, f.Sync(), f.Close())
}
