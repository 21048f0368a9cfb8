//go:build !linux

package inspect

import (
	"context"
	"errors"
)

// lockHolders has nothing to read: only Linux lists its locks.
func lockHolders(context.Context, string) ([]int32, error) { return nil, errors.ErrUnsupported }
