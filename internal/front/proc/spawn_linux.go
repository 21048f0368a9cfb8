package proc

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// command prepares a worker that is born with the files, from descriptor 3 on.
func (s *Server) command(files []*os.File) (*exec.Cmd, *tail) {
	cmd := exec.Command(s.conf.Executable)
	cmd.Args = []string{os.Args[0], "worker"} // for whoever looks at the process list
	cmd.Env = s.environment
	cmd.ExtraFiles = files
	last := new(tail)
	cmd.Stderr = last
	cmd.WaitDelay = time.Second // a worker has no children that could hold its stderr
	return cmd, last
}

// duplicate returns a descriptor of the same open file. Unlike the File methods
// of connections it leaves the file's mode alone, which both share.
func duplicate(fd int, name string) (*os.File, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicating the descriptor of the %s: %w", name, err)
	}
	return os.NewFile(uintptr(dup), name), nil
}

// duplicateSocket is [duplicate] for a connection or listener.
func duplicateSocket(c syscall.Conn, name string) (*os.File, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("duplicating the descriptor of the %s: %w", name, err)
	}
	var f *os.File
	var dupErr error
	if err := raw.Control(func(fd uintptr) { f, dupErr = duplicate(int(fd), name) }); err != nil {
		return nil, fmt.Errorf("duplicating the descriptor of the %s: %w", name, err)
	}
	return f, dupErr
}

// tail keeps the last that a worker wrote to its standard error. It is read
// only after the worker's end.
type tail struct{ kept []byte }

const maxTail = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - maxTail; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}
