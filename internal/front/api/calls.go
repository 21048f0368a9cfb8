package api

import (
	"context"
	"strconv"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

const (
	// maxPage is the most counters in one page of a listing, defaultPage how many
	// there are unless the caller says.
	maxPage     = 1000
	defaultPage = 100
)

// calls implements the service. Its errors are refusals.
type calls struct {
	service  cuenta.Service
	operator cuenta.Operator
	sums     chan struct{} // one place for each that is being made
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

// done is a request that was carried out, and its answer.
type done struct {
	of *cuenta.Request
	*cuenta.Result
}

// applied is by how much a change that may be clamped has changed the value.
func (d done) applied() *int64 {
	if d.of.Terms != nil && d.of.Terms.Clamp {
		return &d.Amount
	}
	return nil
}

// change carries out one operation.
func (c *calls) change(ctx context.Context, operation *cuentav1.Operation) (done, error) {
	d, err := c.attempt(ctx, operation)
	if err == nil && d.Code != cuenta.OK {
		return d, refusedResult(d.of, d.Result)
	}
	return d, err
}

// attempt carries out one operation, or has it refused.
func (c *calls) attempt(ctx context.Context, operation *cuentav1.Operation) (done, error) {
	request, given, refused := requestOf(operation)
	if refused != nil {
		return done{}, refused
	}
	if !request.Op.Reads() {
		if err := identify(ctx, &request, given); err != nil {
			return done{}, err
		}
	}
	return done{&request, &c.do(ctx, request)[0]}, nil
}

// Add implements the service.
func (c *calls) Add(ctx context.Context, m *cuentav1.AddRequest) (*cuentav1.AddResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Add{Add: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.AddResponse{Value: r.Value, Revision: r.Revision, Replayed: r.Replayed, Applied: r.applied()}, nil
}

// Reset implements the service.
func (c *calls) Reset(ctx context.Context, m *cuentav1.ResetRequest) (*cuentav1.ResetResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Reset_{Reset_: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.ResetResponse{Value: r.Value, Revision: r.Revision, Replayed: r.Replayed, Applied: r.applied()}, nil
}

// Set implements the service.
func (c *calls) Set(ctx context.Context, m *cuentav1.SetRequest) (*cuentav1.SetResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Set{Set: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.SetResponse{Value: r.Value, Revision: r.Revision, Replayed: r.Replayed, Applied: r.applied()}, nil
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

// List implements the service.
func (c *calls) List(ctx context.Context, m *cuentav1.ListRequest) (*cuentav1.ListResponse, error) {
	size, refused := pageSize(m.GetPageSize())
	if refused != nil {
		return nil, refused
	}
	cursor, refused := cursorOf(m.GetPageToken())
	if refused != nil {
		return nil, refused
	}
	found, next, err := c.operator.List(ctx, m.GetPrefix(), cursor, size)
	if err != nil {
		return nil, refusedError(err)
	}
	response := &cuentav1.ListResponse{Counters: make([]*cuentav1.Counter, 0, len(found))}
	for i := range found {
		f := &found[i]
		response.Counters = append(response.Counters, &cuentav1.Counter{Name: f.Name, Value: f.Value, Revision: f.Revision})
	}
	response.NextPageToken = tokenOf(next)
	return response, nil
}

// pageSize returns how much a page may have.
func pageSize(given int32) (int, *refusal) {
	switch {
	case given < 0:
		return 0, refuse(cuenta.Syntax, "page_size must be 0 to %d", maxPage)
	case given == 0:
		return defaultPage, nil
	}
	return int(min(given, maxPage)), nil
}

// cursorOf reads the token of a page; 0 is the first page's.
func cursorOf(token string) (uint64, *refusal) {
	if token == "" {
		return 0, nil
	}
	cursor, err := strconv.ParseUint(token, 36, 64)
	if err != nil || cursor == 0 {
		return 0, refuse(cuenta.Syntax, "the page_token is none that was given out")
	}
	return cursor, nil
}

// tokenOf is the token of the page at a cursor, empty for none.
func tokenOf(cursor uint64) string {
	if cursor == 0 {
		return ""
	}
	return strconv.FormatUint(cursor, 36)
}

// Info implements the service.
func (c *calls) Info(ctx context.Context, _ *cuentav1.InfoRequest) (*cuentav1.InfoResponse, error) {
	report, err := c.operator.Info(ctx, true)
	if err != nil {
		return nil, refusedError(err)
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
