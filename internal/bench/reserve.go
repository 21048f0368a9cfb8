package bench

import (
	"strconv"
)

// reservations are holds and their settling over the Redis protocol. What is in
// flight is held first; when all that is answered, it is settled.
type reservations struct {
	*stream
	settling phrase
	settled  func([]byte) (int, []byte)
	holds    []hold // of the exchange under way
	id       uint64 // of the hold that is being settled
}

// hold is one that was asked for.
type hold struct {
	id      uint64
	refusal string // why there is none
}

func newReservations(s *stream, pipeline int) *reservations {
	r := &reservations{stream: s, holds: make([]hold, 0, pipeline), settled: nextArray(addedOne)}
	r.settling = phraseOf("CUENTA.SETTLE", Reserve.Prefix())
	r.settling.words += 2
	r.settling.say = func(dst []byte, _ uint64) []byte { return appendNumber(dst, r.id) }
	r.settling.behind = bulks(strconv.Itoa(1))
	return r
}

func (r *reservations) exchange(keys []uint64, t *tally) error {
	if err := r.hold(keys); err != nil {
		return err
	}
	return r.settle(keys, t)
}

// hold asks for a hold of each counter.
func (r *reservations) hold(keys []uint64) error {
	r.out, r.holds = r.out[:0], r.holds[:0]
	r.names.begin()
	for _, key := range keys {
		r.out = r.codec.command(r.out, key, r.names)
	}
	return r.ask(func() bool { return len(r.holds) < len(keys) }, func(b []byte) int {
		var room [maxIntegers]int64
		size, numbers, refusal := readArray(b, room[:0])
		switch {
		case size == 0:
		case refusal != nil:
			r.holds = append(r.holds, hold{refusal: string(refusal)})
		case len(numbers) != 2 || numbers[0] <= 0:
			r.holds = append(r.holds, hold{refusal: string(unexpected)})
		default:
			r.holds = append(r.holds, hold{id: uint64(numbers[0])})
		}
		return size
	}, func() {})
}

// settle settles all that was held, and tells the tally.
func (r *reservations) settle(keys []uint64, t *tally) error {
	r.out = r.out[:0]
	r.names.begin()
	for i, h := range r.holds {
		if h.id != 0 {
			r.id = h.id
			r.out = r.settling.command(r.out, keys[i], r.names)
		}
	}
	next, good := 0, 0
	count := func() {
		t.answered(good)
		good = 0
	}
	// skip counts those in front that were never held.
	skip := func() {
		for ; next < len(r.holds) && r.holds[next].id == 0; next++ {
			count() // in order: each answer is of the oldest operation in flight
			t.refused(r.holds[next].refusal)
		}
	}
	skip()
	return r.ask(func() bool { return next < len(r.holds) }, func(b []byte) int {
		size, refusal := r.settled(b)
		switch {
		case size == 0:
			return 0
		case refusal != nil:
			count()
			t.refused(string(refusal))
		default:
			good++
		}
		next++
		skip()
		return size
	}, count)
}

// ask writes what is to be said and reads as long as more answers are awaited. Each
// is given to take, which returns its length, 0 if it is not all there; after each
// read it calls read.
func (r *reservations) ask(awaited func() bool, take func([]byte) int, read func()) error {
	if !awaited() {
		return nil
	}
	if _, err := r.conn.Write(r.out); err != nil {
		return err
	}
	for awaited() {
		n, err := r.conn.Read(r.in[r.held:])
		r.held += n
		rest := r.in[:r.held]
		for len(rest) > 0 && awaited() {
			size := take(rest)
			if size == 0 {
				break
			}
			rest = rest[size:]
		}
		read()
		full := len(rest) == len(r.in)
		r.held = copy(r.in, rest)
		switch {
		case full:
			return errStrange
		case err != nil && awaited():
			return err
		}
	}
	if r.held > 0 {
		return errStrange // more answers than commands
	}
	return nil
}
