package queue

// minRing is the first size of a ring, in messages.
const minRing = 16

// message is one entry of the ring.
type message[T any] struct {
	value  T
	weight int
}

// ring is a queue of messages in a circular buffer that doubles when it is
// full. The queue's capacity bounds it, as no message weighs less than one.
type ring[T any] struct {
	slots  []message[T] // a power of two of them
	head   int          // where the first message is
	length int
}

func (r *ring[T]) push(v T, weight int) {
	if r.length == len(r.slots) {
		r.grow()
	}
	r.slots[(r.head+r.length)&(len(r.slots)-1)] = message[T]{v, weight}
	r.length++
}

func (r *ring[T]) grow() {
	slots := make([]message[T], max(minRing, 2*len(r.slots)))
	n := copy(slots, r.slots[r.head:])
	copy(slots[n:], r.slots[:r.head])
	r.slots, r.head = slots, 0
}

// first returns the oldest message. There must be one.
func (r *ring[T]) first() *message[T] { return &r.slots[r.head] }

// pop removes the oldest message. There must be one. Its slot is cleared, so
// that the ring keeps nothing alive that was taken.
func (r *ring[T]) pop() T {
	v := r.slots[r.head].value
	r.slots[r.head] = message[T]{}
	r.head = (r.head + 1) & (len(r.slots) - 1)
	r.length--
	return v
}
