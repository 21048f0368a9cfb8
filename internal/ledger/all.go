package ledger

import (
	"math/bits"
	"slices"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/terms"
)

// before is what a cell held before a change that may be taken back.
type before struct {
	cell    uint32
	number  uint32 // of the cell's effect, if it had one
	flags   uint8
	settled bool   // the change gave the name its cell
	had     bool   // it had an effect that was not taken yet
	effect  Effect // which, then
}

// termsBefore is what terms a counter had before that.
type termsBefore struct {
	cell  uint32
	terms terms.Terms
}

// note writes down what is about to be changed.
func (l *Ledger) note(cell uint32, settled bool) {
	c := l.cells.At(cell)
	was := before{cell: cell, number: c.Effect, flags: c.Flags, settled: settled}
	if e := l.open.on(cell, c); e != nil {
		was.had, was.effect = true, *e
	}
	l.undo = append(l.undo, was)
}

// mark is where the ledger was when changes that may be taken back began.
type mark struct {
	open, anew, newNames, newTerms, held int
	alive                                uint32
	floor                                uint64
}

func (l *Ledger) begin() mark {
	l.undoing, l.undo, l.undoTerms, l.undoHolds = true, l.undo[:0], l.undoTerms[:0], l.undoHolds[:0]
	return mark{len(l.open.list), l.anew, l.newNames, l.newTerms, len(l.heldEffects), l.alive, l.floor}
}

// takeBack undoes everything since begin, the latest first.
func (l *Ledger) takeBack(m mark) {
	l.takeBackHolds()
	l.heldEffects = l.heldEffects[:m.held]
	for _, b := range slices.Backward(l.undoTerms) {
		// They were there, and what took their place has just been given back.
		l.countTotal(l.terms.Of(b.cell), b.terms)
		if err := l.terms.Put(b.cell, b.terms); err != nil {
			panic("ledger: to take a change back needs memory: " + err.Error())
		}
	}
	for _, b := range slices.Backward(l.undo) {
		c := l.cells.At(b.cell)
		c.Effect, c.Flags = b.number, b.flags
		if b.had {
			*l.open.at(b.number) = b.effect
		}
		if b.settled {
			l.index.Remove(l.hash(l.Name(b.cell)), b.cell)
			l.releaseName(c)
			l.free = append(l.free, b.cell)
		}
	}
	l.open.list, l.anew, l.newNames, l.newTerms = l.open.list[:m.open], m.anew, m.newNames, m.newTerms
	l.alive, l.floor, l.undoing = m.alive, m.floor, false
}

// ApplyAll carries out what an All spans, all or none. Out has a place for the All
// and one for each request behind it.
func (l *Ledger) ApplyAll(all *cuenta.Request, span []cuenta.Request, now int64, out []cuenta.Result) Standing {
	if code := wellFormed(all, span); code != cuenta.OK {
		fill(out, cuenta.Result{Code: code})
		return Durable
	}
	if all.Identity.Given() {
		return l.onceAsOne(all, span, now, out)
	}
	return l.onceEach(span, now, out)
}

// wellFormed checks what an All may span: reads, checks and changes, with identities
// of their own only if it has none. These are all keys, or ascending numbers of one
// session, which have room in its window together.
func wellFormed(all *cuenta.Request, span []cuenta.Request) cuenta.Code {
	if len(span) != int(all.Span) || !all.Identity.Valid() {
		return cuenta.Syntax
	}
	var first, last *cuenta.Identity
	for i := range span {
		r := &span[i]
		if !fitsAll(r) || !r.Identity.Valid() || r.Identity.Given() && all.Identity.Given() {
			return cuenta.Syntax
		}
		if !identified(r) {
			continue
		}
		id := &r.Identity
		switch {
		case first == nil:
			first = id
		case id.Session != first.Session || id.Lowest > first.Number || id.Session != 0 && id.Number <= last.Number:
			return cuenta.Syntax
		case id.Number-first.Number >= cuenta.SessionWindow:
			return cuenta.TooLarge
		}
		last = id
	}
	return cuenta.OK
}

// fitsAll reports whether an All may span the request.
func fitsAll(r *cuenta.Request) bool {
	switch r.Op {
	case cuenta.Check:
		return r.Span == 0
	case cuenta.All, cuenta.OpenSession, cuenta.Outcome:
		return false
	}
	return r.Op != 0 && r.Op < cuenta.NumOps
}

