package client

import (
	"context"
	"errors"
	"iter"
	"time"

	"connectrpc.com/connect"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// watching is a transport over which counters can be watched.
type watching interface {
	// watch tells deliveries to take until that reports false, which is no error, or the
	// watch has ended. The error is a [cuenta.Error] if the server has ended it.
	watch(ctx context.Context, w cuenta.Watch, take func(*cuenta.Delivery) bool) error
}

// Watch follows a counter, or all with a prefix: first their state, then every change,
// or an explicit word that some were skipped (see [cuenta.Change]). It goes on until
// the loop over it ends, or ctx, or the server refuses it; that error is the last.
//
//	for d, err := range c.Watch(ctx, cuenta.Watch{Counter: "orders/", Prefix: true}) {
//		if err != nil {
//			return err
//		}
//		for _, change := range d.Changes {
//			…
//		}
//	}
//
// When the connection breaks or the server stops, it connects again, for as long as
// it takes, and goes on behind the last position. Where the server does not know any
// more what happened in between, as after its restart, the state is told again
// ([cuenta.TellAnew]). What was told already is not told twice.
//
// A position that is kept lets a later run of the program go on ([cuenta.Watch.After]).
// Only cuenta:// addresses can watch.
func (c *Client) Watch(ctx context.Context, w cuenta.Watch) iter.Seq2[*cuenta.Delivery, error] {
	return func(yield func(*cuenta.Delivery, error) bool) {
		link, ok := c.link.(watching)
		if !ok {
			yield(nil, &cuenta.Error{Code: cuenta.Unsupported, Text: "only cuenta:// addresses can watch"})
			return
		}
		if err := c.begin(); err != nil {
			yield(nil, err)
			return
		}
		defer c.calls.Done()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(c.ctx, cancel)()
		c.follow(ctx, link, w, yield)
	}
}

// begin counts a call that has no place among those that are bounded.
func (c *Client) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.calls.Add(1)
	return nil
}

// follow watches, again and again.
func (c *Client) follow(ctx context.Context, link watching, w cuenta.Watch, yield func(*cuenta.Delivery, error) bool) {
	known := told{since: make(map[string]uint64)}
	for attempt := 0; ; attempt++ {
		enough := false
		err := link.watch(ctx, w, func(d *cuenta.Delivery) bool {
			attempt = 0
			if d.Position != (cuenta.Position{}) {
				w.After = d.Position
			}
			if d = known.take(d); d != nil {
				enough = !yield(d, nil)
			}
			return !enough
		})
		switch {
		case enough:
			return
		case c.ctx.Err() != nil:
			yield(nil, ErrClosed)
			return
		case ctx.Err() != nil:
			yield(nil, context.Cause(ctx))
			return
		case !passes(err):
			yield(nil, err)
			return
		}
		if attempt == 0 {
			c.options.Log.Warn("the watch broke off and is begun again", "reason", err)
		}
		known.again()
		select {
		case <-time.After(c.options.backoff(attempt)):
		case <-ctx.Done():
		}
	}
}

// passes reports whether it is worth trying again after an error.
func passes(err error) bool {
	refused, ok := errors.AsType[*cuenta.Error](err)
	if !ok {
		return true
	}
	switch refused.Code {
	case cuenta.Busy, cuenta.Stopping, cuenta.Failed, cuenta.Canceled:
		return true
	}
	return false
}

// told is what was told behind the last position. A watch that goes on there tells
// it again.
type told struct {
	since  map[string]uint64 // revisions by counter, behind the last position
	repeat map[string]uint64 // those that may be told again
}

// again says that the watch goes on behind the last position.
func (t *told) again() {
	if len(t.since) > 0 {
		t.repeat, t.since = t.since, make(map[string]uint64)
	}
}

// take leaves out of a delivery what was told before, and returns nil if that is
// all of it.
func (t *told) take(d *cuenta.Delivery) *cuenta.Delivery {
	if d.Kind == cuenta.TellAnew {
		t.repeat = nil
		clear(t.since)
	}
	if d.Kind != cuenta.TellChanged {
		return d
	}
	if len(t.repeat) > 0 {
		changes := make([]cuenta.Change, 0, len(d.Changes))
		for _, c := range d.Changes {
			if known, ok := t.repeat[c.Counter]; ok && c.Revision <= known {
				continue
			} else if ok && c.Since != 0 && c.Since < known {
				c.Since = known
			}
			changes = append(changes, c)
		}
		d = &cuenta.Delivery{Kind: d.Kind, Changes: changes, Position: d.Position}
	}
	if d.Position != (cuenta.Position{}) {
		clear(t.since)
	} else {
		for i := range d.Changes {
			t.since[d.Changes[i].Counter] = d.Changes[i].Revision
		}
	}
	if len(d.Changes) == 0 {
		return nil
	}
	return d
}

// watch implements [watching].
func (t *api) watch(ctx context.Context, w cuenta.Watch, take func(*cuenta.Delivery) bool) error {
	m := &cuentav1.WatchRequest{Topic: &cuentav1.WatchRequest_Counter{Counter: w.Counter}, Since: w.Since, After: w.After.String()}
	if w.Prefix {
		m.Topic = &cuentav1.WatchRequest_Prefix{Prefix: w.Counter}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := t.watches.Watch(ctx, m)
	if err != nil {
		return refusalOf(err)
	}
	defer stream.Close() // its error is the stream's, or of having ended it
	for stream.Receive() {
		d, err := deliveryMessage(stream.Msg())
		if err != nil {
			return err
		}
		if !take(d) {
			return nil
		}
	}
	if stream.Err() == nil {
		return errNoAnswer // a watch does not end by itself
	}
	return refusalOf(stream.Err())
}

// refusalOf returns the refusal that an error of a call tells, or the error.
func refusalOf(err error) error {
	e, ok := errors.AsType[*connect.Error](err)
	if !ok {
		return err
	}
	for _, detail := range e.Details() {
		m, err := detail.Value()
		if info, ok := m.(*cuentav1.ErrorInfo); ok && err == nil {
			if refused, ok := cuenta.ParseError(info.GetCode() + ": " + info.GetText()); ok {
				return refused
			}
		}
	}
	if e.Code() == connect.CodeUnimplemented {
		return &cuenta.Error{Code: cuenta.Unsupported, Text: "the server at this address lets nothing be watched"}
	}
	return err
}

var deliveryKinds = map[cuentav1.WatchResponse_Kind]cuenta.DeliveryKind{
	cuentav1.WatchResponse_KIND_ANEW:    cuenta.TellAnew,
	cuentav1.WatchResponse_KIND_STATE:   cuenta.TellState,
	cuentav1.WatchResponse_KIND_CURRENT: cuenta.TellCurrent,
	cuentav1.WatchResponse_KIND_CHANGED: cuenta.TellChanged,
	cuentav1.WatchResponse_KIND_QUIET:   cuenta.TellQuiet,
}

func deliveryMessage(m *cuentav1.WatchResponse) (*cuenta.Delivery, error) {
	kind, known := deliveryKinds[m.GetKind()]
	position, ok := cuenta.ParsePosition(m.GetPosition())
	if !known || !ok {
		return nil, errNoAnswer
	}
	d := &cuenta.Delivery{Kind: kind, Reason: cuenta.Reason(m.GetReason()), Position: position}
	for _, c := range m.GetChanges() {
		d.Changes = append(d.Changes, cuenta.Change{
			Counter: c.GetCounter(), Value: c.GetValue(), Revision: c.GetRevision(), Since: c.GetSince(), Deleted: c.GetDeleted(),
		})
	}
	return d, nil
}
