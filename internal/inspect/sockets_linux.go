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
	1: Established, 2: SynSent, 3: SynReceived, 4: FinWait1, 5: FinWait2, 6: TimeWait,
	7: Closed, 8: CloseWait, 9: LastAck, 10: Listen, 11: Closing, 12: SynReceived,
}

// sockets lists the machine's sockets of the given networks. A socket's owner is
// its inode.
func sockets(ctx context.Context, networks ...string) (all []socket, notes []string) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, []string{fmt.Sprintf("conexiones: no se puede leer /proc: %v", err)}
	}
	for _, network := range networks {
		for _, protocol := range []string{network, network + "6"} {
			if ctx.Err() != nil {
				return all, append(notes, "conexiones: lista incompleta, se agotó el tiempo")
			}
			all, err = appendSockets(all, proc, protocol)
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

func appendSockets(all []socket, proc procfs.FS, protocol string) ([]socket, error) {
	lines, err := table(proc, protocol)
	if err != nil {
		return all, err
	}
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
	return all, nil
}

// address joins what the table holds. IPv4 over an IPv6 socket is shown as IPv4.
func address(ip net.IP, port uint64) netip.AddrPort {
	addr, _ := netip.AddrFromSlice(ip) // the library only makes addresses of 4 or 16 bytes
	return netip.AddrPortFrom(addr.Unmap(), uint16(port))
}

// owners finds which processes hold the sockets of these inodes. Our own
// descriptors come first, and nobody else's are read if they are enough.
func owners(ctx context.Context, inodes []uint64) (map[uint64]int32, []string) {
	missing := make(map[uint64]bool, len(inodes))
	for _, inode := range inodes {
		missing[inode] = true
	}
	found := make(map[uint64]int32, len(inodes))
	take := func(p procfs.Proc) {
		targets, err := p.FileDescriptorTargets()
		if err != nil {
			return // gone, or not ours to look into: somebody else's, and it stays missing
		}
		for _, target := range targets {
			if inode, ok := socketInode(target); ok && missing[inode] {
				found[inode] = int32(p.PID)
				delete(missing, inode)
			}
		}
	}
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return found, []string{fmt.Sprintf("procesos: no se puede leer /proc: %v", err)}
	}
	if self, err := proc.Proc(os.Getpid()); err == nil {
		take(self)
	}
	if len(missing) == 0 {
		return found, nil
	}
	processes, err := proc.AllProcs()
	if err != nil {
		return found, []string{fmt.Sprintf("procesos: no se puede leer /proc: %v", err)}
	}
	for i, p := range processes {
		if len(missing) == 0 {
			return found, nil
		}
		if ctx.Err() != nil || i == maxProcesses {
			return found, []string{"procesos: búsqueda incompleta de quien usa un puerto"}
		}
		if p.PID != os.Getpid() {
			take(p)
		}
	}
	return found, nil
}

func socketInode(target string) (uint64, bool) {
	digits, ok := strings.CutPrefix(target, "socket:[")
	if !ok {
		return 0, false
	}
	inode, err := strconv.ParseUint(strings.TrimSuffix(digits, "]"), 10, 64)
	return inode, err == nil
}
