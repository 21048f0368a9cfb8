package api

import (
	"context"
	"math"
	"math/big"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

const (
	// maxSum is how many counters one call sums up.
	maxSum = 100_000

	// maxSums is how many sums are made at a time: they read much, and must not take
	// the processors from the counting.
	maxSums = 4
)

// Sum implements the service.
func (c *calls) Sum(ctx context.Context, m *cuentav1.SumRequest) (*cuentav1.SumResponse, error) {
	cursor, refused := cursorOf(m.GetPageToken())
	if refused != nil {
		return nil, refused
	}
	select {
	case c.sums <- struct{}{}:
		defer func() { <-c.sums }()
	case <-ctx.Done():
		return nil, refusedError(ctx.Err())
	}
	var total total
	for listed := 0; ; {
		found, next, err := c.operator.List(ctx, m.GetPrefix(), cursor, maxPage)
		if err != nil {
			return nil, refusedError(err)
		}
		if refused := c.addUp(ctx, found, &total); refused != nil {
			return nil, refused
		}
		listed, cursor = listed+len(found), next
		if cursor == 0 || listed > maxSum-maxPage {
			break
		}
	}
	if !total.sum.IsInt64() {
		return nil, total.overflow()
	}
	return &cuentav1.SumResponse{Sum: total.sum.Int64(), Counters: total.counters, NextPageToken: tokenOf(cursor)}, nil
}

// total is what counters hold together.
type total struct {
	sum      big.Int
	counters uint64
}

func (t *total) overflow() *refusal {
	refused := refuse(cuenta.Overflow, "the sum of %d counters is more than 64 bits hold", t.counters)
	refused.info.Value = math.MaxInt64
	if t.sum.Sign() < 0 {
		refused.info.Value = math.MinInt64
	}
	return refused
}

// addUp adds what is in those counters. It asks for them again, since a listing does
// not tell which are totals of others.
func (c *calls) addUp(ctx context.Context, found []cuenta.Counter, to *total) *refusal {
	if len(found) == 0 {
		return nil
	}
	requests, terms := make([]cuenta.Request, len(found)), make([]cuenta.Terms, len(found))
	for i := range found {
		requests[i] = cuenta.Request{Op: cuenta.Describe, Counter: []byte(found[i].Name), Terms: &terms[i]}
	}
	results := c.do(ctx, requests...)
	var value big.Int
	for i := range results {
		switch r := &results[i]; {
		case r.Code != cuenta.OK:
			return refusedResult(&requests[i], r)
		case r.Revision == 0 || terms[i].Total: // deleted meanwhile, or the sum of others
		default:
			to.sum.Add(&to.sum, value.SetInt64(r.Value))
			to.counters++
		}
	}
	return nil
}
