package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// route is one way to ask by plain HTTP. Paths are in the form of OpenAPI. They
// are matched here and not by http.ServeMux, which knows no verbs behind a colon
// and would redirect names with // or .. in them.
type route struct {
	method string
	path   string
	answer func(*API, *ask) (reply, *refusal)
}

const (
	counterPath = "/v1/counters/{counter}"
	keyPath     = "/v1/outcomes/{key}"
	numberPath  = "/v1/outcomes/{session}/{number}"
)

var routes = []route{
	{http.MethodGet, "/v1/counters", (*API).list},
	{http.MethodGet, counterPath, (*API).describe},
	{http.MethodDelete, counterPath, (*API).delete},
	{http.MethodPost, counterPath + ":add", (*API).add},
	{http.MethodPost, counterPath + ":reset", (*API).reset},
	{http.MethodPost, counterPath + ":set", (*API).set},
	{http.MethodPut, counterPath + ":limits", (*API).setLimits},
	{http.MethodPost, counterPath + ":expire", (*API).expire},
	{http.MethodPost, counterPath + ":take", (*API).take},
	{http.MethodPost, counterPath + ":ticket", (*API).ticket},
	{http.MethodGet, counterPath + ":ticket", (*API).checkTicket},
	{http.MethodPost, counterPath + ":reset-tickets", (*API).resetTickets},
	{http.MethodPost, counterPath + ":hold", (*API).hold},
	{http.MethodPost, counterPath + ":settle", (*API).settle},
	{http.MethodPost, counterPath + ":release", (*API).release},
	{http.MethodPost, counterPath + ":extend", (*API).extend},
	{http.MethodGet, counterPath + ":holds", (*API).holds},
	{http.MethodPost, "/v1/transfers", (*API).transfer},
	{http.MethodGet, "/v1/sum", (*API).sum},
	{http.MethodGet, counterPath + ":watch", (*API).watchCounter},
	{http.MethodGet, "/v1/counters:watch", (*API).watchCounters},
	{http.MethodPost, "/v1/batch", (*API).batch},
	{http.MethodPost, "/v1/sessions", (*API).openSession},
	{http.MethodGet, keyPath, (*API).outcomeOfKey},
	{http.MethodGet, numberPath, (*API).outcomeOfNumber},
	{http.MethodGet, "/v1/info", (*API).info},
	{http.MethodGet, "/openapi.json", (*API).description},
	{http.MethodGet, "/docs", (*API).docs},
}

// find returns the route of a request, and what stands in its path's braces.
func find(r *http.Request) (*route, []string, *refusal) {
	path, parts, refused := locate(r.URL.EscapedPath())
	if refused != nil {
		return nil, nil, refused
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // net/http leaves the body away
	}
	var allow []string
	for i := range routes {
		if routes[i].path != path {
			continue
		}
		if routes[i].method == method {
			return &routes[i], parts, nil
		}
		allow = append(allow, routes[i].method)
	}
	if allow == nil {
		return nil, nil, refuse(cuenta.NotFound, "nothing is here; see /docs")
	}
	if slices.Contains(allow, http.MethodGet) {
		allow = append(allow, http.MethodHead)
	}
	refused = refuse(cuenta.Unsupported, "the method must be %s", strings.Join(allow, ", "))
	refused.status, refused.header = http.StatusMethodNotAllowed, map[string]string{"Allow": strings.Join(allow, ", ")}
	return nil, nil, refused
}

// locate finds out which path a request has, as the routes write it, and what
// stands in its braces, unescaped.
func locate(escaped string) (path string, parts []string, refused *refusal) {
	if name, ok := strings.CutPrefix(escaped, "/v1/counters/"); ok {
		path = counterPath
		// A colon belongs to the name unless it is followed by a verb; it may be
		// escaped to belong to it even then.
		if i := strings.LastIndexByte(name, ':'); i >= 0 && isPath(counterPath+name[i:]) {
			path, name = counterPath+name[i:], name[:i]
		}
		parts = []string{name}
	} else if identity, ok := strings.CutPrefix(escaped, "/v1/outcomes/"); ok {
		path, parts = keyPath, strings.Split(identity, "/")
		if len(parts) == 2 {
			path = numberPath
		} else if len(parts) > 2 {
			return "", nil, refuse(cuenta.NotFound, "an outcome is asked by a key, in which / is written %%2F, or by session/number")
		}
	} else {
		path = escaped
	}
	for i, part := range parts {
		text, err := url.PathUnescape(part)
		if err != nil {
			return "", nil, refuse(cuenta.Syntax, "the path has an escape that is none")
		}
		parts[i] = text
	}
	return path, parts, nil
}

func isPath(path string) bool {
	return slices.ContainsFunc(routes, func(r route) bool { return r.path == path })
}
