package history

import (
	"github.com/cuenta-server/cuenta"
)

// termsRequest draws a request that has to do with limits and ends.
func (f *faulty) termsRequest() request {
	it := item{op: cuenta.Add, counter: f.IntN(3), n: f.Int64N(21) - 10}
	bounds := Terms{Floor: cuenta.Bound{Set: true, At: -f.Int64N(20)}, Ceiling: cuenta.Bound{Set: f.IntN(2) == 0, At: f.Int64N(20)}}
	switch k := f.IntN(20); {
	case k < 3:
		it.op, it.n, it.terms = cuenta.Limit, 0, bounds
	case k < 5:
		it.op, it.n = cuenta.Expire, 0
		it.terms.Expiry = cuenta.Expiry{Kind: cuenta.ExpireAt, Time: f.now + 20 + f.Int64N(200)}
	case k < 8:
		it.op, it.n = cuenta.Get, 0
	case k < 10:
		it.op, it.n = cuenta.Describe, 0
	case k < 13:
		it.terms.Clamp = true
	case k < 14:
		it.terms = bounds
	case k < 15:
		it.cond, it.terms.Expect = cuenta.IfValue, f.memory.counters[it.counter].value
	case k < 16:
		return request{n: 2, whole: true, items: [worldItems]item{
			{op: cuenta.Add, counter: 0, n: -5, terms: Terms{Floor: cuenta.Bound{Set: true}}}, {op: cuenta.Add, counter: 1, n: 5},
		}}
	}
	return request{n: 1, items: [worldItems]item{it}}
}

// lapse is the time going on, for counters with an end.
func (f *faulty) lapse() {
	f.memory.now = f.tick()
	for i := range f.memory.counters {
		c := &f.memory.counters[i]
		over := f.memory.over(i)
		switch {
		case f.fault == lapsesEarly && c.alive && c.ends != 0 && f.IntN(20) == 0:
			f.memory.drop(i)
		case f.fault == lapsesNever && over:
			c.ends = 0
		case f.fault == lapsesTwice && over:
			c.revision++
			f.memory.drop(i)
		case over && f.IntN(3) == 0:
			f.memory.drop(i)
		}
	}
}

// spoilTerms plants the faults that are in an answer.
func (f *faulty) spoilTerms(answer *reply, r request, before *world) {
	it, to := r.items[0], &answer.results[0]
	switch {
	case r.n > 1:
	case f.fault == limitPassed && to.code == cuenta.Limited && it.op == cuenta.Add:
		c := &f.memory.counters[it.counter]
		if c.alive {
			c.value += it.n
			c.revision++
			*to = result{value: c.value, revision: c.revision}
		}
	case f.fault == wrongAmount && it.terms.Clamp && to.code == cuenta.OK:
		to.amount = it.n
	case f.fault == endedRead && it.op == cuenta.Get && before.over(it.counter):
		c := before.counters[it.counter]
		*to = result{value: c.value, revision: c.revision}
	}
}

// tell notes one answer.
func (f *faulty) tell(p *pending, i int, told Told) {
	r, it := &p.reply.results[i], &p.request.items[i]
	answer := &cuenta.Result{Code: r.code, Value: r.value, Revision: r.revision, Amount: r.amount}
	switch {
	case it.op == cuenta.Describe && r.code == cuenta.OK:
		if r.terms.Expiry.Time != 0 {
			answer.Amount = r.terms.Expiry.Time - p.at
		}
		p.c.log.Described(p.first+i, answer, &cuenta.Terms{Floor: r.terms.Floor, Ceiling: r.terms.Ceiling, Expiry: r.terms.Expiry})
		return
	case r.code == cuenta.Limited && p.request.whole:
		told = 0
	case r.code == cuenta.Limited, it.terms.Clamp && r.code == cuenta.OK:
		told |= WithAmount
	}
	p.c.log.End(p.first+i, answer, told)
}
