package spawn

import "syscall"

// attributes give a child a process group of its own, so that what is typed at the
// terminal is not for it, and have the kernel kill it when its mother dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
