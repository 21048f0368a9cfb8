package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"connectrpc.com/connect"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// watchStall is the stall of watches.
const watchStall = 10 * time.Second

// watches are the watches under way.
type watches struct {
	watcher cuenta.Watcher
	ending  context.Context // ends when they shall end
	end     context.CancelFunc
	stall   time.Duration // how long a watcher may take nothing of what is written to it
}

func newWatches(w cuenta.Watcher) *watches {
	ctx, cancel := context.WithCancel(context.Background())
	return &watches{w, ctx, cancel, watchStall}
}

// EndWatches ends all watches, and refuses those to come, as stopping.
func (a *API) EndWatches() { a.watches.end() }

// watch is one watch.
type watch struct {
	of       *watches
	ctx      context.Context
	watching cuenta.Watching
	close    func()
}

// begin begins a watch. It is to be closed.
func (s *watches) begin(ctx context.Context, want cuenta.Watch) (*watch, *refusal) {
	if s.watcher == nil {
		return nil, refuse(cuenta.Unsupported, "this server lets nothing be watched")
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ending, cancel)
	watching, err := s.watcher.Watch(ctx, want)
	w := &watch{s, ctx, watching, func() {
		stop()
		cancel()
		if watching != nil {
			watching.Close()
		}
	}}
	if err != nil {
		w.close()
		return nil, w.refused(err)
	}
	return w, nil
}

// next waits for the next delivery, or tells why there will be none.
func (w *watch) next() (*cuenta.Delivery, *refusal) {
	d, err := w.watching.Next(w.ctx)
	if err != nil {
		return nil, w.refused(err)
	}
	return d, nil
}

func (w *watch) refused(err error) *refusal {
	if w.of.ending.Err() != nil {
		return refuse(cuenta.Stopping, "%s", cuenta.Stopping.Text())
	}
	return refusedError(err)
}

// Watch implements the service of watches.
func (s *watches) Watch(ctx context.Context, m *cuentav1.WatchRequest, stream *connect.ServerStream[cuentav1.WatchResponse]) error {
	want := cuenta.Watch{Counter: m.GetCounter(), Since: m.GetSince()}
	if prefix, ok := m.GetTopic().(*cuentav1.WatchRequest_Prefix); ok {
		want.Counter, want.Prefix = prefix.Prefix, true
	}
	refused := s.tell(ctx, want, m.GetAfter(), stream)
	if refused == nil {
		return nil // the client is gone
	}
	callerOf(ctx).refused = true
	return connectError(ctx, refused)
}

func (s *watches) tell(ctx context.Context, want cuenta.Watch, after string, stream *connect.ServerStream[cuentav1.WatchResponse]) *refusal {
	var refused *refusal
	if want.After, refused = positionOf(after); refused != nil {
		return refused
	}
	w, refused := s.begin(ctx, want)
	if refused != nil {
		return refused
	}
	defer w.close()
	for {
		d, refused := w.next()
		if refused != nil {
			return refused
		}
		if err := stream.Send(d.Encoded(cuenta.FormMessage, messageOf).(*cuentav1.WatchResponse)); err != nil {
			return nil
		}
	}
}

func positionOf(text string) (cuenta.Position, *refusal) {
	p, ok := cuenta.ParsePosition(text)
	if !ok {
		return p, refuse(cuenta.Syntax, "%.40q is no position that a watch has told", text)
	}
	return p, nil
}

var kinds = map[cuenta.DeliveryKind]cuentav1.WatchResponse_Kind{
	cuenta.TellAnew:    cuentav1.WatchResponse_KIND_ANEW,
	cuenta.TellState:   cuentav1.WatchResponse_KIND_STATE,
	cuenta.TellCurrent: cuentav1.WatchResponse_KIND_CURRENT,
	cuenta.TellChanged: cuentav1.WatchResponse_KIND_CHANGED,
	cuenta.TellQuiet:   cuentav1.WatchResponse_KIND_QUIET,
}

// messageOf is a delivery as a message, which all its watchers are sent.
func messageOf(d *cuenta.Delivery) any {
	m := &cuentav1.WatchResponse{Kind: kinds[d.Kind], Reason: string(d.Reason), Position: d.Position.String(),
		Changes: make([]*cuentav1.Change, len(d.Changes))}
	for i := range d.Changes {
		c := &d.Changes[i]
		m.Changes[i] = &cuentav1.Change{Counter: c.Counter, Value: c.Value, Revision: c.Revision, Since: c.Since, Deleted: c.Deleted}
	}
	return m
}

