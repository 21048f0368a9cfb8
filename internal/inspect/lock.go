package inspect

import (
	"context"
	"slices"

	"github.com/shirou/gopsutil/v4/process"
)

// LockHolder returns the process that has locked a file of a directory, for the error
// message of whoever wanted that. Its name is empty, or it is not known at all, where
// the system does not tell.
func LockHolder(dir string) (pid int, name string, known bool) {
	ctx, cancel := context.WithTimeout(context.Background(), holderTime)
	defer cancel()
	pids, err := lockHolders(ctx, dir)
	if err != nil || len(pids) == 0 {
		return 0, "", false // to the reader it is all one why not
	}
	first := slices.Min(pids)
	if p, err := process.NewProcessWithContext(ctx, first); err == nil {
		if said, err := p.NameWithContext(ctx); err == nil {
			name = printable(said)
		}
	}
	return int(first), name, true
}
