package inspect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// maxProcesses bounds the search for the processes that hold a socket.
const maxProcesses = 4096

// The states as the kernel numbers them (include/net/tcp_states.h). 12 is a
// half-open connection that has no socket of its own yet.
var kernelStates = [...]State{
	0: Closed, 1: Established, 2: SynSent, 3: SynReceived, 4: FinWait1, 5: FinWait2, 6: TimeWait,
	7: Closed, 8: CloseWait, 9: LastAck, 10: Listen, 11: Closing, 12: SynReceived,
}

// sockets lists the machine's sockets of the given networks. A socket's owner is
// its inode.
func sockets(ctx context.Context, networks ...string) (all []socket, notes []string) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, []string{fmt.Sprintf("conexiones: no se puede leer /proc: %v", err)}
	}
	return socketsIn(ctx, proc, networks)
}

func socketsIn(ctx context.Context, proc procfs.FS, networks []string) (all []socket, notes []string) {
	for _, network := range networks {
		for _, protocol := range []string{network, network + "6"} {
			if ctx.Err() != nil {
				return all, append(notes, "conexiones: lista incompleta, se agotó el tiempo")
			}
			lines, err := table(proc, protocol)
			all = appendSockets(all, protocol, lines)
			switch {
			case errors.Is(err, fs.ErrNotExist) && protocol != network:
				notes = append(notes, fmt.Sprintf("conexiones %s: el sistema no tiene IPv6", protocol))
			case err != nil:
				notes = append(notes, fmt.Sprintf("conexiones %s: %v", protocol, err))
			}
		}
	}
	return all, notes
}

// table reads one of the kernel's tables; they all have one layout, so one type
// serves them here. The library advises netlink for TCP, but sandboxes and
// containers often refuse netlink's socket diagnosis, while the tables can be
// read by everyone everywhere.
func table(proc procfs.FS, protocol string) (procfs.NetTCP, error) {
	switch protocol {
	case "tcp":
		//lint:ignore SA1019 see above
		return proc.NetTCP()
	case "tcp6":
		//lint:ignore SA1019 see above
		return proc.NetTCP6()
	case "udp":
		lines, err := proc.NetUDP()
		return procfs.NetTCP(lines), err
	case "udp6":
		lines, err := proc.NetUDP6()
		return procfs.NetTCP(lines), err
	}
	return nil, fmt.Errorf("%w: %s", errors.ErrUnsupported, protocol)
}

func appendSockets(all []socket, protocol string, lines procfs.NetTCP) []socket {
	for _, line := range lines {
		k := socket{
			protocol: protocol,
			local:    address(line.LocalAddr, line.LocalPort),
			remote:   address(line.RemAddr, line.RemPort),
			state:    Closed,
			owner:    line.Inode,
		}
		if line.St < uint64(len(kernelStates)) {
			k.state = kernelStates[line.St]
		}
		if k.state == Closed && strings.HasPrefix(protocol, "udp") {
			k.state = Unconnected
		}
		all = append(all, k)
	}
	return all
}

// address joins what the table holds. IPv4 over an IPv6 socket is shown as IPv4.
func address(ip net.IP, port uint64) netip.AddrPort {
	addr, _ := netip.AddrFromSlice(ip) // the library only makes addresses of 4 or 16 bytes
	return netip.AddrPortFrom(addr.Unmap(), uint16(port))
}

// owners finds which processes hold the sockets of these inodes.
func owners(ctx context.Context, inodes []uint64) (map[uint64]int32, []string) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, []string{fmt.Sprintf("procesos: no se puede leer /proc: %v", err)}
	}
	search := ownerSearch{missing: make(map[uint64]bool), found: make(map[uint64]int32)}
	for _, inode := range inodes {
		search.missing[inode] = true
	}
	if err := search.run(ctx, proc); err != nil {
		return search.found, []string{fmt.Sprintf("procesos: no se pudo buscar en todos quien usa un puerto: %v", err)}
	}
	return search.found, nil
}

type ownerSearch struct {
	missing map[uint64]bool
	found   map[uint64]int32
}

// run looks through our own descriptors, and through those of other processes
// only as long as something is missing. A process whose descriptors cannot be
// read is gone or somebody else's; what it holds stays missing.
func (o *ownerSearch) run(ctx context.Context, proc procfs.FS) error {
	if self, err := proc.Proc(os.Getpid()); err == nil {
		o.look(self)
	}
	if len(o.missing) == 0 {
		return nil
	}
	processes, err := proc.AllProcs()
	if err != nil {
		return err
	}
	for i, p := range processes {
		switch {
		case len(o.missing) == 0:
			return nil
		case i == maxProcesses:
			return fmt.Errorf("hay más de %d", maxProcesses)
		case ctx.Err() != nil:
			return ctx.Err()
		case p.PID != os.Getpid():
			o.look(p)
		}
	}
	return nil
}

func (o *ownerSearch) look(p procfs.Proc) {
	targets, err := p.FileDescriptorTargets()
	if err != nil {
		return
	}
	for _, target := range targets {
		if inode, ok := socketInode(target); ok && o.missing[inode] {
			o.found[inode] = int32(p.PID)
			delete(o.missing, inode)
		}
	}
}

func socketInode(target string) (uint64, bool) {
	digits, ok := strings.CutPrefix(target, "socket:[")
	if !ok {
		return 0, false
	}
	inode, err := strconv.ParseUint(strings.TrimSuffix(digits, "]"), 10, 64)
	return inode, err == nil
}
