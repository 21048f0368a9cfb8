package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"connectrpc.com/connect"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
	"github.com/cuenta-server/cuenta/proto/cuenta/v1/cuentav1connect"
)

// api carries requests over the API, by HTTP/2 without TLS: many calls share a
// connection. All operations on counters are batches there, so that there is one
// way to tell what came of them.
type api struct {
	transport *http.Transport
	rpc       cuentav1connect.CounterServiceClient
	watches   cuentav1connect.WatchServiceClient
}

// A connection on which nothing is heard for pingAfter is asked whether it is
// alive.
const pingAfter = 2 * time.Second

func newAPI(address string) (transport, error) {
	t := &http.Transport{
		Protocols: new(http.Protocols),
		HTTP2:     &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter},
	}
	t.Protocols.SetUnencryptedHTTP2(true)
	// Answers are numbers: to pack them takes longer than to send them.
	unpacked := connect.WithAcceptCompression("gzip", nil, nil)
	over, base := &http.Client{Transport: t}, "http://"+address
	return &api{t, cuentav1connect.NewCounterServiceClient(over, base, unpacked), cuentav1connect.NewWatchServiceClient(over, base, unpacked)}, nil
}

func (t *api) do(ctx context.Context, requests []cuenta.Request) ([]cuenta.Result, error) {
	var results []cuenta.Result
	var err error
	switch first := &requests[0]; {
	case first.Op == cuenta.OpenSession:
		results, err = t.openSession(ctx)
	case first.Op == cuenta.Outcome:
		results, err = t.outcome(ctx, first)
	case lists(first):
		results, err = t.listHolds(ctx, first)
	default:
		results, err = t.batch(ctx, requests)
	}
	if err != nil {
		return t.failed(ctx, err, requests)
	}
	return results, nil
}

// close is called when nothing is under way any more.
func (t *api) close() { t.transport.CloseIdleConnections() }

func (t *api) openSession(ctx context.Context) ([]cuenta.Result, error) {
	response, err := t.rpc.OpenSession(ctx, &cuentav1.OpenSessionRequest{})
	if err != nil {
		return nil, err
	}
	id, ok := cuenta.ParseSession([]byte(response.GetSession()))
	if !ok {
		return nil, errNoAnswer
	}
	return []cuenta.Result{{Revision: id}}, nil
}

func (t *api) outcome(ctx context.Context, r *cuenta.Request) ([]cuenta.Result, error) {
	response, err := t.rpc.Outcome(ctx, &cuentav1.OutcomeRequest{Identity: identityMessage(r)})
	if err != nil {
		return nil, err
	}
	result, err := resultMessage(nil, response)
	return []cuenta.Result{result}, err
}

// listHolds reads a page of holds. That it goes on behind is what a page's token is.
func (t *api) listHolds(ctx context.Context, r *cuenta.Request) ([]cuenta.Result, error) {
	m := &cuentav1.ListHoldsRequest{Counter: string(r.Counter), PageSize: int32(cap(r.Terms.Holds))}
	if r.Terms.Hold != 0 {
		m.PageToken = strconv.FormatUint(r.Terms.Hold, 36)
	}
	response, err := t.rpc.ListHolds(ctx, m)
	if err != nil {
		return nil, err
	}
	r.Terms.Holds = r.Terms.Holds[:0]
	for _, h := range response.GetHolds() {
		r.Terms.Holds = append(r.Terms.Holds, cuenta.Held{ID: h.GetHold(), Amount: h.GetAmount(), Ends: h.GetExpiresAt().AsTime().UnixNano()})
	}
	return []cuenta.Result{{}}, nil
}

func (t *api) batch(ctx context.Context, requests []cuenta.Request) ([]cuenta.Result, error) {
	m := new(cuentav1.BatchRequest)
	results := make([]cuenta.Result, 0, len(requests))
	operations := requests
	if requests[0].Op == cuenta.All {
		m.Atomic, m.Identity = true, identityMessage(&requests[0])
		operations = requests[1:]
		results = append(results, cuenta.Result{})
	}
	m.Operations = make([]*cuentav1.Operation, len(operations))
	for i := range operations {
		m.Operations[i] = operationMessage(&operations[i])
	}
	response, err := t.rpc.Batch(ctx, m)
	if err != nil {
		return nil, err
	}
	if m.Atomic {
		results[0].Value, results[0].Replayed = response.GetWhole().GetValue(), response.GetWhole().GetReplayed()
		if results[0].Replayed && m.Identity != nil { // what each has answered is forgotten
			for range operations {
				results = append(results, cuenta.Result{Replayed: true})
			}
			return results, nil
		}
	}
	return appendResults(results, operations, response)
}

// appendResults reads what came of operations.
func appendResults(results []cuenta.Result, operations []cuenta.Request, response *cuentav1.BatchResponse) ([]cuenta.Result, error) {
	if len(response.GetResults()) != len(operations) {
		return nil, errNoAnswer
	}
	for i, one := range response.GetResults() {
		result, err := resultMessage(operations[i].Terms, one)
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}

// failed tells the refusal that a call ended with as results, or else why it has
// none.
func (t *api) failed(ctx context.Context, err error, requests []cuenta.Request) ([]cuenta.Result, error) {
	if e, ok := errors.AsType[*connect.Error](err); ok && (connect.IsWireError(err) || e.Code() == connect.CodeUnimplemented) {
		return refusedCall(e, requests)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" {
		return nil, unsent{err}
	}
	return nil, err
}

// refusedCall reads the details of an error from the server.
func refusedCall(e *connect.Error, requests []cuenta.Request) ([]cuenta.Result, error) {
	var results []cuenta.Result
	var whole *cuenta.Result
	for _, detail := range e.Details() {
		m, err := detail.Value()
		if err != nil {
			continue // a detail of another kind, which tells nothing here
		}
		switch m := m.(type) {
		case *cuentav1.ErrorInfo:
			r, err := refusalMessage(m)
			if err != nil {
				return nil, err
			}
			whole = &r
		case *cuentav1.BatchResponse:
			if results, err = appendResults(results, requests[1:], m); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case whole == nil && e.Code() == connect.CodeUnimplemented:
		return nil, &cuenta.Error{Code: cuenta.Unsupported, Text: "no Cuenta server answers at this address"}
	case whole == nil:
		return nil, e // something between here and the server has said it
	case len(results) == len(requests)-1:
		return append([]cuenta.Result{*whole}, results...), nil
	}
	for range requests {
		results = append(results, *whole)
	}
	return results, nil
}
