package client

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

func identityMessage(r *cuenta.Request) *cuentav1.Identity {
	id := &r.Identity
	if !id.Given() {
		return nil
	}
	m := &cuentav1.Identity{Key: string(id.Key), Number: id.Number, Lowest: id.Lowest}
	if id.Session != 0 {
		m.Session = string(cuenta.AppendSession(nil, id.Session))
	}
	return m
}

func operationMessage(r *cuenta.Request) *cuentav1.Operation {
	counter, id, n := string(r.Counter), identityMessage(r), r.N
	t := r.Terms
	if t == nil {
		t = new(cuenta.Terms)
	}
	condition, expect := conditionMessage(r)
	floor, ceiling, expiry := boundMessage(t.Floor), boundMessage(t.Ceiling), expiryMessage(&t.Expiry)
	switch r.Op {
	case cuenta.Add:
		return &cuentav1.Operation{Operation: &cuentav1.Operation_Add{Add: &cuentav1.AddRequest{
			Counter: counter, Amount: &n, Identity: id, Condition: condition, Expect: expect,
			Floor: floor, Ceiling: ceiling, Clamp: t.Clamp, Expiry: expiry,
		}}}
	case cuenta.Reset:
		return &cuentav1.Operation{Operation: &cuentav1.Operation_Reset_{Reset_: &cuentav1.ResetRequest{
			Counter: counter, Identity: id, Condition: condition, Expect: expect,
			Floor: floor, Ceiling: ceiling, Clamp: t.Clamp, Expiry: expiry,
		}}}
	case cuenta.Set:
		return &cuentav1.Operation{Operation: &cuentav1.Operation_Set{Set: &cuentav1.SetRequest{
			Counter: counter, Value: &n, Identity: id, Condition: condition, Expect: expect,
			Floor: floor, Ceiling: ceiling, Clamp: t.Clamp, Expiry: expiry,
		}}}
	case cuenta.Delete:
		return &cuentav1.Operation{Operation: &cuentav1.Operation_Delete{Delete: &cuentav1.DeleteRequest{
			Counter: counter, Identity: id, Condition: condition, Expect: expect,
		}}}
	case cuenta.Limit:
		return &cuentav1.Operation{Operation: &cuentav1.Operation_SetLimits{SetLimits: &cuentav1.SetLimitsRequest{
			Counter: counter, Identity: id, Condition: condition, Expect: expect, Floor: floor, Ceiling: ceiling, Total: t.Total,
		}}}
	case cuenta.Expire:
		return &cuentav1.Operation{Operation: &cuentav1.Operation_Expire{Expire: &cuentav1.ExpireRequest{
			Counter: counter, Identity: id, Condition: condition, Expect: expect, Expiry: expiry,
		}}}
	}
	return furtherMessage(r, t)
}

// furtherMessage is the message of what takes no condition.
func furtherMessage(r *cuenta.Request, t *cuenta.Terms) *cuentav1.Operation {
	counter, id, n, expiry := string(r.Counter), identityMessage(r), r.N, expiryMessage(&t.Expiry)
	switch r.Op {
	case cuenta.Describe:
		return &cuentav1.Operation{Operation: &cuentav1.Operation_Describe{Describe: &cuentav1.DescribeRequest{Counter: counter}}}
	case cuenta.Check:
		m := &cuentav1.CheckRequest{Counter: counter, Expected: &cuentav1.CheckRequest_Revision{Revision: uint64(n)}}
		if r.If == cuenta.IfValue {
			m.Expected = &cuentav1.CheckRequest_Value{Value: n}
		}
		return &cuentav1.Operation{Operation: &cuentav1.Operation_Check{Check: m}}
	case cuenta.Take:
		rate := &cuentav1.Rate{
			Kind: cuentav1.RateKind(t.Rate.Kind), Limit: t.Rate.Limit, Burst: t.Rate.Burst, Period: durationpb.New(time.Duration(t.Rate.Period)),
		}
		return &cuentav1.Operation{Operation: &cuentav1.Operation_Take{Take: &cuentav1.TakeRequest{Counter: counter, Identity: id, Amount: &n, Rate: rate}}}
	case cuenta.Ticket:
		return &cuentav1.Operation{Operation: &cuentav1.Operation_Ticket{Ticket: &cuentav1.TicketRequest{Counter: counter, Identity: id, Ident: string(t.Ident), Count: &n}}}
	case cuenta.Hold:
		return &cuentav1.Operation{Operation: &cuentav1.Operation_Hold{Hold: &cuentav1.HoldRequest{Counter: counter, Identity: id, Amount: n, Expiry: expiry}}}
	case cuenta.Settle:
		return &cuentav1.Operation{Operation: &cuentav1.Operation_Settle{Settle: &cuentav1.SettleRequest{Counter: counter, Identity: id, Hold: t.Hold, Amount: &n, Clamp: t.Clamp}}}
	case cuenta.Release:
		return &cuentav1.Operation{Operation: &cuentav1.Operation_Release{Release: &cuentav1.ReleaseRequest{Counter: counter, Identity: id, Hold: t.Hold}}}
	case cuenta.Extend:
		return &cuentav1.Operation{Operation: &cuentav1.Operation_Extend{Extend: &cuentav1.ExtendRequest{Counter: counter, Identity: id, Hold: t.Hold, Expiry: expiry}}}
	}
	return &cuentav1.Operation{Operation: &cuentav1.Operation_Get{Get: &cuentav1.GetRequest{Counter: counter}}}
}

