package api

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// Describe implements the service.
func (c *calls) Describe(ctx context.Context, m *cuentav1.DescribeRequest) (*cuentav1.DescribeResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Describe{Describe: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.DescribeResponse{Value: r.Value, Revision: r.Revision, Terms: termsOf(r.of.Terms, r.Result)}, nil
}

// SetLimits implements the service.
func (c *calls) SetLimits(ctx context.Context, m *cuentav1.SetLimitsRequest) (*cuentav1.SetLimitsResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_SetLimits{SetLimits: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.SetLimitsResponse{Value: r.Value, Revision: r.Revision, Replayed: r.Replayed}, nil
}

// Expire implements the service.
func (c *calls) Expire(ctx context.Context, m *cuentav1.ExpireRequest) (*cuentav1.ExpireResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Expire{Expire: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.ExpireResponse{Value: r.Value, Revision: r.Revision, Replayed: r.Replayed}, nil
}

// Take implements the service. That it was too much is an answer.
func (c *calls) Take(ctx context.Context, m *cuentav1.TakeRequest) (*cuentav1.TakeResponse, error) {
	r, err := c.attempt(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Take{Take: m}})
	if err != nil {
		return nil, err
	}
	response := &cuentav1.TakeResponse{Remaining: r.Value, Replayed: r.Replayed}
	switch {
	case r.Code == cuenta.OK:
		response.Allowed, response.ResetAfter = true, durationpb.New(time.Duration(r.Amount))
	case r.Code != cuenta.Throttled:
		return nil, refusedResult(r.of, r.Result)
	case r.Amount >= 0:
		response.RetryAfter = durationpb.New(time.Duration(r.Amount))
	}
	return response, nil
}

// Ticket implements the service.
func (c *calls) Ticket(ctx context.Context, m *cuentav1.TicketRequest) (*cuentav1.TicketResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Ticket{Ticket: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.TicketResponse{First: r.Value - r.Amount + 1, Last: r.Value, Revision: r.Revision, Replayed: r.Replayed}, nil
}

// CheckTicket implements the service.
func (c *calls) CheckTicket(ctx context.Context, m *cuentav1.CheckTicketRequest) (*cuentav1.CheckTicketResponse, error) {
	r, err := c.Get(ctx, &cuentav1.GetRequest{Counter: m.GetCounter()})
	if err != nil {
		return nil, err
	}
	return &cuentav1.CheckTicketResponse{Valid: m.GetNumber() >= 1 && m.GetNumber() <= r.Value, Last: r.Value}, nil
}

// Hold implements the service.
func (c *calls) Hold(ctx context.Context, m *cuentav1.HoldRequest) (*cuentav1.HoldResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Hold{Hold: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.HoldResponse{Hold: r.Revision, Value: r.Value, Revision: r.Revision, Available: r.Amount, Replayed: r.Replayed}, nil
}

// Settle implements the service.
func (c *calls) Settle(ctx context.Context, m *cuentav1.SettleRequest) (*cuentav1.SettleResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Settle{Settle: m}})
	if err != nil {
		return nil, err
	}
	response := &cuentav1.SettleResponse{Value: r.Value, Revision: r.Revision, Applied: r.applied(), Replayed: r.Replayed}
	if response.Applied == nil {
		response.Available = &r.Amount
	}
	return response, nil
}

// Release implements the service.
func (c *calls) Release(ctx context.Context, m *cuentav1.ReleaseRequest) (*cuentav1.ReleaseResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Release{Release: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.ReleaseResponse{Value: r.Value, Revision: r.Revision, Available: r.Amount, Replayed: r.Replayed}, nil
}

// Extend implements the service.
func (c *calls) Extend(ctx context.Context, m *cuentav1.ExtendRequest) (*cuentav1.ExtendResponse, error) {
	r, err := c.change(ctx, &cuentav1.Operation{Operation: &cuentav1.Operation_Extend{Extend: m}})
	if err != nil {
		return nil, err
	}
	return &cuentav1.ExtendResponse{Value: r.Value, Revision: r.Revision, Available: r.Amount, Replayed: r.Replayed}, nil
}

// ListHolds implements the service. The cursor is the last hold of the page before.
func (c *calls) ListHolds(ctx context.Context, m *cuentav1.ListHoldsRequest) (*cuentav1.ListHoldsResponse, error) {
	size, refused := pageSize(m.GetPageSize())
	if refused != nil {
		return nil, refused
	}
	behind, refused := cursorOf(m.GetPageToken())
	if refused != nil {
		return nil, refused
	}
	name, refused := nameOf(m.GetCounter())
	if refused != nil {
		return nil, refused
	}
	terms := &cuenta.Terms{Hold: behind, Holds: make([]cuenta.Held, 0, size)}
	request := cuenta.Request{Op: cuenta.Describe, Counter: name, Terms: terms}
	if result := &c.do(ctx, request)[0]; result.Code != cuenta.OK {
		return nil, refusedResult(&request, result)
	}
	response := &cuentav1.ListHoldsResponse{Holds: make([]*cuentav1.Held, len(terms.Holds))}
	for i, h := range terms.Holds {
		response.Holds[i] = &cuentav1.Held{Hold: h.ID, Amount: h.Amount, ExpiresAt: timestamppb.New(time.Unix(0, h.Ends))}
	}
	if len(terms.Holds) == size {
		response.NextPageToken = tokenOf(terms.Holds[size-1].ID)
	}
	return response, nil
}
