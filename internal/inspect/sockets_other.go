//go:build !linux

package inspect

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"syscall"

	"github.com/shirou/gopsutil/v4/net"
)

// sockets lists the machine's sockets of the given networks. A socket's owner is
// its process.
func sockets(ctx context.Context, networks ...string) (all []socket, notes []string) {
	for _, network := range networks {
		table, err := net.ConnectionsWithContext(ctx, network)
		if err != nil {
			notes = append(notes, fmt.Sprintf("conexiones %s: %v", network, err))
		}
		for _, line := range table {
			k := socket{
				protocol: network,
				local:    address(line.Laddr),
				remote:   address(line.Raddr),
				state:    stateOf(network, line.Status),
				owner:    uint64(max(line.Pid, 0)),
			}
			if line.Family == syscall.AF_INET6 {
				k.protocol += "6"
			}
			all = append(all, k)
		}
	}
	return all, notes
}

// address joins what the library tells: "" and "*" stand for any address.
func address(a net.Addr) netip.AddrPort {
	addr, err := netip.ParseAddr(a.IP)
	if err != nil {
		addr = netip.IPv6Unspecified()
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(a.Port))
}

// stateOf translates the words of the library, which follow the system's.
func stateOf(network, status string) State {
	switch status {
	case "", "NONE", "CLOSE", "CLOSED", "DELETE":
		if network == "udp" {
			return Unconnected
		}
		return Closed
	case "SYN_RECEIVED", "SYN_RCVD":
		return SynReceived
	case "FIN_WAIT_1":
		return FinWait1
	case "FIN_WAIT_2":
		return FinWait2
	}
	return State(strings.ToLower(status))
}

// owners: the system told the processes along with the sockets.
func owners(_ context.Context, pids []uint64) (map[uint64]int32, []string) {
	found := make(map[uint64]int32, len(pids))
	for _, pid := range pids {
		found[pid] = int32(pid)
	}
	return found, nil
}
