package rpc

import (
	"context"
	"errors"
	"math"

	"github.com/cuenta-server/cuenta"
)

// methods are what a client may call; the root package's rpc.go lists them.
// There is one value per connection.
type methods struct {
	server *Server
	ctx    context.Context
	origin cuenta.Origin
	client uint32 // stands for the host at the far side; 0 for this one's own socket
}

// maxList is the most counters that one call lists.
const maxList = 1000

var (
	errDecrease = &cuenta.Error{Code: cuenta.Overflow, Text: "-9223372036854775808 cannot be subtracted, it has no negative"}
	errOp       = &cuenta.Error{Code: cuenta.Syntax, Text: `there is no such operation; there are "get", "add", "reset", "set", "delete", "limit", "expire", "describe", "take", "ticket", "hold", "settle", "release" and "extend"`}
	errIdentity = &cuenta.Error{Code: cuenta.Syntax, Text: "an identity is a key of 1 to 128 visible ASCII bytes, or a session and a number from 1"}
	errNobody   = &cuenta.Error{Code: cuenta.Syntax, Text: "the identity that is asked about is missing"}
	errName     = &cuenta.Error{Code: cuenta.Syntax, Text: "a counter name is 1 to 255 bytes of UTF-8 without spaces"}
	errLimit    = &cuenta.Error{Code: cuenta.Syntax, Text: "the limit is 1 to 1000"}
	errPrefix   = &cuenta.Error{Code: cuenta.Syntax, Text: "the prefix is at most 255 bytes"}
)

// Inc adds n to the default counter; 0 reads it.
func (m *methods) Inc(n int64, value *int64) error {
	request := cuenta.Request{Op: cuenta.Add, N: n}
	if n == 0 {
		request.Op = cuenta.Get
	}
	result := m.do(request)
	*value = result.Value
	return result.Err()
}

// Dec subtracts n from the default counter; 0 reads it.
func (m *methods) Dec(n int64, value *int64) error {
	if n == math.MinInt64 {
		return errDecrease
	}
	return m.Inc(-n, value)
}

// Reset sets the default counter to 0.
func (m *methods) Reset(_ int64, value *int64) error {
	result := m.do(cuenta.Request{Op: cuenta.Reset})
	*value = result.Value
	return result.Err()
}

// Get reads the default counter.
func (m *methods) Get(_ int64, value *int64) error {
	result := m.do(cuenta.Request{Op: cuenta.Get})
	*value = result.Value
	return result.Err()
}

// Outcome tells what became of the request with an identity: it answers what
// that was answered, or is refused as that was.
func (m *methods) Outcome(r cuenta.RPCRequest, reply *cuenta.RPCReply) error {
	request := cuenta.Request{Op: cuenta.Outcome, Identity: identity(r.Identity, r.Session, r.Number, r.Lowest), Client: m.client}
	switch {
	case !request.Identity.Given():
		return errNobody
	case !request.Identity.Valid():
		return errIdentity
	}
	return m.reply(request, reply)
}

// OpenSession grants a session and returns its id.
func (m *methods) OpenSession(_ int64, id *uint64) error {
	result := m.do(cuenta.Request{Op: cuenta.OpenSession, Client: m.client})
	*id = result.Revision
	return result.Err()
}

func (m *methods) do(r cuenta.Request) cuenta.Result { return m.doAll(r)[0] }

// doAll has requests done as one batch.
func (m *methods) doAll(requests ...cuenta.Request) []cuenta.Result {
	batch := cuenta.Batch{Origin: m.origin, Class: m.server.config.Class, Requests: requests}
	m.server.config.Service.Do(m.ctx, &batch)
	return batch.Results
}

// Info returns the server's report as a text.
func (m *methods) Info(_ int64, text *string) (err error) {
	*text, err = m.report(false)
	return err
}

// InfoJSON returns the server's report as a JSON object.
func (m *methods) InfoJSON(_ int64, text *string) (err error) {
	*text, err = m.report(true)
	return err
}

func (m *methods) report(asJSON bool) (string, error) {
	report, err := m.server.config.Operator.Info(m.ctx, asJSON)
	return string(report), refusal(err)
}

// Services returns the fronts as a text, one line each.
func (m *methods) Services(_ string, text *string) error {
	fronts, err := m.server.config.Operator.Services(m.ctx)
	*text = table(fronts)
	return refusal(err)
}

// Fronts returns the fronts.
func (m *methods) Fronts(_ int64, fronts *[]cuenta.ServiceStatus) (err error) {
	*fronts, err = m.server.config.Operator.Services(m.ctx)
	return refusal(err)
}

// Start starts a front and returns its name.
func (m *methods) Start(front string, started *string) error {
	*started = front
	return refusal(m.server.config.Operator.Start(m.ctx, front))
}

// Stop stops a front and returns its name.
func (m *methods) Stop(front string, stopped *string) error {
	*stopped = front
	return refusal(m.server.config.Operator.Stop(m.ctx, m.origin, front))
}

// List returns a page of the counters.
func (m *methods) List(r cuenta.RPCList, listed *cuenta.RPCListed) (err error) {
	switch {
	case r.Limit < 1 || r.Limit > maxList:
		return errLimit
	case len(r.Prefix) > cuenta.MaxName:
		return errPrefix
	}
	listed.Counters, listed.Cursor, err = m.server.config.Operator.List(m.ctx, r.Prefix, r.Cursor, r.Limit)
	return refusal(err)
}

// refusal leaves away what was put around a refusal on its way here, because
// only its bare text form is known again at the far side. Any other error goes
// as it is.
func refusal(err error) error {
	if e, ok := errors.AsType[*cuenta.Error](err); ok {
		return e
	}
	return err
}
