//go:build linux

package main

import (
	"context"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/history"
	"github.com/cuenta-server/cuenta/internal/ringclient"
)

// rings is the front shm. No proxy fits between two processes that share memory:
// its connections are lost with the server, or when an attempt is given up.
type rings struct {
	path   string
	client *ringclient.Client
}

func newRings(e *entrances) way { return &rings{path: e.rings} }

func (w *rings) exchange(ctx context.Context, b *bundle) ([]answer, error) {
	requests := b.requests
	if b.whole {
		head := cuenta.Request{Op: cuenta.All, Span: uint16(len(requests)), Identity: requests[0].Identity}
		requests = append([]cuenta.Request{head}, requests...)
		for i := range requests[1:] {
			requests[1+i].Identity = cuenta.Identity{}
		}
	}
	results, err := w.do(ctx, requests)
	if err != nil {
		return nil, err
	}
	if b.whole {
		return wholeAnswers(results[0], results[1:]), nil
	}
	answers := make([]answer, len(results))
	for i, r := range results {
		answers[i] = full(r)
		if !b.requests[i].Identity.Given() || b.requests[i].Op == cuenta.Outcome {
			answers[i].told &^= history.First | history.Replayed
		}
		if r := &b.requests[i]; r.Op >= cuenta.Take && answers[i].Code == cuenta.OK || r.Terms != nil && r.Terms.Clamp && answers[i].Code == cuenta.OK {
			answers[i].told |= history.WithAmount
		}
	}
	return answers, nil
}

// wholeAnswers reads the answers to an all-or-none batch. Of a repeated one only
// its own answer is known, and says nothing of each request but that it was done.
// Which of a refused one was to blame is not noted: what that had found is not told,
// and the judge would have to look for it.
func wholeAnswers(head cuenta.Result, results []cuenta.Result) []answer {
	answers := make([]answer, len(results))
	for i, r := range results {
		switch {
		case head.Replayed:
			answers[i] = answer{cuenta.Result{Code: head.Code}, history.Replayed}
		case head.Code != cuenta.OK:
			answers[i] = answer{Result: cuenta.Result{Code: head.Code}}
		default:
			answers[i] = full(r)
		}
	}
	return answers
}

func (w *rings) do(ctx context.Context, requests []cuenta.Request) ([]cuenta.Result, error) {
	if w.client == nil {
		client, err := ringclient.Dial(ctx, w.path)
		if err != nil {
			return nil, err
		}
		w.client = client
	}
	b := cuenta.Batch{Requests: requests}
	if err := w.client.Do(ctx, &b); err != nil {
		w.close()
		return nil, err
	}
	return b.Results, nil
}

func (w *rings) grant(ctx context.Context) (uint64, error) {
	results, err := w.do(ctx, []cuenta.Request{{Op: cuenta.OpenSession}})
	if err != nil {
		return 0, err
	}
	return results[0].Revision, results[0].Err()
}

func (w *rings) close() {
	if w.client != nil {
		_ = w.client.Close() // nothing more is to be heard from it
		w.client = nil
	}
}
