package api

import (
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// The routes of changes and identities: each makes the message of its call out of
// path, parameters and body.

// readFor decodes the body into a message about the counter in the path.
func (q *ask) readFor(m proto.Message, counter *string, parameters ...string) *refusal {
	refused := q.read(m, parameters...)
	if refused == nil {
		*counter, refused = q.counter(*counter)
	}
	return refused
}

func (a *API) add(q *ask) (reply, *refusal) {
	m := &cuentav1.AddRequest{}
	refused := q.readFor(m, &m.Counter, "amount")
	if refused == nil {
		m.Amount, refused = q.override("amount", m.Amount)
	}
	if refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.Add(q.ctx, m))
}

func (a *API) reset(q *ask) (reply, *refusal) {
	m := &cuentav1.ResetRequest{}
	if refused := q.readFor(m, &m.Counter); refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.Reset(q.ctx, m))
}

func (a *API) set(q *ask) (reply, *refusal) {
	m := &cuentav1.SetRequest{}
	refused := q.readFor(m, &m.Counter, "value")
	if refused == nil {
		m.Value, refused = q.override("value", m.Value)
	}
	if refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.Set(q.ctx, m))
}

// override returns the number in the parameter, or else that in the body.
func (q *ask) override(name string, inBody *int64) (*int64, *refusal) {
	n, ok, refused := q.number(name)
	switch {
	case refused != nil:
		return nil, refused
	case !ok:
		return inBody, nil
	case inBody != nil:
		return nil, refuse(cuenta.Syntax, "%s is in the body and a parameter", name)
	}
	return &n, nil
}

func (a *API) delete(q *ask) (reply, *refusal) {
	m := &cuentav1.DeleteRequest{}
	if refused := q.readFor(m, &m.Counter); refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.Delete(q.ctx, m))
}

func (a *API) batch(q *ask) (reply, *refusal) {
	m := &cuentav1.BatchRequest{}
	if refused := q.read(m); refused != nil {
		return reply{}, refused
	}
	response, err := a.calls.Batch(q.ctx, m)
	answer, refused := answered(response, err)
	answer.replayed = response.GetWhole().GetReplayed()
	return answer, refused
}

func (a *API) openSession(q *ask) (reply, *refusal) {
	m := &cuentav1.OpenSessionRequest{}
	if refused := q.read(m); refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.OpenSession(q.ctx, m))
}

func (a *API) outcomeOfKey(q *ask) (reply, *refusal) {
	return a.outcome(q, &cuentav1.Identity{Key: q.parts[0]})
}

func (a *API) outcomeOfNumber(q *ask) (reply, *refusal) {
	number, err := strconv.ParseUint(q.parts[1], 10, 64)
	if err != nil {
		return reply{}, unclear(refuse(cuenta.Syntax, "a number of a session is an integer from 1"))
	}
	return a.outcome(q, &cuentav1.Identity{Session: q.parts[0], Number: number})
}

func (a *API) outcome(q *ask, identity *cuentav1.Identity) (reply, *refusal) {
	if refused := q.read(&cuentav1.OutcomeRequest{}); refused != nil {
		return reply{}, refused
	}
	return answered(a.calls.Outcome(q.ctx, &cuentav1.OutcomeRequest{Identity: identity}))
}