// identified reports whether the request is one to remember.
func identified(r *cuenta.Request) bool { return !r.Op.Reads() && r.Identity.Given() }

func fill(out []cuenta.Result, r cuenta.Result) {
	for i := range out {
		out[i] = r
	}
}

// fingerprintOf tells runs of operations apart. The journal keeps it.
func fingerprintOf(span []cuenta.Request) uint32 {
	sum := uint64(len(span))
	for i := range span {
		const golden = 0x9e3779b97f4a7c15 // an odd number without a pattern
		sum = bits.RotateLeft64(sum*golden, 29) ^ uint64(span[i].Fingerprint())
	}
	return uint32(sum ^ sum>>32)
}

// onceAsOne carries out a run under the one identity of its All.
func (l *Ledger) onceAsOne(all *cuenta.Request, span []cuenta.Request, now int64, out []cuenta.Result) Standing {
	fingerprint := fingerprintOf(span)
	var slot identity.Slot
	if code := l.memory.Find(&all.Identity, all.Client, now, &slot); code != cuenta.OK {
		fill(out, cuenta.Result{Code: code})
		return l.standingOf(slot.Group)
	}
	if slot.Known {
		return l.replayAll(&slot, fingerprint, out)
	}
	standing, final := l.allOrNone(span, now, out)
	if !final {
		l.memory.Release(&slot)
		return standing
	}
	answer := out[0]
	if answer.Code == cuenta.Aborted {
		answer = refusedRun(out)
	}
	l.keep(&slot, &all.Identity, &answer, fingerprint, now)
	return Fresh
}

// refusedRun is what is remembered of a run that was taken back: which request was
// refused and why, in place of a value and revision that there are none of.
func refusedRun(out []cuenta.Result) cuenta.Result {
	a := cuenta.Result{Code: cuenta.Aborted}
	for i := range out[1:] {
		if why := &out[1+i]; why.Code != cuenta.Aborted {
			a.Value, a.Amount = why.Value, why.Amount
			a.Revision = uint64(1+i)<<16 | uint64(why.Level)<<8 | uint64(why.Code)
		}
	}
	return a
}

// replayAll answers a run that was carried out, or taken back, under one identity. The
// answers of its requests are not remembered, but for the refused one.
func (l *Ledger) replayAll(slot *identity.Slot, fingerprint uint32, out []cuenta.Result) Standing {
	standing := l.replay(slot, fingerprint, &out[0])
	fill(out[1:], cuenta.Result{Code: out[0].Code, Replayed: out[0].Replayed})
	a := &slot.Answer
	if refused := a.Revision >> 16; out[0].Code == cuenta.Aborted && refused > 0 && refused < uint64(len(out)) {
		out[refused] = cuenta.Result{
			Code: cuenta.Code(a.Revision), Level: uint8(a.Revision >> 8), Replayed: true, Value: a.Value, Amount: a.Amount,
		}
	}
	return standing
}

// onceEach carries out a run whose requests may have identities of their own.
func (l *Ledger) onceEach(span []cuenta.Request, now int64, out []cuenta.Result) Standing {
	standing, isNew := l.findEach(span, now, out)
	if !isNew {
		return standing
	}
	standing, final := l.allOrNone(span, now, out)
	slots := l.slots
	for i := range span {
		if !identified(&span[i]) {
			continue
		}
		if final {
			l.keep(&slots[0], &span[i].Identity, &out[1+i], span[i].Fingerprint(), now)
			standing = Fresh
		} else {
			l.memory.Release(&slots[0])
		}
		slots = slots[1:]
	}
	return standing
}

// findEach looks up the identities of a run. If all are new it reports true, and
// l.slots has their slots. Otherwise it fills in the answers: those of the run if
// it was carried out before, or why it cannot be.
func (l *Ledger) findEach(span []cuenta.Request, now int64, out []cuenta.Result) (worst Standing, isNew bool) {
	l.slots = l.slots[:0]
	known := 0
	for i := range span {
		r := &span[i]
		if !identified(r) {
			continue
		}
		var slot identity.Slot
		code := l.memory.Find(&r.Identity, r.Client, now, &slot)
		worst = max(worst, l.standingOf(slot.Group))
		switch {
		case code != cuenta.OK:
		case !slot.Known && known > 0, slot.Known && known < len(l.slots):
			code = cuenta.Conflict // some were used in another run, or twice in this one
		case slot.Known && slot.Answer.Fingerprint != r.Fingerprint():
			code = cuenta.Conflict
		case slot.Known:
			known++
		}
		if code != cuenta.OK {
			if code == cuenta.Conflict && !slot.Known {
				l.memory.Release(&slot)
			}
			l.refuseEach(i, code, out)
			return worst, false
		}
		l.slots = append(l.slots, slot)
	}
	if known > 0 {
		l.replayEach(span, out)
	}
	return worst, known == 0
}

