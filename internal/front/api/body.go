package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/cuenta-server/cuenta"
)

const (
	// maxBody is the largest body of a request, in bytes: the longest names and keys
	// in a whole batch fit in.
	maxBody = 2 << 20

	// smallBody is what a body may have without a share of the budget: far more
	// than a single operation needs.
	smallBody = 4 << 10

	// maxBodies is how much all larger bodies together may have at a time, in
	// bytes. Decoded they take many times as much.
	maxBodies = 16 << 20
)

// budget is the memory for bodies of requests.
type budget struct {
	used atomic.Int64
}

// share is what a request has of the budget.
type share struct {
	of   *budget
	size int64
}

// take makes the share larger, unless too little is left.
func (s *share) take(size int64) *refusal {
	if s.of.used.Add(size) > maxBodies {
		s.of.used.Add(-size)
		return refuse(cuenta.Busy, "too many large requests at a time, try again")
	}
	s.size += size
	return nil
}

func (s *share) release() { s.of.used.Add(-s.size) }

// read reads the whole body and puts it in place of the request's. release gives
// back its share; it is to be called once the request is answered.
func (b *budget) read(w http.ResponseWriter, r *http.Request) (release func(), refused *refusal) {
	s := &share{of: b}
	body, refused := s.read(w, r)
	if refused == nil {
		refused = s.takeUnpacked(r.Header, body)
	}
	if refused != nil {
		s.release()
		return nil, refused
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return s.release, nil
}

// read returns the body as it arrives.
func (s *share) read(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	if r.ContentLength > maxBody {
		return nil, tooLarge()
	}
	limited := http.MaxBytesReader(w, r.Body, maxBody)
	body, err := io.ReadAll(io.LimitReader(limited, smallBody+1))
	if err != nil {
		return nil, unread(err)
	}
	if len(body) <= smallBody {
		return body, nil
	}
	size := int64(maxBody) // until it is known
	if r.ContentLength > 0 {
		size = r.ContentLength
	}
	if refused := s.take(size); refused != nil {
		return nil, refused
	}
	whole := bytes.NewBuffer(body)
	if _, err := whole.ReadFrom(limited); err != nil {
		return nil, unread(err)
	}
	return whole.Bytes(), nil
}

// takeUnpacked takes what the body needs besides once it is unpacked.
func (s *share) takeUnpacked(h http.Header, body []byte) *refusal {
	switch size := unpackedSize(h, body); {
	case size > maxBody:
		return tooLarge()
	case size > smallBody:
		return s.take(size)
	}
	return nil
}

func tooLarge() *refusal {
	return refuse(cuenta.TooLarge, "the body is over %d bytes", maxBody)
}

// unread is for a body that did not arrive.
func unread(err error) *refusal {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge()
	}
	refused := refuse(cuenta.Syntax, "the body ends early")
	if errors.Is(err, os.ErrDeadlineExceeded) {
		refused.status = http.StatusRequestTimeout
	}
	return refused
}
