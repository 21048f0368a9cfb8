package api

import (
	"context"
	"strconv"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

const (
	// maxReports is how many reports of the server are made at a time: they read
	// much of the system, and must not take the processors from the counting.
	maxReports = 4

	// maxPage is the most counters in one page of a listing, defaultPage how many
	// there are unless the caller says.
	maxPage     = 1000
	defaultPage = 100
)

// calls implements the service. Its errors are refusals.
type calls struct {
	service  cuenta.Service
	operator cuenta.Operator
	reports  chan struct{} // one place per report being made
}

// do has the service carry out requests.
func (c *calls) do(ctx context.Context, requests ...cuenta.Request) []cuenta.Result {
	from := callerOf(ctx)
	for i := range requests {
		requests[i].Client = from.client
	}
	batch := cuenta.Batch{Origin: from.origin, Class: cuenta.ClassRemote, Requests: requests}
	c.service.Do(ctx, &batch)
	return batch.Results
}

// change carries out one operation.
func (c *calls) change(ctx context.Context, operation *cuentav1.Operation) (*cuenta.Result, error) {
	request, given, err := requestOf(operation)
	if err != nil {
		return nil, err
	}
	if request.Op != cuenta.Get {
		if err := identify(ctx, &request, given); err != nil {
			return nil, err
		}
	}
	result := &c.do(ctx, request)[0]
	if result.Code != cuenta.OK {
		return nil, refusedResult(result)
	}
	return result, nil
}

// Add implements the service.
func (c *calls) Add(ctx context.Context, m *cuentav1.AddRequest) (*cuentav1.AddResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Add{Add: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.AddResponse{Value: r.Value, Revision: r.Revision, Replayed: r.Replayed}, nil
}

// Reset implements the service.
func (c *calls) Reset(ctx context.Context, m *cuentav1.ResetRequest) (*cuentav1.ResetResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Reset_{Reset_: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.ResetResponse{Value: r.Value, Revision: r.Revision, Replayed: r.Replayed}, nil
}

// Set implements the service.
func (c *calls) Set(ctx context.Context, m *cuentav1.SetRequest) (*cuentav1.SetResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Set{Set: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.SetResponse{Value: r.Value, Revision: r.Revision, Replayed: r.Replayed}, nil
}

// Delete implements the service.
func (c *calls) Delete(ctx context.Context, m *cuentav1.DeleteRequest) (*cuentav1.DeleteResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Delete{Delete: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.DeleteResponse{Value: r.Value, Revision: r.Revision, Replayed: r.Replayed}, nil
}

// Get implements the service.
func (c *calls) Get(ctx context.Context, m *cuentav1.GetRequest) (*cuentav1.GetResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Get{Get: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.GetResponse{Value: r.Value, Revision: r.Revision}, nil
}

// OpenSession implements the service.
func (c *calls) OpenSession(ctx context.Context, _ *cuentav1.OpenSessionRequest) (*cuentav1.OpenSessionResponse, error) {
	result := &c.do(ctx, cuenta.Request{Op: cuenta.OpenSession})[0]
	if result.Code != cuenta.OK {
		return nil, refusedResult(result)
	}
	return &cuentav1.OpenSessionResponse{
		Session: string(cuenta.AppendSession(nil, result.Revision)),
		Window:  cuenta.SessionWindow,
	}, nil
}

// Outcome implements the service.
func (c *calls) Outcome(ctx context.Context, m *cuentav1.OutcomeRequest) (*cuentav1.OutcomeResponse, error) {
	given := m.GetIdentity()
	if given == nil {
		return nil, unclear(refuse(cuenta.Syntax, "whose outcome is not said: the identity is missing"))
	}
	id, refused := identityOf(given)
	if refused != nil {
		return nil, unclear(refused)
	}
	id.Lowest = 0 // to ask makes nothing be forgotten
	result := &c.do(ctx, cuenta.Request{Op: cuenta.Outcome, Identity: id})[0]
	response := &cuentav1.OutcomeResponse{Fate: fates[result.Code.Fate()]}
	switch result.Code {
	case cuenta.OK:
		response.Result = &cuentav1.OutcomeResponse_Answer{Answer: answerOf(result)}
	case cuenta.Overflow, cuenta.Unmet, cuenta.Aborted, cuenta.Absent, cuenta.TooOld, cuenta.NoSession:
		response.Result = &cuentav1.OutcomeResponse_Error{Error: infoOf(result)}
	default:
		return nil, unclear(refusedResult(result))
	}
	return response, nil
}

// unclear is a refusal of Outcome itself. What it says of its own fate must not be
// taken for that of the change.
func unclear(r *refusal) *refusal {
	r.info.Fate = fates[cuenta.FateUnknown]
	return r
}

// List implements the service.
func (c *calls) List(ctx context.Context, m *cuentav1.ListRequest) (*cuentav1.ListResponse, error) {
	size := int(m.GetPageSize())
	switch {
	case size < 0:
		return nil, refuse(cuenta.Syntax, "page_size must be 0 to %d", maxPage)
	case size == 0:
		size = defaultPage
	}
	cursor := uint64(0)
	if token := m.GetPageToken(); token != "" {
		var err error
		if cursor, err = strconv.ParseUint(token, 36, 64); err != nil || cursor == 0 {
			return nil, refuse(cuenta.Syntax, "the page_token is none that was given out")
		}
	}
	found, next, err := c.operator.List(ctx, m.GetPrefix(), cursor, min(size, maxPage))
	if err != nil {
		return nil, refusedError(err)
	}
	response := &cuentav1.ListResponse{Counters: make([]*cuentav1.Counter, 0, len(found))}
	for i := range found {
		f := &found[i]
		response.Counters = append(response.Counters, &cuentav1.Counter{Name: f.Name, Value: f.Value, Revision: f.Revision})
	}
	if next != 0 {
		response.NextPageToken = strconv.FormatUint(next, 36)
	}
	return response, nil
}

// Info implements the service.
func (c *calls) Info(ctx context.Context, _ *cuentav1.InfoRequest) (*cuentav1.InfoResponse, error) {
	report, err := c.report(ctx)
	if err != nil {
		return nil, err
	}
	fronts, err := c.operator.Services(ctx)
	if err != nil {
		return nil, refusedError(err)
	}
	response := &cuentav1.InfoResponse{Counters: c.operator.Count(), Report: string(report)}
	for i := range fronts {
		f := &fronts[i]
		response.Fronts = append(response.Fronts, &cuentav1.Front{
			Name: f.Name, State: string(f.State), Address: f.Address,
			Open: f.Open, Accepted: f.Accepted, Refused: f.Refused,
			Requests: f.Requests, Errors: f.Errors,
			BytesIn: f.BytesIn, BytesOut: f.BytesOut,
			Dropped: f.Dropped, Workers: f.Workers,
		})
	}
	return response, nil
}

// report makes the server's report, as JSON.
func (c *calls) report(ctx context.Context) ([]byte, error) {
	select {
	case c.reports <- struct{}{}:
		defer func() { <-c.reports }()
	case <-ctx.Done():
		return nil, refusedError(ctx.Err())
	}
	report, err := c.operator.Info(ctx, true)
	if err != nil {
		return nil, refusedError(err)
	}
	return report, nil
}