// watchCounter answers the events of one counter.
func (a *API) watchCounter(q *ask) (reply, *refusal) {
	name, refused := q.counter("")
	if refused != nil {
		return reply{}, refused
	}
	return a.events(q, cuenta.Watch{Counter: name}, "since", "after")
}

// watchCounters answers the events of all counters with a prefix.
func (a *API) watchCounters(q *ask) (reply, *refusal) {
	return a.events(q, cuenta.Watch{Counter: q.query.Get("prefix"), Prefix: true}, "prefix", "after")
}

// events begins a watch whose deliveries are told as server-sent events.
func (a *API) events(q *ask, want cuenta.Watch, parameters ...string) (reply, *refusal) {
	if refused := q.read(&cuentav1.WatchRequest{}, parameters...); refused != nil {
		return reply{}, refused
	}
	if text := q.query.Get("since"); text != "" {
		since, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return reply{}, refuse(cuenta.Syntax, "since must be a revision, an integer from 0")
		}
		want.Since = since
	}
	// A browser that connects again asks at the same address, and says here how far it came.
	after := q.header.Get("Last-Event-ID")
	if after == "" {
		after = q.query.Get("after")
	}
	var refused *refusal
	if want.After, refused = positionOf(after); refused != nil {
		return reply{}, refused
	}
	w, refused := a.watches.begin(callerOf(q.ctx).lasting, want)
	if refused != nil {
		return reply{}, refused
	}
	return reply{stream: w.events}, nil
}

// events tells the deliveries of a watch, and closes it.
func (w *watch) events(to http.ResponseWriter, r *http.Request) {
	defer w.close()
	out := w.of.newLasting(to, r)
	defer out.release()
	h := to.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // proxies that gather answers would keep events back
	for r.Method != http.MethodHead {
		d, refused := w.next()
		var text []byte
		if refused == nil {
			text = d.Encoded(cuenta.FormEvents, eventsOf).([]byte)
		} else {
			text = endEvent(refused)
		}
		if _, err := out.Write(text); err != nil || refused != nil {
			return // the client is gone, or is told that this is the end
		}
		out.Flush()
	}
}

// lasting is the writer of an answer that goes on for long, as long as its client
// takes what is written.
type lasting struct {
	http.ResponseWriter
	control *http.ResponseController
	of      *watches
	http2   bool
	begun   bool
	release func() // must be called before the answer ends
}

// newLasting returns a writer for an answer to r. When the watches shall end, a client
// that takes nothing has no more than a moment.
func (s *watches) newLasting(w http.ResponseWriter, r *http.Request) *lasting {
	l := &lasting{ResponseWriter: w, control: http.NewResponseController(w), of: s, http2: r.ProtoMajor == 2}
	hurried := make(chan struct{})
	stop := context.AfterFunc(s.ending, func() {
		defer close(hurried)
		l.deadline(time.Now().Add(time.Second))
	})
	l.release = func() {
		if !stop() {
			<-hurried
		}
	}
	return l
}

func (l *lasting) Write(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		// The request was read: its deadline must not end the answer. Where there is none,
		// as in tests, there is nothing to take away.
		_ = l.control.SetReadDeadline(time.Time{})
	}
	defer l.hurry()()
	return l.ResponseWriter.Write(p)
}

// Flush implements [http.Flusher], which gRPC needs.
func (l *lasting) Flush() {
	if l.http2 { // in the other version the deadline of what is flushed is still there
		defer l.hurry()()
	}
	// The next write tells what is wrong.
	_ = l.control.Flush()
}

// hurry bounds how long a write may take. It returns what ends that: in HTTP/2 a
// deadline would end the answer though nothing is being written.
func (l *lasting) hurry() (done func()) {
	if l.of.ending.Err() != nil {
		return func() {}
	}
	l.deadline(time.Now().Add(l.of.stall))
	return func() {
		if l.http2 && l.of.ending.Err() == nil {
			l.deadline(time.Time{})
		}
	}
}

// deadline sets that of writes. Where there is no connection, as in tests, there
// is none.
func (l *lasting) deadline(t time.Time) { _ = l.control.SetWriteDeadline(t) }

func (l *lasting) Unwrap() http.ResponseWriter { return l.ResponseWriter }

// serveWatch has the service of watches answer, for as long as its client wants.
func (a *API) serveWatch(service http.Handler, w http.ResponseWriter, r *http.Request) {
	if refused := guard(r); refused != nil {
		a.refuse(w, r, refused)
		return
	}
	out := a.watches.newLasting(w, r)
	defer out.release()
	service.ServeHTTP(out, r.WithContext(callerOf(r.Context()).lasting))
}
