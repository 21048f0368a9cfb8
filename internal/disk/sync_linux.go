package disk

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// syncData leaves out the times of the file, which fsync would write as well.
func syncData(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var synced error
	err = raw.Control(func(fd uintptr) {
		for {
			synced = syscall.Fdatasync(int(fd))
			if !errors.Is(synced, syscall.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if synced != nil {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: synced}
	}
	return nil
}
