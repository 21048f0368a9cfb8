// Package api is the API on the web port. One implementation of the service
// cuenta.v1.CounterService (calls.go, batch.go) is served twice:
//
//   - by connect-go, which speaks gRPC, gRPC-Web and Connect, the last also as
//     plain JSON;
//   - at the routes under /v1, for curl (routes.go, rest.go), with errors as
//     problem details (problem.go).
//
// Beside it are the description of the routes (/openapi.json), a page that shows
// it (/docs), reflection and health. What is refused, and how each protocol says
// so, stands in one table (refusal.go).
//
// Who mounts the handler has to keep away what pages of other origins send.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/proto/cuenta/v1/cuentav1connect"
)

// Config says what an [API] serves.
type Config struct {
	Service  cuenta.Service
	Operator cuenta.Operator
	Watcher  cuenta.Watcher  // nil: nothing can be watched
	Traffic  *cuenta.Traffic // its errors are counted here
	Log      *slog.Logger
}

// maxCall is how long a call may take. A change that still waits then is given
// up, while there is time to say so.
const maxCall = 25 * time.Second

// API is the handler of every path of the API.
type API struct {
	config  Config
	calls   *calls
	rpc     map[string]http.Handler // unary, by service
	streams map[string]http.Handler // of connect-go's own making, by service
	errors  *connect.ErrorWriter
	watches *watches
	health  health
	bodies  budget
	page    page
}

// New returns the handler.
func New(c Config) *API {
	if c.Traffic == nil {
		c.Traffic = new(cuenta.Traffic)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	a := &API{
		config:  c,
		calls:   &calls{service: c.Service, operator: c.Operator, sums: make(chan struct{}, maxSums)},
		rpc:     make(map[string]http.Handler),
		streams: make(map[string]http.Handler),
		watches: newWatches(c.Watcher),
		errors:  connect.NewErrorWriter(),
		page:    newPage(),
	}
	a.health = newHealth(a.calls)
	a.mount(a.rpc)(cuentav1connect.NewCounterServiceHandler(a.calls,
		connect.WithInterceptors(connect.UnaryInterceptorFunc(coded)),
		inOurForm,
		connect.WithReadMaxBytes(maxBody),
		connect.WithConditionalHandlerOptions(ofReads),
		packing,
	))
	limited := connect.WithHandlerOptions(connect.WithReadMaxBytes(smallBody), packing)
	a.mount(a.streams)(cuentav1connect.NewWatchServiceHandler(a.watches, inOurForm, connect.WithReadMaxBytes(smallBody)))
	names := grpcreflect.NewStaticReflector(cuentav1connect.CounterServiceName, cuentav1connect.WatchServiceName, grpchealth.HealthV1ServiceName)
	a.mount(a.streams)(grpcreflect.NewHandlerV1(names, limited))
	a.mount(a.streams)(grpcreflect.NewHandlerV1Alpha(names, limited))
	a.mount(a.streams)(grpchealth.NewHandler(a.health, limited))
	return a
}

// inOurForm has the messages of a service read and written by our codecs.
var inOurForm = connect.WithHandlerOptions(
	connect.WithCodec(binaryCodec{}),
	connect.WithCodec(jsonCodec{"json"}),
	connect.WithCodec(jsonCodec{"json; charset=utf-8"}),
)

// ofReads bounds the messages of calls that only read to what they need: where the
// message is in the URL, the budget does not see how large it becomes.
func ofReads(call connect.Spec) []connect.HandlerOption {
	if call.IdempotencyLevel != connect.IdempotencyNoSideEffects {
		return nil
	}
	return []connect.HandlerOption{connect.WithReadMaxBytes(smallBody)}
}

// mount returns a function that puts a handler where its service is looked up.
func (a *API) mount(services map[string]http.Handler) func(path string, h http.Handler) {
	return func(path string, h http.Handler) { services[strings.Trim(path, "/")] = h }
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.answer(w, r, a.serve) }

// Refuse answers a request that is kept from the API, as one of its own refusals: at
// the routes with that status.
func (a *API) Refuse(w http.ResponseWriter, r *http.Request, status int, why *cuenta.Error) {
	refused := refuse(why.Code, "%s", why.Text)
	refused.status = status
	a.answer(w, r, func(w http.ResponseWriter, r *http.Request) { a.refuse(w, r, refused) })
}

// answer has serve answer a request, and counts it if it was refused.
func (a *API) answer(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	recorder := &recorder{ResponseWriter: w}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store") // Connect reads by GET too
	lasting := withCaller(r)
	ctx, cancel := context.WithTimeout(lasting, maxCall)
	defer cancel()
	callerOf(ctx).lasting = lasting
	r = r.WithContext(ctx)
	serve(recorder, r)
	if recorder.refused() || callerOf(ctx).refused {
		a.config.Traffic.Errors.Add(1)
		a.config.Log.Debug("request refused", "front", cuenta.FrontWeb, "peer", r.RemoteAddr,
			"method", r.Method, "path", r.URL.Path, "status", recorder.status)
	}
}

func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	service := serviceOf(r)
	if stream := a.streams[service]; stream != nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		switch {
		case service == cuentav1connect.WatchServiceName:
			a.serveWatch(stream, w, r)
		case r.URL.Path == healthWatch:
			a.serveHealthWatch(stream, w, r)
		default:
			stream.ServeHTTP(w, r)
		}
		return
	}
	err := guard(r)
	if err == nil {
		var release func()
		if release, err = a.bodies.read(w, r); err == nil {
			defer release()
		}
	}
	rpc := a.rpc[service]
	switch {
	case err != nil:
		a.refuse(w, r, err)
	case rpc != nil:
		rpc.ServeHTTP(w, r)
	default:
		a.rest(w, r)
	}
}

// refuse answers a refusal in the form of what was asked.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, refused *refusal) {
	service := serviceOf(r)
	if a.rpc[service] == nil && a.streams[service] == nil {
		writeProblem(w, refused)
		return
	}
	// An error of the writing means that the client is gone.
	_ = a.errors.Write(w, r, connectError(r.Context(), refused))
}

// serviceOf is the RPC service that a path would be of.
func serviceOf(r *http.Request) string {
	service, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return service
}

// guard refuses a change that comes from a browser which does not say whose page
// asks for it. (That the page is ours is looked after by who mounts the API.) A
// page can make requests without these headers only where its browser trusts the
// connection so little that it says nothing.
func guard(r *http.Request) *refusal {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || !strings.HasPrefix(r.UserAgent(), "Mozilla/") {
		return nil
	}
	if len(r.Header["Origin"]) == 0 && len(r.Header["Sec-Fetch-Site"]) == 0 {
		return refuse(cuenta.Forbidden, "the browser does not say which page asks for this")
	}
	return nil
}

// recorder notes the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int // 0: not said, which is 200
}

func (w *recorder) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Flush is what gRPC needs of a ResponseWriter, to send its trailers.
func (w *recorder) Flush() {
	// Only a writer that cannot flush would fail, and the server's can.
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) refused() bool { return w.status >= 400 }
