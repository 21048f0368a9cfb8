package api

import (
	"context"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// OpenSession implements the service.
func (c *calls) OpenSession(ctx context.Context, _ *cuentav1.OpenSessionRequest) (*cuentav1.OpenSessionResponse, error) {
	result := &c.do(ctx, cuenta.Request{Op: cuenta.OpenSession})[0]
	if result.Code != cuenta.OK {
		return nil, refusedResult(nil, result)
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
		response.Result = &cuentav1.OutcomeResponse_Answer{Answer: answerOf(nil, result)}
	case cuenta.Overflow, cuenta.Limited, cuenta.Past, cuenta.Throttled, cuenta.NoHold, cuenta.Unmet, cuenta.Aborted,
		cuenta.Absent, cuenta.TooOld, cuenta.NoSession:
		response.Result = &cuentav1.OutcomeResponse_Error{Error: infoOf(nil, result)}
	default:
		return nil, unclear(refusedResult(nil, result))
	}
	return response, nil
}

// unclear is a refusal of Outcome itself. What it says of its own fate must not be
// taken for that of the change.
func unclear(r *refusal) *refusal {
	r.info.Fate = fates[cuenta.FateUnknown]
	return r
}