// conditionMessage is the condition of a change, and what it expects. The numbers of
// conditions are those of the contract, as are those of rates and ends.
func conditionMessage(r *cuenta.Request) (cuentav1.Condition, *int64) {
	if r.Terms != nil && (r.If == cuenta.IfValue || r.If == cuenta.IfRevision) {
		return cuentav1.Condition(r.If), &r.Terms.Expect
	}
	return cuentav1.Condition(r.If), nil
}

func boundMessage(b cuenta.Bound) *int64 {
	if !b.Set {
		return nil
	}
	return &b.At
}

func expiryMessage(e *cuenta.Expiry) *cuentav1.Expiry {
	m := &cuentav1.Expiry{Condition: cuentav1.ExpiryCondition(e.If), Lapse: e.Lapse}
	switch e.Kind {
	case cuenta.NoExpiry:
		m.End = &cuentav1.Expiry_Never{Never: true}
	case cuenta.ExpireAt:
		m.End = &cuentav1.Expiry_At{At: timestamppb.New(time.Unix(0, e.Time))}
	case cuenta.ExpireAfter:
		m.End = &cuentav1.Expiry_After{After: durationpb.New(time.Duration(e.Time))}
	default:
		return nil
	}
	return m
}

// describe fills in the terms that an answer has.
func describe(t *cuenta.Terms, m *cuentav1.Terms, result *cuenta.Result) {
	*t = cuenta.Terms{Total: m.GetTotal(), Held: m.GetHeld(), HeldDown: m.GetHeldDown()}
	if m.GetExpiresAt() != nil {
		t.Expiry = cuenta.Expiry{Kind: cuenta.ExpireAt, Time: m.GetExpiresAt().AsTime().UnixNano()}
		result.Amount = int64(m.GetExpiresIn().AsDuration())
	}
	if m.Floor != nil {
		t.Floor = cuenta.Bound{Set: true, At: *m.Floor}
	}
	if m.Ceiling != nil {
		t.Ceiling = cuenta.Bound{Set: true, At: *m.Ceiling}
	}
}

// resultMessage reads what came of an operation. Terms that come with it fill in the
// operation's.
func resultMessage(terms *cuenta.Terms, m interface {
	GetAnswer() *cuentav1.Answer
	GetError() *cuentav1.ErrorInfo
}) (cuenta.Result, error) {
	if refused := m.GetError(); refused != nil {
		return refusalMessage(refused)
	}
	a := m.GetAnswer()
	if a == nil {
		return cuenta.Result{}, errNoAnswer
	}
	result := cuenta.Result{Value: a.GetValue(), Revision: a.GetRevision(), Replayed: a.GetReplayed(), Amount: a.GetAmount()}
	if terms != nil && a.GetTerms() != nil {
		describe(terms, a.GetTerms(), &result)
	}
	return result, nil
}

func refusalMessage(m *cuentav1.ErrorInfo) (cuenta.Result, error) {
	e, ok := cuenta.ParseError(m.GetCode() + ": ")
	if !ok {
		return cuenta.Result{}, fmt.Errorf("the server refuses with a code that is not known here: %q", m.GetCode())
	}
	result := cuenta.Result{
		Code: e.Code, Value: m.GetValue(), Revision: m.GetRevision(), Replayed: m.GetReplayed(),
		Amount: m.GetRoom(), Level: uint8(m.GetLevel()),
	}
	if e.Code == cuenta.Throttled {
		result.Amount = -1
		if after := m.GetRetryAfter(); after != nil {
			result.Amount = int64(after.AsDuration())
		}
	}
	return result, nil
}
