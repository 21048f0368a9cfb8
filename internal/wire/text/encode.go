package text

import (
	"math"
	"strconv"
	"time"

	"github.com/cuenta-server/cuenta"
)

// AppendCommand appends the request as the command, without a line end, from
// which [Decode] makes it again. It reports false, with dst as it was, for a
// request that the protocol has no words for, and for those about rates, tickets and
// holds, to which a line does not answer all that there is to say.
func AppendCommand(dst []byte, r *cuenta.Request) ([]byte, bool) {
	if !sayable(r) {
		return dst, false
	}
	switch {
	case r.Op == cuenta.Get:
		dst = append(dst, "con.0"...)
	case r.Op == cuenta.Reset:
		dst = append(dst, "res.0"...)
	case r.Op == cuenta.Limit:
		dst = append(dst, "lim.0"...)
	case r.Op == cuenta.Expire:
		dst = strconv.AppendInt(append(dst, "exp."...), r.Terms.Expiry.Time/int64(time.Second), 10)
	case r.Op == cuenta.Describe:
		dst = append(dst, "ttl.0"...)
	case r.N < 0:
		dst = strconv.AppendInt(append(dst, "dec."...), -r.N, 10)
	default:
		dst = strconv.AppendInt(append(dst, "inc."...), r.N, 10)
	}
	dst = appendCounter(dst, r.Counter)
	if r.Terms != nil && r.Op != cuenta.Describe {
		dst = appendTerms(dst, r.Terms, r.Op == cuenta.Expire)
	}
	return appendKey(dst, r.Identity.Key), true
}

// AppendLine appends the requests of one command, as a [Decoder] has made them, as a
// command without a line end. It reports false, with dst as it was, for others.
func AppendLine(dst []byte, requests []cuenta.Request) ([]byte, bool) {
	if len(requests) == 1 {
		return AppendCommand(dst, &requests[0])
	}
	switch {
	case len(requests) == 0 || requests[0].Op != cuenta.All:
		return dst, false
	case isRenumber(requests):
		dst = appendCounter(append(dst, "ren.0"...), requests[1].Counter)
	case len(requests) == transferRequests && requests[2].Terms != nil:
		dst = appendTransferLine(dst, &requests[2], &requests[3])
	default:
		return dst, false
	}
	return appendKey(dst, requests[0].Identity.Key), true
}

func appendTransferLine(dst []byte, from, to *cuenta.Request) []byte {
	dst = strconv.AppendInt(append(dst, "tra."...), to.N, 10)
	dst = appendCounter(appendCounter(dst, from.Counter), to.Counter)
	if from.Terms.Floor.At != 0 {
		dst = appendTerms(dst, from.Terms, false)
	}
	return dst
}

// appendCounter names a counter, unless it is the one that is meant without a name.
func appendCounter(dst, name []byte) []byte {
	if len(name) == 0 {
		return dst
	}
	return append(append(dst, " @"...), name...)
}

func appendKey(dst, key []byte) []byte {
	if len(key) == 0 {
		return dst
	}
	return append(append(dst, " id="...), key...)
}

func appendTerms(dst []byte, t *cuenta.Terms, timeIsSaid bool) []byte {
	if t.Floor.Set {
		dst = strconv.AppendInt(append(dst, " min="...), t.Floor.At, 10)
	}
	if t.Ceiling.Set {
		dst = strconv.AppendInt(append(dst, " max="...), t.Ceiling.At, 10)
	}
	if t.Clamp {
		dst = append(dst, " sat"...)
	}
	if t.Total {
		dst = append(dst, " total"...)
	}
	e := &t.Expiry
	if e.Kind == cuenta.ExpireAfter && !timeIsSaid {
		dst = strconv.AppendInt(append(dst, " ttl="...), e.Time/int64(time.Second), 10)
	}
	if e.If != cuenta.ExpiryAlways {
		dst = append(append(dst, " if="...), conditions[e.If]...)
	}
	return dst
}

// sayable reports whether there is a command for the request. There is none that
// adds 0, for that one reads; and none for an amount without a negative.
func sayable(r *cuenta.Request) bool {
	switch r.Op {
	case cuenta.Get:
		if r.Terms != nil {
			return false
		}
	case cuenta.Reset, cuenta.Limit, cuenta.Expire, cuenta.Describe:
		if !sayableTerms(r) {
			return false
		}
	case cuenta.Add:
		if r.N == 0 || r.N == math.MinInt64 || !sayableTerms(r) {
			return false
		}
	default:
		return false
	}
	return r.If == cuenta.Always && r.Identity.Session == 0 && r.Identity.Valid() &&
		(len(r.Counter) == 0 || cuenta.ValidName(r.Counter))
}

// sayableTerms reports whether there are options for what the terms of a request
// say, and nothing else.
func sayableTerms(r *cuenta.Request) bool {
	t := r.Terms
	switch {
	case t == nil:
		return r.Op == cuenta.Add || r.Op == cuenta.Reset
	case r.Op == cuenta.Describe:
		return true
	case !t.Valid() || t.Expiry.Time%int64(time.Second) != 0 || t.Expiry.Kind == cuenta.ExpireAt:
		return false
	}
	said := cuenta.Terms{Expiry: cuenta.Expiry{Kind: t.Expiry.Kind}}
	if t.Expiry.Kind == cuenta.ExpireAfter {
		said.Expiry.Time = t.Expiry.Time
	}
	if r.Op == cuenta.Expire {
		said.Expiry.If = t.Expiry.If
		return t.Expiry.Kind != cuenta.KeepExpiry && sameMeaning(r, &said)
	}
	if t.Floor.Set {
		said.Floor = t.Floor
	}
	if t.Ceiling.Set {
		said.Ceiling = t.Ceiling
	}
	if r.Op == cuenta.Limit {
		said.Total = t.Total
		return t.Expiry.Kind == cuenta.KeepExpiry && sameMeaning(r, &said)
	}
	said.Clamp = t.Clamp
	nothing := cuenta.Request{Op: r.Op, Terms: &said}
	return t.Expiry.Kind != cuenta.NoExpiry && sameMeaning(r, &said) && !sameMeaning(&nothing, new(cuenta.Terms))
}

// sameMeaning reports whether a request with other terms would be the same.
func sameMeaning(r *cuenta.Request, other *cuenta.Terms) bool {
	with := *r
	with.Terms = other
	return with.Fingerprint() == r.Fingerprint()
}
