package shm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// A ring is a queue of messages in shared memory with one producer and one
// consumer, each in a process of its own. An entry is the message's length in
// four bytes and the message, filled up to a multiple of eight; entries wrap
// around the end of the data. Both positions only ever grow; their remainder by
// the capacity is the place in the data. The producer owns the head and the
// consumer the tail, on cache lines of their own, and each keeps a copy of the
// other's so that it is looked up only when the ring seems full or empty.
//
// Neither end believes the other. An end never reads back what it wrote itself,
// and what it reads of the other it copies before it looks at it. A peer that
// writes nonsense, or dies at any instruction, can only make the ring
// [ErrBroken] or silent.
const (
	// MaxMessage is the longest message, in bytes.
	MaxMessage = 512

	entryHead  = 4
	entryAlign = 8
	ringHead   = 256 // before the data: head and tail, two cache lines apart
	ringTailAt = 128

	minRing = 2 * MaxMessage
	maxRing = 1 << 30
)

// ErrBroken says that the other end of a ring wrote what no honest end writes.
var ErrBroken = errors.New("the ring is broken by its other end")

// EntrySize returns how much of a ring's capacity a message of n bytes takes.
func EntrySize(n int) int { return (entryHead + n + entryAlign - 1) &^ (entryAlign - 1) }

// RingSize returns the bytes of shared memory that a ring of the capacity
// needs. The capacity must be a power of two from 1 KiB to 1 GiB.
func RingSize(capacity int) int { return ringHead + capacity }

func ringParts(mem []byte) (head, tail *atomic.Uint64, data []byte, err error) {
	capacity := len(mem) - ringHead
	if capacity < minRing || capacity > maxRing || capacity&(capacity-1) != 0 {
		return nil, nil, nil, fmt.Errorf("a ring cannot have %d bytes", capacity)
	}
	if uintptr(unsafe.Pointer(&mem[0]))%entryAlign != 0 {
		return nil, nil, nil, errors.New("a ring must be aligned to eight bytes")
	}
	head = (*atomic.Uint64)(unsafe.Pointer(&mem[0]))
	tail = (*atomic.Uint64)(unsafe.Pointer(&mem[ringTailAt]))
	return head, tail, mem[ringHead:], nil
}

// Producer is the writing end of a ring. One goroutine at a time.
type Producer struct {
	head, tail *atomic.Uint64
	data       []byte
	wrote      uint64 // the head, entries not yet published included
	freed      uint64 // the tail as last looked up
}

// NewProducer returns the writing end of the ring in mem, which must be zeroed
// at first, [RingSize] bytes long, and used by one producer in its life.
func NewProducer(mem []byte) (*Producer, error) {
	head, tail, data, err := ringParts(mem)
	if err != nil {
		return nil, err
	}
	return &Producer{head: head, tail: tail, data: data}, nil
}

// Put appends a message. It reports false if there is no room for it now; the
// consumer sees it after the next [Producer.Publish]. It panics if the message
// is over [MaxMessage].
func (p *Producer) Put(message []byte) (bool, error) {
	if len(message) > MaxMessage {
		panic("shm: message too long")
	}
	size := EntrySize(len(message))
	capacity := uint64(len(p.data))
	if p.wrote+uint64(size)-p.freed > capacity {
		if fits, err := p.HasRoom(size); !fits {
			return false, err
		}
	}
	at := p.wrote & (capacity - 1)
	binary.LittleEndian.PutUint32(p.data[at:], uint32(len(message)))
	at = (at + entryHead) & (capacity - 1)
	n := copy(p.data[at:], message)
	copy(p.data, message[n:])
	p.wrote += uint64(size)
	return true, nil
}

// HasRoom reports whether size bytes of entries, see [EntrySize], can be put now.
func (p *Producer) HasRoom(size int) (bool, error) {
	needed, capacity := p.wrote+uint64(size), uint64(len(p.data))
	if needed-p.freed > capacity {
		tail := p.tail.Load()
		if tail-p.freed > p.wrote-p.freed || tail%entryAlign != 0 {
			return false, ErrBroken
		}
		p.freed = tail
	}
	return needed-p.freed <= capacity, nil
}

// Position is where the next entry begins. It only grows.
func (p *Producer) Position() uint64 { return p.wrote }

// Taken reports whether the consumer has taken what was put before a position.
func (p *Producer) Taken(position uint64) bool {
	return p.wrote-p.tail.Load() <= p.wrote-position
}

// Publish shows the consumer everything put so far.
func (p *Producer) Publish() { p.head.Store(p.wrote) }

// Consumer is the reading end of a ring. One goroutine at a time.
type Consumer struct {
	head, tail *atomic.Uint64
	data       []byte
	read       uint64 // the tail
	private    []byte // what was taken last
	broken     bool
}

// NewConsumer returns the reading end of the ring in mem, which must be as
// [NewProducer] wants it and used by one consumer in its life.
func NewConsumer(mem []byte) (*Consumer, error) {
	head, tail, data, err := ringParts(mem)
	if err != nil {
		return nil, err
	}
	return &Consumer{head: head, tail: tail, data: data}, nil
}

// Ready reports whether there is something to take.
func (c *Consumer) Ready() bool { return c.head.Load() != c.read }

// Take copies everything that was published out of the ring, gives its room
// back, and returns it. The messages are valid until the next Take. Once the
// ring is broken it stays so.
func (c *Consumer) Take() (Messages, error) {
	if c.broken {
		return nil, ErrBroken
	}
	head := c.head.Load()
	size := head - c.read
	if size > uint64(len(c.data)) || size%entryAlign != 0 {
		c.broken = true
		return nil, ErrBroken
	}
	if size == 0 {
		return nil, nil
	}
	from := c.read & uint64(len(c.data)-1)
	first := c.data[from:min(uint64(len(c.data)), from+size)]
	c.private = append(c.private[:0], first...)
	c.private = append(c.private, c.data[:size-uint64(len(first))]...)
	c.read = head
	c.tail.Store(head)
	return c.private, nil
}

// Messages is a run of messages taken from a ring.
type Messages []byte

// Next takes the first message out of the run: nil at its end. A message is
// never empty.
func (m *Messages) Next() ([]byte, error) {
	rest := *m
	if len(rest) == 0 {
		return nil, nil
	}
	if len(rest) < entryAlign {
		return nil, ErrBroken
	}
	n := binary.LittleEndian.Uint32(rest)
	if n == 0 || n > MaxMessage || EntrySize(int(n)) > len(rest) {
		return nil, ErrBroken
	}
	*m = rest[EntrySize(int(n)):]
	return rest[entryHead : entryHead+n], nil
}
