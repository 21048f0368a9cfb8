package inspect

import (
	"context"
	"slices"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// holderTime bounds how long the search for a holder delays an error message.
const holderTime = time.Second

// PortHolder returns the process that holds a busy port, for the error message of
// whoever wanted that. Its name is empty, or it is not known at all, where the system
// does not tell: the port is free again, or the process is another user's.
func PortHolder(network string, port int) (pid int, name string, known bool) {
	ctx, cancel := context.WithTimeout(context.Background(), holderTime)
	defer cancel()
	all, _ := sockets(ctx, network) // what could not be read is not known
	var wanted []uint64
	for _, k := range all {
		if int(k.local.Port()) == port && k.receives() && k.owner != 0 {
			wanted = append(wanted, k.owner)
		}
	}
	if len(wanted) == 0 {
		return 0, "", false
	}
	pids, _ := owners(ctx, wanted)
	for _, owner := range wanted {
		if pid := pids[owner]; pid != 0 {
			return int(pid), nameOf(ctx, pid), true
		}
	}
	return 0, "", false
}

// LockHolder returns the process that has locked a file of a directory, as [PortHolder]
// returns that of a port.
func LockHolder(dir string) (pid int, name string, known bool) {
	ctx, cancel := context.WithTimeout(context.Background(), holderTime)
	defer cancel()
	pids, err := lockHolders(ctx, dir)
	if err != nil || len(pids) == 0 {
		return 0, "", false // to the reader it is all one why not
	}
	first := slices.Min(pids)
	return int(first), nameOf(ctx, first), true
}

// nameOf returns the name of a process, empty if it cannot be known.
func nameOf(ctx context.Context, pid int32) string {
	p, err := process.NewProcessWithContext(ctx, pid)
	if err != nil {
		return ""
	}
	name, err := p.NameWithContext(ctx)
	if err != nil {
		return ""
	}
	return printable(name)
}
