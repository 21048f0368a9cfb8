package api

import (
	"math"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// asked is what an operation asks for, before it is looked at as a whole.
type asked struct {
	request   cuenta.Request
	counter   string
	condition cuentav1.Condition
	expect    *int64
	given     *cuentav1.Identity
}

// requestOf returns the request that an operation is, and the identity that it
// was given.
func requestOf(operation *cuentav1.Operation) (cuenta.Request, *cuentav1.Identity, *refusal) {
	var a asked
	refused := a.read(operation)
	if refused == nil {
		refused = a.meet()
	}
	if refused == nil {
		a.request.Counter, refused = nameOf(a.counter)
	}
	return a.request, a.given, refused
}

// read takes an operation in.
func (a *asked) read(operation *cuentav1.Operation) *refusal {
	switch o := operation.GetOperation().(type) {
	case *cuentav1.Operation_Add:
		return a.add(o.Add)
	case *cuentav1.Operation_Reset_:
		return a.reset(o.Reset_)
	case *cuentav1.Operation_Set:
		return a.set(o.Set)
	case *cuentav1.Operation_Delete:
		a.request.Op, a.counter, a.given = cuenta.Delete, o.Delete.GetCounter(), o.Delete.GetIdentity()
		a.condition, a.expect = o.Delete.GetCondition(), o.Delete.Expect
		return nil
	case *cuentav1.Operation_Get:
		a.request.Op, a.counter = cuenta.Get, o.Get.GetCounter()
		return nil
	case *cuentav1.Operation_SetLimits:
		return a.setLimits(o.SetLimits)
	case *cuentav1.Operation_Expire:
		return a.expire(o.Expire)
	case *cuentav1.Operation_Describe:
		a.request.Op, a.counter, a.request.Terms = cuenta.Describe, o.Describe.GetCounter(), new(cuenta.Terms)
		return nil
	case *cuentav1.Operation_Check:
		return a.check(o.Check)
	case *cuentav1.Operation_Take:
		return a.take(o.Take)
	case *cuentav1.Operation_Ticket:
		return a.ticket(o.Ticket)
	case *cuentav1.Operation_Hold:
		return a.hold(o.Hold)
	case *cuentav1.Operation_Settle:
		return a.settle(o.Settle)
	case *cuentav1.Operation_Release:
		return a.release(o.Release)
	case *cuentav1.Operation_Extend:
		return a.extend(o.Extend)
	}
	return refuse(cuenta.Syntax, "what to do is not said")
}

func (a *asked) add(m *cuentav1.AddRequest) *refusal {
	a.request.Op, a.request.N = cuenta.Add, 1
	if m.Amount != nil {
		a.request.N = *m.Amount
	}
	a.counter, a.condition, a.expect, a.given = m.GetCounter(), m.GetCondition(), m.Expect, m.GetIdentity()
	return a.within(m.Floor, m.Ceiling, m.GetClamp(), m.GetExpiry())
}

func (a *asked) reset(m *cuentav1.ResetRequest) *refusal {
	a.request.Op = cuenta.Reset
	a.counter, a.condition, a.expect, a.given = m.GetCounter(), m.GetCondition(), m.Expect, m.GetIdentity()
	return a.within(m.Floor, m.Ceiling, m.GetClamp(), m.GetExpiry())
}

func (a *asked) set(m *cuentav1.SetRequest) *refusal {
	if m.Value == nil {
		return refuse(cuenta.Syntax, "to what to set is not said: the value is missing")
	}
	a.request.Op, a.request.N = cuenta.Set, *m.Value
	a.counter, a.condition, a.expect, a.given = m.GetCounter(), m.GetCondition(), m.Expect, m.GetIdentity()
	return a.within(m.Floor, m.Ceiling, m.GetClamp(), m.GetExpiry())
}

func (a *asked) check(m *cuentav1.CheckRequest) *refusal {
	a.request.Op, a.counter = cuenta.Check, m.GetCounter()
	switch expected := m.GetExpected().(type) {
	case *cuentav1.CheckRequest_Revision:
		if expected.Revision > math.MaxInt64 {
			return refuse(cuenta.Syntax, "no revision is so high")
		}
		a.request.N = int64(expected.Revision)
		return nil
	case *cuentav1.CheckRequest_Value:
		a.request.If, a.request.N = cuenta.IfValue, expected.Value
		return nil
	}
	return refuse(cuenta.Syntax, "what is expected is not said: a check needs a revision or a value")
}

// meet reads the condition of a change. (That of a Check is read already.)
func (a *asked) meet() *refusal {
	switch a.condition {
	case cuentav1.Condition_CONDITION_UNSPECIFIED:
	case cuentav1.Condition_CONDITION_IF_ABSENT:
		a.request.If = cuenta.IfAbsent
	case cuentav1.Condition_CONDITION_IF_PRESENT:
		a.request.If = cuenta.IfPresent
	case cuentav1.Condition_CONDITION_IF_VALUE:
		a.request.If = cuenta.IfValue
	case cuentav1.Condition_CONDITION_IF_REVISION:
		a.request.If = cuenta.IfRevision
	default:
		return refuse(cuenta.Unsupported, "the condition %d is not known", a.condition)
	}
	expects := a.condition >= cuentav1.Condition_CONDITION_IF_VALUE
	switch {
	case expects && a.expect == nil:
		return refuse(cuenta.Syntax, "the condition needs what to expect")
	case !expects && a.expect != nil:
		return refuse(cuenta.Syntax, "what is expected goes with a condition on value or revision")
	case a.condition == cuentav1.Condition_CONDITION_IF_REVISION && *a.expect < 0:
		return refuse(cuenta.Syntax, "no revision is below 0")
	case expects:
		a.terms().Expect = *a.expect
	}
	return nil
}

// terms returns the request's terms, which it then has.
func (a *asked) terms() *cuenta.Terms {
	if a.request.Terms == nil {
		a.request.Terms = new(cuenta.Terms)
	}
	return a.request.Terms
}

// nameOf returns the name of a counter in the form of requests.
func nameOf(counter string) ([]byte, *refusal) {
	name := []byte(counter)
	if len(name) > 0 && !cuenta.ValidName(name) {
		return nil, refuse(cuenta.Syntax, "a counter's name has 1 to %d bytes of UTF-8 without spaces and control characters", cuenta.MaxName)
	}
	return name, nil
}
