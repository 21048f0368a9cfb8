//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// workshop is the place of one run: a directory on disk, and the servers that
// were started in it.
type workshop struct {
	dir     string
	root    string // of the repository
	cuenta  string // the program, built from it
	started []*process
}

const tmpfsMagic = 0x01021994

// openWorkshop makes the directory in $TMPDIR, or in /var/tmp, which unlike
// /tmp is on disk everywhere, and builds the program.
func openWorkshop(root string) (*workshop, error) {
	parent := os.Getenv("TMPDIR")
	if parent == "" {
		parent = "/var/tmp"
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(parent, &fs); err != nil {
		return nil, fmt.Errorf("%s: %w", parent, err)
	}
	if fs.Type == tmpfsMagic {
		return nil, fmt.Errorf("%s is in memory, where a sync costs nothing; set TMPDIR to a directory on disk", parent)
	}
	dir, err := os.MkdirTemp(parent, "cuenta-peers-")
	if err != nil {
		return nil, err
	}
	w := &workshop{dir: dir, root: root, cuenta: filepath.Join(dir, "bin", "cuenta")}
	// PostgreSQL runs as another user and must find its way in.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, errors.Join(err, w.close())
	}
	progress("building the program")
	build := exec.Command("go", "build", "-o", w.cuenta, "./cmd/cuenta")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("go build: %w\n%s", err, out), w.close())
	}
	return w, nil
}

// close stops every server, the last one first, and removes the directory.
func (w *workshop) close() error {
	var errs []error
	for i := len(w.started) - 1; i >= 0; i-- {
		errs = append(errs, w.started[i].stop())
	}
	return errors.Join(append(errs, os.RemoveAll(w.dir))...)
}

// path returns a path in the directory.
func (w *workshop) path(elem ...string) string {
	return filepath.Join(append([]string{w.dir}, elem...)...)
}

// freePort returns a port that nobody had a moment ago.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return strconv.Itoa(port), l.Close()
}
