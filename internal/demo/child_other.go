//go:build !linux

package demo

import "syscall"

// dieWithParent can promise nothing: only Linux kills children with their parent.
// Here they are killed by whoever started them, unless that is itself killed.
func dieWithParent() *syscall.SysProcAttr { return nil }
