package inspect

import (
	"context"
	"fmt"
	"os"

	"github.com/prometheus/procfs"
)

// protocols reads the network stack's statistics. They count what the whole
// machine (or the container) has sent and received, not only this server.
func protocols(ctx context.Context) ([]Protocol, []string) {
	if ctx.Err() != nil {
		return []Protocol{}, []string{"estadísticas: se agotó el tiempo"}
	}
	proc, err := procfs.NewProc(os.Getpid())
	if err != nil {
		return []Protocol{}, []string{fmt.Sprintf("estadísticas: no se puede leer /proc: %v", err)}
	}
	return protocolsOf(proc)
}

func protocolsOf(proc procfs.Proc) ([]Protocol, []string) {
	var notes []string
	v4, err := proc.Snmp()
	if err != nil {
		notes = append(notes, fmt.Sprintf("estadísticas de IPv4, TCP y UDP: %v", err))
	}
	v6, err := proc.Snmp6()
	if err != nil {
		notes = append(notes, fmt.Sprintf("estadísticas de IPv6: %v", err))
	} else if v6.Ip6.InReceives == nil { // the library takes a missing file for an empty one
		notes = append(notes, "estadísticas de IPv6: el sistema no tiene IPv6")
	}
	list := []Protocol{}
	for _, p := range []Protocol{ipv4(v4.Ip), ipv6(v6.Ip6), tcp(v4.Tcp), udp("UDP", v4.Udp), udp("UDPv6", procfs.Udp{
		InDatagrams: v6.Udp6.InDatagrams, OutDatagrams: v6.Udp6.OutDatagrams, NoPorts: v6.Udp6.NoPorts,
		InErrors: v6.Udp6.InErrors, RcvbufErrors: v6.Udp6.RcvbufErrors, SndbufErrors: v6.Udp6.SndbufErrors,
	})} {
		if len(p.Counters) > 0 {
			list = append(list, p)
		}
	}
	return list, notes
}

func ipv4(s procfs.Ip) Protocol {
	p := Protocol{Name: "IPv4"}
	p.add("InReceives", s.InReceives)
	p.add("InHdrErrors", s.InHdrErrors)
	p.add("InAddrErrors", s.InAddrErrors)
	p.add("InDiscards", s.InDiscards)
	p.add("InDelivers", s.InDelivers)
	p.add("OutRequests", s.OutRequests)
	p.add("OutDiscards", s.OutDiscards)
	p.add("OutNoRoutes", s.OutNoRoutes)
	p.add("ReasmFails", s.ReasmFails)
	p.add("FragFails", s.FragFails)
	return p
}

func ipv6(s procfs.Ip6) Protocol {
	p := Protocol{Name: "IPv6"}
	p.add("InReceives", s.InReceives)
	p.add("InHdrErrors", s.InHdrErrors)
	p.add("InAddrErrors", s.InAddrErrors)
	p.add("InDiscards", s.InDiscards)
	p.add("InDelivers", s.InDelivers)
	p.add("OutRequests", s.OutRequests)
	p.add("OutDiscards", s.OutDiscards)
	p.add("OutNoRoutes", s.OutNoRoutes)
	p.add("ReasmFails", s.ReasmFails)
	p.add("FragFails", s.FragFails)
	return p
}

func tcp(s procfs.Tcp) Protocol {
	p := Protocol{Name: "TCP"}
	p.add("ActiveOpens", s.ActiveOpens)
	p.add("PassiveOpens", s.PassiveOpens)
	p.add("AttemptFails", s.AttemptFails)
	p.add("EstabResets", s.EstabResets)
	p.add("CurrEstab", s.CurrEstab)
	p.add("InSegs", s.InSegs)
	p.add("OutSegs", s.OutSegs)
	p.add("RetransSegs", s.RetransSegs)
	p.add("InErrs", s.InErrs)
	p.add("OutRsts", s.OutRsts)
	return p
}

func udp(name string, s procfs.Udp) Protocol {
	p := Protocol{Name: name}
	p.add("InDatagrams", s.InDatagrams)
	p.add("OutDatagrams", s.OutDatagrams)
	p.add("NoPorts", s.NoPorts)
	p.add("InErrors", s.InErrors)
	p.add("RcvbufErrors", s.RcvbufErrors)
	p.add("SndbufErrors", s.SndbufErrors)
	return p
}

// add takes a figure unless this kernel does not have it.
func (p *Protocol) add(name string, value *float64) {
	if value != nil {
		p.Counters = append(p.Counters, Counter{Name: name, Value: uint64(*value)})
	}
}
