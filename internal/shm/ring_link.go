package shm

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"
)

// What the two ends of a link must agree on. Raise the version with every
// change of the layout or of what travels on the rings.
const (
	linkMagic   = 0x4c41_544e_4555_43 // "CUENTAL", the least significant byte first
	linkVersion = 2
	linkHead    = 4096 // before the rings
)

// linkPage is the head of a link's segment. What the two processes write lies
// on cache lines of their own.
type linkPage struct {
	magic    uint64
	version  uint32
	requests uint32 // capacity of the request ring
	answers  uint32 // capacity of the answer ring
	_        [108]byte

	serverAsleep atomic.Uint32
	_            [124]byte
	workerAsleep atomic.Uint32
	_            [124]byte
	draining     atomic.Uint32
	_            [124]byte
	stats        LinkStats
}

// LinkStats is what a worker tells about itself. Only the worker writes it, so
// whoever reads it must not believe it blindly.
type LinkStats struct {
	Open     atomic.Int64 // connections open now; the others only grow
	Accepted atomic.Int64 // connections accepted
	Refused  atomic.Int64 // connections turned away at a limit
	Requests atomic.Int64 // commands decoded, malformed ones included
	Errors   atomic.Int64 // commands answered with an error
	BytesIn  atomic.Int64
	BytesOut atomic.Int64
}

// Link is the segment that a server shares with one worker: a ring of requests,
// a ring of answers, who sleeps, and what the worker tells about itself.
type Link struct {
	seg  *Segment
	page *linkPage

	// The server's own note of the sizes: the head can be overwritten by a
	// worker gone mad.
	requests, answers int
}

// CreateLink makes the segment of a new link, with rings of the given
// capacities. They are powers of two; see [RingSize].
func CreateLink(name string, requests, answers int) (*Link, error) {
	seg, err := Create(name, linkHead+RingSize(requests)+RingSize(answers))
	if err != nil {
		return nil, err
	}
	l := &Link{seg: seg, page: pageOf(seg), requests: requests, answers: answers}
	l.page.magic, l.page.version = linkMagic, linkVersion
	l.page.requests, l.page.answers = uint32(requests), uint32(answers)
	return l, nil
}

// OpenLink maps a link that another process created, and checks that both mean
// the same by it. The link owns f from then on.
func OpenLink(f *os.File) (*Link, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening the link: %w", err)
	}
	if info.Size() < linkHead {
		return nil, fmt.Errorf("opening the link: %d bytes are too few", info.Size())
	}
	seg, err := Map(f, int(info.Size()), false)
	if err != nil {
		return nil, err
	}
	page := pageOf(seg)
	l := &Link{seg: seg, page: page, requests: int(page.requests), answers: int(page.answers)}
	switch {
	case page.magic != linkMagic:
		err = fmt.Errorf("opening the link: the segment is no link")
	case page.version != linkVersion:
		err = fmt.Errorf("opening the link: version %d, want %d", page.version, linkVersion)
	case int64(linkHead+RingSize(l.requests)+RingSize(l.answers)) != info.Size():
		err = fmt.Errorf("opening the link: rings of %d and %d bytes do not fill %d", l.requests, l.answers, info.Size())
	}
	if err != nil {
		seg.Close() // nothing was written; the first error tells more
		return nil, err
	}
	return l, nil
}

func pageOf(seg *Segment) *linkPage {
	return (*linkPage)(unsafe.Pointer(unsafe.SliceData(seg.Bytes())))
}

// RequestRing is the memory of the ring from the worker to the server.
func (l *Link) RequestRing() []byte {
	return l.seg.Bytes()[linkHead : linkHead+RingSize(l.requests)]
}

// AnswerRing is the memory of the ring from the server to the worker.
func (l *Link) AnswerRing() []byte {
	return l.seg.Bytes()[linkHead+RingSize(l.requests):]
}

// ServerAsleep is the flag of the server's doorbell.
func (l *Link) ServerAsleep() *atomic.Uint32 { return &l.page.serverAsleep }

// WorkerAsleep is the flag of the worker's doorbell.
func (l *Link) WorkerAsleep() *atomic.Uint32 { return &l.page.workerAsleep }

// Drain asks the worker to finish. Ring its doorbell afterwards.
func (l *Link) Drain() { l.page.draining.Store(1) }

// Draining reports whether the worker was asked to finish.
func (l *Link) Draining() bool { return l.page.draining.Load() != 0 }

// Stats is what the worker tells about itself.
func (l *Link) Stats() *LinkStats { return &l.page.stats }

// File is the descriptor to hand to the worker; the link keeps and closes it.
func (l *Link) File() *os.File { return l.seg.File() }

// Close unmaps the link. Nothing got from it may be used afterwards.
func (l *Link) Close() error { return l.seg.Close() }
