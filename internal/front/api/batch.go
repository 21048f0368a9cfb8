package api

import (
	"context"

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
		return &cuentav1.BatchResponse{Results: resultsOf(results)}, nil
	}
	whole, each := &results[0], results[1:]
	if whole.Code != cuenta.OK {
		return nil, refusedBatch(whole, each)
	}
	response := &cuentav1.BatchResponse{Whole: answerOf(whole)}
	if !whole.Replayed {
		response.Results = resultsOf(each)
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
	if m.GetAtomic() {
		all := cuenta.Request{Op: cuenta.All, Span: uint16(len(operations))}
		if err := identify(ctx, &all, m.GetIdentity()); err != nil {
			return nil, err
		}
		requests = append(requests, all)
	} else if from := callerOf(ctx); m.GetIdentity() != nil || from.key != "" || from.badKey != nil {
		return nil, refuse(cuenta.Syntax, "only an atomic batch has an identity; here each operation has its own")
	}
	for i, operation := range operations {
		request, given, refused := requestOf(operation)
		if refused == nil && given != nil {
			if m.GetAtomic() {
				refused = refuse(cuenta.Syntax, "an operation of an atomic batch has no identity; the batch has")
			} else {
				request.Identity, refused = identityOf(given)
			}
		}
		if refused != nil {
			return nil, refuse(refused.code, "operation %d: %s", i, refused.info.Text)
		}
		requests = append(requests, request)
	}
	return requests, nil
}

// refusedBatch is an atomic batch of which nothing was carried out. Of one that
// was refused earlier only that is known.
func refusedBatch(whole *cuenta.Result, each []cuenta.Result) *refusal {
	refused := refusedResult(whole)
	if whole.Code != cuenta.Aborted || whole.Replayed {
		return refused
	}
	refused.batch = &cuentav1.BatchResponse{Results: resultsOf(each)}
	for i := range each {
		if code := each[i].Code; code != cuenta.OK && code != cuenta.Aborted {
			why := refuse(cuenta.Aborted, "operation %d was refused: %s: %s", i, code, each[i].Text())
			refused.info.Text = why.info.Text
			break
		}
	}
	return refused
}

func resultsOf(results []cuenta.Result) []*cuentav1.Result {
	all := make([]*cuentav1.Result, len(results))
	for i := range results {
		r := &results[i]
		if r.Code == cuenta.OK {
			all[i] = &cuentav1.Result{Result: &cuentav1.Result_Answer{Answer: answerOf(r)}}
		} else {
			all[i] = &cuentav1.Result{Result: &cuentav1.Result_Error{Error: infoOf(r)}}
		}
	}
	return all
}

func answerOf(r *cuenta.Result) *cuentav1.Answer {
	return &cuentav1.Answer{Value: r.Value, Revision: r.Revision, Replayed: r.Replayed}
}
