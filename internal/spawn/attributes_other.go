//go:build !linux

package spawn

import "syscall"

// attributes can promise nothing: only Linux kills children with their mother. Here
// they are killed by whoever started them, unless that is itself killed.
func attributes() *syscall.SysProcAttr { return nil }
