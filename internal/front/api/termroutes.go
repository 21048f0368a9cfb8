package api

import (
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// The routes of what counters have beside a value.

func (a *API) describe(q *ask) (reply, *refusal) {
	m := &cuentav1.DescribeRequest{}
	if refused := q.readFor(m, &m.Counter); refused != nil {
		return reply{}, refused
	}
	described, err := a.calls.Describe(q.ctx, m)
	if refused := asRefusal(err); refused != nil && (refused.code == cuenta.Failed || refused.code == cuenta.Unknown) {
		// Once the journal has failed only values are known to be durable.
		return answered(a.calls.Get(q.ctx, &cuentav1.GetRequest{Counter: m.Counter}))
	}
	return answered(described, err)
}

func (a *API) setLimits(q *ask) (reply, *refusal) {
	m := &cuentav1.SetLimitsRequest{}
	if refused := q.readFor(m, &m.Counter); refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.SetLimits(q.ctx, m))
}

func (a *API) expire(q *ask) (reply, *refusal) {
	m := &cuentav1.ExpireRequest{}
	refused := q.readFor(m, &m.Counter, "after")
	if refused == nil && q.query.Has("after") {
		m.Expiry, refused = q.after(m.Expiry)
	}
	if refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.Expire(q.ctx, m))
}

// after reads an expiry from the parameter after.
func (q *ask) after(inBody *cuentav1.Expiry) (*cuentav1.Expiry, *refusal) {
	after := new(durationpb.Duration)
	switch {
	case inBody != nil:
		return nil, refuse(cuenta.Syntax, "the expiry is in the body and a parameter")
	case protojson.Unmarshal([]byte(strconv.Quote(q.query.Get("after"))), after) != nil:
		return nil, refuse(cuenta.Syntax, "after must be seconds, as in 60s or 0.5s")
	}
	return &cuentav1.Expiry{End: &cuentav1.Expiry_After{After: after}}, nil
}

func (a *API) ticket(q *ask) (reply, *refusal) {
	m := &cuentav1.TicketRequest{}
	refused := q.readFor(m, &m.Counter, "ident")
	if refused == nil && q.query.Has("ident") {
		if m.Ident != "" {
			refused = refuse(cuenta.Syntax, "ident is in the body and a parameter")
		}
		m.Ident = q.query.Get("ident")
	}
	if refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.Ticket(q.ctx, m))
}

func (a *API) checkTicket(q *ask) (reply, *refusal) {
	m := &cuentav1.CheckTicketRequest{}
	refused := q.readFor(m, &m.Counter, "number")
	if refused == nil {
		var given bool
		if m.Number, given, refused = q.number("number"); refused == nil && !given {
			refused = refuse(cuenta.Syntax, "which number is not said: ?number=1")
		}
	}
	if refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.CheckTicket(q.ctx, m))
}

func (a *API) resetTickets(q *ask) (reply, *refusal) {
	m := &cuentav1.ResetTicketsRequest{}
	if refused := q.readFor(m, &m.Counter); refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.ResetTickets(q.ctx, m))
}

func (a *API) hold(q *ask) (reply, *refusal) {
	m := &cuentav1.HoldRequest{}
	if refused := q.readFor(m, &m.Counter); refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.Hold(q.ctx, m))
}

func (a *API) settle(q *ask) (reply, *refusal) {
	m := &cuentav1.SettleRequest{}
	if refused := q.readFor(m, &m.Counter); refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.Settle(q.ctx, m))
}

func (a *API) release(q *ask) (reply, *refusal) {
	m := &cuentav1.ReleaseRequest{}
	if refused := q.readFor(m, &m.Counter); refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.Release(q.ctx, m))
}

func (a *API) extend(q *ask) (reply, *refusal) {
	m := &cuentav1.ExtendRequest{}
	if refused := q.readFor(m, &m.Counter); refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.Extend(q.ctx, m))
}

func (a *API) holds(q *ask) (reply, *refusal) {
	m := &cuentav1.ListHoldsRequest{}
	refused := q.readFor(m, &m.Counter, "page_size", "page_token")
	if refused == nil {
		m.PageSize, refused = q.pageSize()
	}
	if refused != nil {
		return reply{}, refused
	}
	m.PageToken = q.query.Get("page_token")
	return answered(a.calls.ListHolds(q.ctx, m))
}

func (a *API) transfer(q *ask) (reply, *refusal) {
	m := &cuentav1.TransferRequest{}
	if refused := q.read(m); refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.Transfer(q.ctx, m))
}

func (a *API) sum(q *ask) (reply, *refusal) {
	if refused := q.read(&cuentav1.SumRequest{}, "prefix", "page_token"); refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.Sum(q.ctx, &cuentav1.SumRequest{Prefix: q.query.Get("prefix"), PageToken: q.query.Get("page_token")}))
}