// refuseEach gives a run up for the sake of one identity, before anything was
// carried out.
func (l *Ledger) refuseEach(refused int, code cuenta.Code, out []cuenta.Result) {
	for i := range l.slots {
		if !l.slots[i].Known {
			l.memory.Release(&l.slots[i])
		}
	}
	fill(out, cuenta.Result{Code: cuenta.Aborted})
	out[1+refused].Code = code
}

// replayEach answers a run that was carried out before. What had no identity is
// not remembered.
func (l *Ledger) replayEach(span []cuenta.Request, out []cuenta.Result) {
	fill(out, cuenta.Result{Replayed: true})
	slots := l.slots
	for i := range span {
		if !identified(&span[i]) {
			continue
		}
		l.replay(&slots[0], slots[0].Answer.Fingerprint, &out[1+i])
		if out[1+i].Code != cuenta.OK {
			out[0].Code = cuenta.Aborted
		}
		slots = slots[1:]
	}
	for i := range span {
		if out[0].Code == cuenta.Aborted && !identified(&span[i]) {
			out[1+i].Code = cuenta.Aborted
		}
	}
}

// recallEach answers a run whose requests have identities, if all of them are known,
// and changes nothing.
func (l *Ledger) recallEach(span []cuenta.Request, now int64, out []cuenta.Result) (worst Standing, known bool) {
	l.slots = l.slots[:0]
	for i := range span {
		r := &span[i]
		if !identified(r) {
			continue
		}
		var slot identity.Slot
		if !r.Identity.Valid() {
			return Durable, false
		}
		if l.memory.Recall(&r.Identity, now, &slot); !slot.Known || slot.Answer.Fingerprint != r.Fingerprint() {
			return Durable, false
		}
		worst = max(worst, l.standingOf(slot.Group))
		l.slots = append(l.slots, slot)
	}
	if len(l.slots) == 0 {
		return Durable, false
	}
	l.replayEach(span, out)
	return worst, true
}

// allOrNone carries out a run, or takes it back if one of its requests is refused.
// It reports whether that is final: what was decided is the answer for good.
func (l *Ledger) allOrNone(span []cuenta.Request, now int64, out []cuenta.Result) (worst Standing, final bool) {
	mark := l.begin()
	effects, hash := int64(0), uint32(0)
	for i := range span {
		r, o := &span[i], &out[1+i]
		if i == 0 || !isSame(r.Counter, span[i-1].Counter) {
			hash = l.Hash(r)
		}
		worst = max(worst, l.carryOut(r, hash, now, o))
		if o.Code != cuenta.OK {
			l.takeBack(mark)
			return l.abort(span, i, now, out), consumes(o.Code)
		}
		if !r.Op.Reads() && o.Revision != 0 {
			effects++
		}
	}
	l.undoing = false
	out[0] = cuenta.Result{Value: effects}
	if len(span) > 0 && span[0].Op.Reads() {
		out[0].Value, out[0].Revision = out[1].Value, out[1].Revision
	}
	return worst, true
}

// abort answers a run that was taken back because of one of its requests.
func (l *Ledger) abort(span []cuenta.Request, refused int, now int64, out []cuenta.Result) (s Standing) {
	why := out[1+refused]
	fill(out, cuenta.Result{Code: cuenta.Aborted})
	// The state in which it was refused never was; but it is told which limit or end of
	// int64 it would have passed, and how much would have fitted.
	out[1+refused] = cuenta.Result{Code: why.Code}
	if why.Code == cuenta.Overflow || why.Code == cuenta.Limited {
		out[1+refused].Value, out[1+refused].Amount, out[1+refused].Level = why.Value, why.Amount, why.Level
	}
	r := &span[refused]
	if cell, found := l.find(l.Hash(r), nameOf(r)); found {
		s = l.standing(cell)
		if of := l.terms.Of(cell); of.Ended(now) {
			s = Timed // its deletion was taken back, but may be why it was refused
		}
	}
	return s
}
