package inspect

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockHolders returns the processes that have locked a file of a directory, by what
// the kernel lists: a lock a line, as "1: FLOCK ADVISORY WRITE 4242 fe:00:1020 0 EOF"
// with the file's device in hexadecimal and its inode.
func lockHolders(ctx context.Context, dir string) ([]int32, error) {
	list, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil, err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	within := make(map[string]bool, len(files))
	for _, file := range files {
		var stat syscall.Stat_t
		if ctx.Err() != nil || syscall.Stat(filepath.Join(dir, file.Name()), &stat) != nil {
			continue // it has just been removed, perhaps
		}
		device := uint64(stat.Dev)
		within[fmt.Sprintf("%02x:%02x:%d", unix.Major(device), unix.Minor(device), stat.Ino)] = true
	}
	return holdersIn(string(list), within), nil
}

// holdersIn returns who holds a lock on one of the files. Who waits for one has an
// arrow in front, and who is in another container no number.
func holdersIn(list string, files map[string]bool) (pids []int32) {
	for line := range strings.Lines(list) {
		var number, kind, how, mode, file string
		var pid int32
		if n, _ := fmt.Sscan(line, &number, &kind, &how, &mode, &pid, &file); n == 6 && pid > 0 && files[file] {
			pids = append(pids, pid)
		}
	}
	return pids
}
