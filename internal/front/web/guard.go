package web

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// guard refuses what a page in a browser could be tricked into sending.
//
//   - The Host must be ours. A page of attacker.example whose name is made to
//     point here (DNS rebinding) is of one origin with us in the browser's eyes,
//     but its requests still carry that name.
//   - The origin must be ours. A browser names the page's origin in Origin, its
//     address in Referer, and their relation to us in Sec-Fetch-Site, unless the
//     person typed our address.
//   - Nothing is fetched ahead of a person's wish.
func guard(r *http.Request, allowedHosts []string) (reply, bool) {
	switch {
	case !ownHost(r, allowedHosts):
		return refusal(http.StatusMisdirectedRequest, cuenta.Forbidden,
			"the Host is not this server's; ask for localhost, or for the address it listens on"), false
	case !sameSite(r.Header["Sec-Fetch-Site"]):
		return forbidden("a page of another site asks for this (Sec-Fetch-Site)"), false
	case !allFrom(r.Host, r.Header["Origin"]):
		return forbidden("a page of another origin asks for this (Origin)"), false
	case !allFrom(r.Host, r.Header["Referer"]):
		return forbidden("a page of another origin asks for this (Referer)"), false
	case prefetch(r.Header):
		return forbidden("a browser asks for this ahead of time"), false
	}
	return reply{}, true
}

// guardChange is for requests that change something. Browsers leave
// Sec-Fetch-Site away where they do not trust the connection, which is plain
// HTTP to another machine, and a page may have Origin and Referer left away as
// well. Then nothing tells a wish of its user from a trick, so that a browser is
// refused that does not say where its request comes from.
func guardChange(r *http.Request) (reply, bool) {
	browser := strings.HasPrefix(r.UserAgent(), "Mozilla/")
	if browser && len(r.Header["Sec-Fetch-Site"]) == 0 {
		return forbidden("the browser does not say which page asks for this; use curl, or localhost"), false
	}
	return reply{}, true
}

func forbidden(why string) reply {
	return refusal(http.StatusForbidden, cuenta.Forbidden, why)
}

// ownHost reports whether the request asks for this server under a name or
// address of its own. The port is left out: it may be another one where it is
// forwarded, and is nothing that a page could choose.
func ownHost(r *http.Request, allowed []string) bool {
	if r.Host == "" {
		return !r.ProtoAtLeast(1, 1) // no browser speaks HTTP/1.0
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") || slices.ContainsFunc(allowed, func(name string) bool {
		return strings.EqualFold(host, name)
	}) {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return false
	}
	address = address.Unmap()
	return address.IsLoopback() || address == localAddress(r)
}

// localAddress returns the address of this machine to which the client has
// connected.
func localAddress(r *http.Request) netip.Addr {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return local.AddrPort().Addr().Unmap()
}

// sameSite reports whether each value of Sec-Fetch-Site says that we, or the
// person at the browser, made the request.
func sameSite(values []string) bool {
	for _, v := range values {
		if v != "same-origin" && v != "none" {
			return false
		}
	}
	return true
}

// allFrom reports whether each value, an origin or the address of a page, is of
// this host and port.
func allFrom(host string, values []string) bool {
	for _, v := range values {
		page, err := url.Parse(v)
		if err != nil || page.Host == "" || !strings.EqualFold(page.Host, host) {
			return false
		}
	}
	return true
}

// prefetch reports whether a browser fetches ahead, by any of the ways in which
// browsers have said so.
func prefetch(h http.Header) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		for _, v := range h[name] {
			v = strings.ToLower(v)
			if strings.Contains(v, "prefetch") || strings.Contains(v, "prerender") || strings.Contains(v, "preview") {
				return true
			}
		}
	}
	return false
}
