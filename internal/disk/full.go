//go:build !windows

package disk

import (
	"errors"
	"syscall"
)

// IsFull reports whether err means that no space is left, on the device or in a quota.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
