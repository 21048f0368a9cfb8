package demo

import "syscall"

// dieWithParent gives a child a process group of its own, so that what is typed at
// the terminal is not for it, and has the kernel kill it when the parent dies.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
