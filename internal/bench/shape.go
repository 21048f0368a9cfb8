package bench

import (
	"context"
	"math"

	"github.com/cuenta-server/cuenta"
)

// expected returns the code that an operation is to be answered with.
func (op Op) expected() cuenta.Code {
	if op == Refused {
		return cuenta.Limited
	}
	return cuenta.OK
}

// requests returns how many an operation has in a batch.
func (op Op) requests() int {
	if op == Transfer {
		return 3 // all of: away from here, to there
	}
	return 1
}

// terms returns what all operations say alike, nil if each says something else.
func (op Op) terms() *cuenta.Terms {
	lowest, highest := cuenta.Bound{Set: true, At: math.MinInt64}, cuenta.Bound{Set: true, At: math.MaxInt64}
	switch op {
	case Bounded:
		return &cuenta.Terms{Ceiling: highest, Clamp: true} // which is not needed, but as Clamped says it
	case Refused:
		return &cuenta.Terms{Ceiling: lowest}
	case Transfer:
		return &cuenta.Terms{Floor: lowest} // of the counter that gives
	case Reserve:
		return &cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: int64(holdTime)}}
	case Take:
		return &cuenta.Terms{Rate: cuenta.Rate{Kind: cuenta.FixedWindow, Limit: takeLimit, Period: int64(takePeriod)}}
	case Expire:
		return &cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: int64(expireTime)}}
	}
	return nil
}

// shape makes an increment what the operation is; it is the batch's number i.
func (r *rings) shape(q *cuenta.Request, i int) {
	q.Terms = r.alike
	switch r.asker.op {
	case Bounded, Refused:
		q.N = limitedBy
	case Clamped:
		r.terms[i] = cuenta.Terms{Ceiling: cuenta.Bound{Set: true, At: r.asker.nextBound()}, Clamp: true}
		q.N, q.Terms = limitedBy, &r.terms[i]
	case Transfer:
		*q = cuenta.Request{Op: cuenta.All, Span: 2}
	case Reserve:
		q.Op = cuenta.Hold
	case Take:
		q.Op = cuenta.Take
	case Ticket:
		from := len(r.text)
		r.text = r.asker.appendIdent(r.text)
		r.terms[i] = cuenta.Terms{Ident: r.text[from:]}
		q.Op, q.Terms = cuenta.Ticket, &r.terms[i]
	}
}

// move adds what a transfer consists of.
func (r *rings) move(key uint64) {
	r.batch.Requests = append(r.batch.Requests,
		cuenta.Request{Op: cuenta.Add, Counter: r.name(key), N: -1, Terms: r.alike},
		cuenta.Request{Op: cuenta.Add, Counter: r.name(r.asker.other(key)), N: 1})
}

// settle settles what the batch has held, and tells the tally.
func (r *rings) settle(t *tally) error {
	r.refusals = r.refusals[:0]
	r.names.begin()
	settling := r.batch.Requests[:0]
	for i := range r.batch.Results {
		result := &r.batch.Results[i]
		if result.Code != cuenta.OK {
			r.refusals = append(r.refusals, said(result))
			continue
		}
		r.refusals = append(r.refusals, "")
		r.terms[i] = cuenta.Terms{Hold: result.Revision}
		q := cuenta.Request{Op: cuenta.Settle, Counter: r.batch.Requests[i].Counter, N: 1, Terms: &r.terms[i]}
		r.identify(&q)
		settling = append(settling, q)
	}
	r.batch.Requests = settling
	if len(settling) > 0 {
		if err := r.client.Do(context.Background(), &r.batch); err != nil {
			return err
		}
	}
	settled, good := r.batch.Results, 0
	for _, refusal := range r.refusals {
		if refusal == "" {
			if settled[0].Code != cuenta.OK {
				refusal = said(&settled[0])
			}
			settled = settled[1:]
		}
		if refusal == "" {
			good++
			continue
		}
		t.answered(good)
		t.refused(refusal)
		good = 0
	}
	t.answered(good)
	return nil
}
