package api

import (
	"context"
	"fmt"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// Batch implements the service. A batch in which one operation cannot be read is
// refused as a whole.
func (c *calls) Batch(ctx context.Context, m *cuentav1.BatchRequest) (*cuentav1.BatchResponse, error) {
	requests, err := batchOf(ctx, m)
	if err != nil {
		return nil, err
	}
	results := c.do(ctx, requests...)
	if !m.GetAtomic() {
		return &cuentav1.BatchResponse{Results: resultsOf(requests, results)}, nil
	}
	whole, each := &results[0], results[1:]
	// Under one identity only the whole is remembered, and what was refused.
	forgotten := whole.Replayed && requests[0].Identity.Given()
	if whole.Code != cuenta.OK {
		return nil, refusedBatch(requests, results)
	}
	response := &cuentav1.BatchResponse{Whole: answerOf(nil, whole)}
	if !forgotten {
		response.Results = resultsOf(requests[1:], each)
	}
	return response, nil
}

// batchOf returns the requests that a batch is.
func batchOf(ctx context.Context, m *cuentav1.BatchRequest) ([]cuenta.Request, error) {
	operations := m.GetOperations()
	room := cuenta.MaxBatch
	if m.GetAtomic() {
		room-- // for what holds them together
	}
	switch {
	case len(operations) == 0:
		return nil, refuse(cuenta.Syntax, "a batch has at least one operation")
	case len(operations) > room:
		return nil, refuse(cuenta.TooLarge, "%d operations, at most %d can be in such a batch", len(operations), room)
	}
	requests := make([]cuenta.Request, 0, 1+len(operations))
	var ofAll cuenta.Identity
	if m.GetAtomic() {
		all := cuenta.Request{Op: cuenta.All, Span: uint16(len(operations))}
		if err := identify(ctx, &all, m.GetIdentity()); err != nil {
			return nil, err
		}
		requests, ofAll = append(requests, all), all.Identity
	} else if from := callerOf(ctx); m.GetIdentity() != nil || from.key != "" || from.badKey != nil {
		return nil, refuse(cuenta.Syntax, "only an atomic batch has an identity; here each operation has its own")
	}
	var together run
	for i, operation := range operations {
		request, given, refused := requestOf(operation)
		if refused == nil && given != nil {
			request.Identity, refused = identityOf(given)
		}
		if refused == nil && m.GetAtomic() && request.Identity.Given() {
			if ofAll.Given() {
				refused = refuse(cuenta.Syntax, "the batch has an identity as a whole, so its operations have none")
			} else {
				refused = together.join(&request.Identity)
			}
		}
		if refused != nil {
			return nil, refuse(refused.code, "operation %d: %s", i, refused.info.Text)
		}
		requests = append(requests, request)
	}
	return requests, nil
}

// run is the identities of an atomic batch's operations. The ledger would refuse
// the same, but does not say why.
type run struct {
	begun       bool
	first, last cuenta.Identity
}

// join adds one to them: they are all keys, or ascending numbers of one session.
func (r *run) join(id *cuenta.Identity) *refusal {
	if !r.begun {
		r.begun, r.first, r.last = true, *id, *id
		return nil
	}
	switch {
	case id.Session != r.first.Session:
		return refuse(cuenta.Syntax, "the identities of an atomic batch are all keys, or all numbers of one session")
	case id.Session == 0:
	case id.Number <= r.last.Number:
		return refuse(cuenta.Syntax, "the numbers of an atomic batch ascend, and %d comes after %d", id.Number, r.last.Number)
	case id.Lowest > r.first.Number:
		return refuse(cuenta.Syntax, "lowest is above %d, a number of the same batch", r.first.Number)
	case id.Number-r.first.Number >= cuenta.SessionWindow:
		return refuse(cuenta.TooLarge, "the numbers of an atomic batch are less than %d apart", cuenta.SessionWindow)
	}
	r.last = *id
	return nil
}

// refusedBatch is an atomic batch of which nothing was carried out.
func refusedBatch(requests []cuenta.Request, results []cuenta.Result) *refusal {
	whole, each := &results[0], results[1:]
	if whole.Code != cuenta.Aborted {
		return refusedResult(nil, whole)
	}
	refused := &cuenta.Result{Code: cuenta.Aborted, Replayed: whole.Replayed}
	text := refused.Text()
	for i := range each {
		switch code := each[i].Code; {
		case code == cuenta.OK: // of a repeat it is remembered only if it had an identity
			each[i].Code = cuenta.Aborted
		case code != cuenta.Aborted:
			if refusesIdentity(code) {
				refused.Code = code
			}
			text = fmt.Sprintf("operation %d was refused: %s: %s", i, code, each[i].Text())
		}
	}
	r := refusedResult(nil, refused)
	r.info.Text = text
	r.batch = &cuentav1.BatchResponse{Results: resultsOf(requests[1:], each)}
	for _, one := range r.batch.Results {
		one.GetError().Counter = nil // here it is not told whose limit it was
	}
	return r
}

// refusesIdentity reports whether a code says that nothing may be done under an
// identity, now or ever. It then speaks for the whole batch: unlike aborted it is
// not remembered, and of an earlier sending it may tell nothing.
func refusesIdentity(code cuenta.Code) bool {
	switch code {
	case cuenta.Conflict, cuenta.TooOld, cuenta.TooNew, cuenta.NoSession, cuenta.Busy:
		return true
	}
	return false
}

func resultsOf(requests []cuenta.Request, results []cuenta.Result) []*cuentav1.Result {
	all := make([]*cuentav1.Result, len(results))
	for i := range results {
		r := &results[i]
		if r.Code == cuenta.OK {
			all[i] = &cuentav1.Result{Result: &cuentav1.Result_Answer{Answer: answerOf(&requests[i], r)}}
		} else {
			all[i] = &cuentav1.Result{Result: &cuentav1.Result_Error{Error: infoOf(&requests[i], r)}}
		}
	}
	return all
}

// answerOf is the answer to a request, or to one of which no more is known.
func answerOf(of *cuenta.Request, r *cuenta.Result) *cuentav1.Answer {
	m := &cuentav1.Answer{Value: r.Value, Revision: r.Revision, Replayed: r.Replayed}
	switch {
	case of == nil && r.Amount != 0, of != nil && tellsAmount(of):
		m.Amount = &r.Amount
	case of != nil && of.Op == cuenta.Describe:
		m.Terms = termsOf(of.Terms, r)
	}
	return m
}

// tellsAmount reports whether the answer to a request has an amount.
func tellsAmount(r *cuenta.Request) bool {
	return r.Op >= cuenta.Take || r.Terms != nil && r.Terms.Clamp
}
