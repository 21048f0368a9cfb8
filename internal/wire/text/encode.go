package text

import (
	"math"
	"strconv"

	"github.com/cuenta-server/cuenta"
)

// AppendCommand appends the request as the command, without a line end, from
// which [Decode] makes it again. It reports false, with dst as it was, for a
// request that the protocol has no words for.
func AppendCommand(dst []byte, r *cuenta.Request) ([]byte, bool) {
	if !sayable(r) {
		return dst, false
	}
	switch {
	case r.Op == cuenta.Get:
		dst = append(dst, "con.0"...)
	case r.Op == cuenta.Reset:
		dst = append(dst, "res.0"...)
	case r.N < 0:
		dst = strconv.AppendInt(append(dst, "dec."...), -r.N, 10)
	default:
		dst = strconv.AppendInt(append(dst, "inc."...), r.N, 10)
	}
	if len(r.Counter) > 0 {
		dst = append(append(dst, " @"...), r.Counter...)
	}
	if len(r.Identity.Key) > 0 {
		dst = append(append(dst, " id="...), r.Identity.Key...)
	}
	return dst, true
}

// sayable reports whether there is a command for the request. There is none that
// adds 0, for that one reads; and none for an amount without a negative.
func sayable(r *cuenta.Request) bool {
	switch r.Op {
	case cuenta.Get, cuenta.Reset:
	case cuenta.Add:
		if r.N == 0 || r.N == math.MinInt64 {
			return false
		}
	default:
		return false
	}
	return r.If == cuenta.Always && r.Identity.Session == 0 && r.Identity.Valid() &&
		(len(r.Counter) == 0 || cuenta.ValidName(r.Counter))
}
