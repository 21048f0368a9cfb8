//go:build !linux

package inspect

import "context"

// protocols has nothing to read: gopsutil knows these figures on Linux only.
func protocols(context.Context) ([]Protocol, []string) {
	return []Protocol{}, []string{"estadísticas de IPv4, IPv6, TCP y UDP: solo se leen en Linux"}
}
