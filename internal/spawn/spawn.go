// Package spawn starts child processes that do not outlive the one that started
// them, and that nothing typed at its terminal is for.
package spawn

import (
	"os/exec"
	"runtime"
)

// Mother starts child processes that the kernel kills when she dies, on Linux; no
// other system promises that. The kernel ties its promise to the thread that started
// the child, so one thread starts them all and must outlive them.
type Mother struct{ orders chan order }

type order struct {
	cmd  *exec.Cmd
	done chan error
}

// New returns a mother that is ready. [Mother.Retire] ends her.
func New() *Mother {
	m := &Mother{orders: make(chan order)}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for o := range m.orders {
			o.done <- o.cmd.Start()
		}
	}()
	return m
}

// Start starts the command, whose SysProcAttr it sets.
func (m *Mother) Start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = attributes()
	o := order{cmd, make(chan error, 1)}
	m.orders <- o
	return <-o.done
}

// Retire ends the thread's duty. All children must be dead.
func (m *Mother) Retire() { close(m.orders) }
