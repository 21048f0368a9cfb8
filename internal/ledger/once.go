package ledger

import (
	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/identity"
)

// once carries out a request that has an identity, or is about one.
func (l *Ledger) once(r *cuenta.Request, hash uint32, now int64, out *cuenta.Result) Standing {
	switch {
	case r.Op.Reads():
		return l.carryOut(r, hash, now, out)
	case r.Op == cuenta.OpenSession:
		return l.openSession(r, now, out)
	case r.Op == cuenta.Outcome || !r.Identity.Valid() || r.Op >= cuenta.NumOps:
		return l.recall(r, now, out)
	}
	if place, ok := l.memory.Next(&r.Identity, now); ok {
		standing := l.carryOut(r, hash, now, out)
		if !consumes(out.Code) {
			return standing
		}
		l.remember(place, r, now, out)
		return Fresh
	}
	var slot identity.Slot
	if code := l.memory.Find(&r.Identity, r.Client, now, &slot); code != cuenta.OK {
		*out = cuenta.Result{Code: code}
		return l.standingOf(slot.Group)
	}
	if slot.Known {
		return l.replay(&slot, r.Fingerprint(), out)
	}
	standing := l.carryOut(r, hash, now, out)
	if !consumes(out.Code) {
		l.memory.Release(&slot)
		return standing
	}
	l.keep(&slot, &r.Identity, out, r.Fingerprint(), now)
	return Fresh
}

// consumes reports whether an answer of that code is the one that an identity will
// ever get.
func consumes(code cuenta.Code) bool {
	switch code {
	case cuenta.OK, cuenta.Overflow, cuenta.Limited, cuenta.Past, cuenta.Throttled, cuenta.NoHold, cuenta.Unmet, cuenta.Aborted:
		return true
	}
	return false
}

// answered makes an answer that is to be remembered, and recorded. It is valid until the
// next one.
func (l *Ledger) answered(out *cuenta.Result, fingerprint uint32) *identity.Answer {
	l.told++
	a := &l.lasting
	a.Value, a.Revision, a.Amount, a.Fingerprint, a.Code = out.Value, out.Revision, out.Amount, fingerprint, out.Code
	if out.Level != 0 {
		a.Revision = ofTotal | uint64(out.Level)
	}
	return a
}

// remember is keep for a number of a session that has its place.
func (l *Ledger) remember(place identity.Place, r *cuenta.Request, now int64, out *cuenta.Result) {
	a := l.answered(out, r.Fingerprint())
	place.Keep(a, l.group+1, now)
	l.recorder.Answer(r.Identity.Session, r.Identity.Number, place.Lowest(), a)
}

// keep remembers an answer, and has it recorded.
func (l *Ledger) keep(slot *identity.Slot, id *cuenta.Identity, out *cuenta.Result, fingerprint uint32, now int64) {
	a := l.answered(out, fingerprint)
	l.memory.Keep(slot, a, l.group+1, now)
	if id.Session != 0 {
		l.recorder.Answer(id.Session, id.Number, l.memory.Lowest(slot), a)
	} else {
		l.recorder.Key(id.Key, a)
	}
}

// ofTotal marks, in place of the revision that there is none of, the level of the total
// whose limit refused a request. No counter changes so often.
const ofTotal = 1 << 63

// replay gives the answer that is remembered.
func (l *Ledger) replay(slot *identity.Slot, fingerprint uint32, out *cuenta.Result) Standing {
	a := &slot.Answer
	switch {
	case a.Fingerprint != fingerprint:
		*out = cuenta.Result{Code: cuenta.Conflict}
	case a.Code == cuenta.Aborted: // what else is kept is about one of the run's requests
		*out = cuenta.Result{Code: a.Code, Replayed: true}
	default:
		*out = cuenta.Result{Code: a.Code, Replayed: true, Value: a.Value, Revision: a.Revision, Amount: a.Amount}
		if a.Revision >= ofTotal {
			out.Revision, out.Level = 0, uint8(a.Revision)
		}
	}
	return l.standingOf(slot.Group)
}

// standingOf tells how durable what a group left behind is.
func (l *Ledger) standingOf(group uint64) Standing {
	switch {
	case group > l.group:
		return Fresh
	case group > l.landed.Load():
		return Taken
	}
	return Durable
}

func (l *Ledger) openSession(r *cuenta.Request, now int64, out *cuenta.Result) Standing {
	id := r.Identity.Session
	if code := l.memory.Open(id, r.Client, l.group+1, now); code != cuenta.OK {
		*out = cuenta.Result{Code: code}
		return Durable
	}
	*out = cuenta.Result{Revision: id}
	l.told++
	l.recorder.Session(id)
	return Fresh
}

// recall answers Outcome, and what cannot be read.
func (l *Ledger) recall(r *cuenta.Request, now int64, out *cuenta.Result) Standing {
	if r.Op != cuenta.Outcome || !r.Identity.Given() || !r.Identity.Valid() {
		*out = cuenta.Result{Code: cuenta.Syntax}
		return Durable
	}
	var slot identity.Slot
	code := l.memory.Recall(&r.Identity, now, &slot)
	switch {
	case slot.Known:
		return l.replay(&slot, slot.Answer.Fingerprint, out)
	case code == cuenta.OK || code == cuenta.TooNew: // nothing so new was let in
		code = cuenta.Absent
	}
	*out = cuenta.Result{Code: code}
	return l.standingOf(slot.Group)
}

// Replay answers a change, or an All and its span, that was carried out before. It
// reports false, and changes nothing, if that is not known of it.
func (l *Ledger) Replay(r *cuenta.Request, span []cuenta.Request, now int64, out []cuenta.Result) (s Standing, known bool) {
	if r.Op == cuenta.All && !r.Identity.Given() {
		return l.recallEach(span, now, out)
	}
	if r.Op.Reads() || !r.Identity.Given() || !r.Identity.Valid() {
		return Durable, false // what reads uses no identity
	}
	var slot identity.Slot
	if l.memory.Recall(&r.Identity, now, &slot); !slot.Known {
		return Durable, false
	}
	fingerprint := r.Fingerprint()
	switch r.Op {
	case cuenta.All:
		return l.replayAll(&slot, fingerprintOf(span), out), true
	case cuenta.Outcome:
		fingerprint = slot.Answer.Fingerprint
	}
	return l.replay(&slot, fingerprint, &out[0]), true
}

// Sweep forgets identities whose time is over, at most about so many.
func (l *Ledger) Sweep(now int64, most int) { l.memory.Sweep(now, most) }
