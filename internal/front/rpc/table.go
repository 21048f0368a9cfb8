package rpc

import (
	"fmt"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// table writes the fronts for people who call Services without our own client:
// one line per front, each value after its name, so that a line explains itself.
func table(fronts []cuenta.ServiceStatus) string {
	var b strings.Builder
	for _, f := range fronts {
		fmt.Fprintf(&b, "%-6s %-8s %-21s open=%d requests=%d errors=%d bytes_in=%d bytes_out=%d\n",
			f.Name, f.State, f.Address, f.Open, f.Requests, f.Errors, f.BytesIn, f.BytesOut)
	}
	return b.String()
}
