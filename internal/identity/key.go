package identity

import (
	"hash/maphash"
	"time"
	"unsafe"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/offheap"
	"github.com/cuenta-server/cuenta/internal/uuid"
)

// key is one idempotency key with its answer.
type key struct {
	Answer
	group  uint64 // that made it
	until  uint32 // the minute in which it ends
	next   uint32 // of the schedule
	place  offheap.Place
	client uint16 // on whose account it is
	length uint8
}

// ahead is how far the own time of a key may be before ours.
const ahead = time.Minute

// keyBytes returns what a key of that length takes.
func keyBytes(length int) uint64 {
	return uint64(unsafe.Sizeof(key{})) + indexBytes + uint64(offheap.Footprint(length))
}

var keySeed = maphash.MakeSeed()

func hashOfKey(name []byte) uint32 { return uint32(maphash.Bytes(keySeed, name) >> 32) }

func (m *Memory) name(k *key) []byte { return m.names.At(k.place, int(k.length)) }

func (m *Memory) key(hash uint32, name []byte) (item uint32, ok bool) {
	for p := m.byName.Probe(hash); ; {
		if item, ok = p.Next(); !ok || string(m.name(m.keys.At(item))) == string(name) {
			return item, ok
		}
	}
}

func (m *Memory) findKey(id *cuenta.Identity, now int64, slot *Slot) cuenta.Code {
	slot.hash, slot.key = hashOfKey(id.Key), id.Key
	ms, timed := uuid.Time(id.Key)
	if item, ok := m.key(slot.hash, id.Key); ok {
		k := m.keys.At(item)
		if timed && k.until != 0 && k.until <= minuteOf(now) {
			// It was too old already, perhaps, before a restart that has read it again.
			return cuenta.TooOld
		}
		slot.item, slot.Known, slot.Group = item, true, k.group
		slot.Answer = k.Answer
		return cuenta.OK
	}
	if timed {
		// It is remembered to the end of a minute.
		begun := timeOf(minuteOf(now)) / int64(time.Millisecond)
		switch {
		case ms <= m.horizon || ms < begun-m.config.Retention.Milliseconds():
			return cuenta.TooOld
		case ms > now/int64(time.Millisecond)+ahead.Milliseconds():
			return cuenta.TooNew
		}
	}
	return cuenta.OK
}

// reserve makes an entry for a new key, which ends at no time yet.
func (m *Memory) reserve(slot *Slot) cuenta.Code {
	item, err := m.enter(slot.hash, slot.key, slot.client)
	if err != nil {
		return cuenta.Busy // the system has no memory
	}
	slot.item = item
	return cuenta.OK
}

func (m *Memory) keepKey(slot *Slot, a Answer, group uint64, now int64) {
	k := m.keys.At(slot.item)
	k.group = group
	m.fill(slot.item, a, m.keyEnd(slot.key, now))
}

// fill puts an answer into an entry.
func (m *Memory) fill(item uint32, a Answer, until uint32) {
	k := m.keys.At(item)
	k.Answer = a
	if k.until == 0 {
		m.expiry.add(until, item, &k.next)
	}
	k.until = until
}

// keyEnd returns the minute in which a key ends that was first used at a time.
func (m *Memory) keyEnd(name []byte, used int64) uint32 {
	if ms, ok := uuid.Time(name); ok {
		latest := used + int64(ahead)
		used = max(used, min(ms, latest/int64(time.Millisecond))*int64(time.Millisecond))
	}
	return endOf(used + int64(m.config.Retention))
}

// enter makes an entry for a key.
func (m *Memory) enter(hash uint32, name []byte, client uint32) (uint32, error) {
	item, err := m.keys.Take(0)
	if err != nil {
		return 0, err
	}
	place, err := m.names.Put(name)
	if err != nil {
		m.keys.Give(item, 0)
		return 0, err
	}
	if err := m.byName.Insert(hash, item); err != nil {
		m.names.Release(place, len(name))
		m.keys.Give(item, 0)
		return 0, err
	}
	account := m.shares.take(client, keyBytes(len(name)))
	*m.keys.At(item) = key{place: place, length: uint8(len(name)), client: account}
	return item, nil
}

// endKey forgets a key whose time is over.
func (m *Memory) endKey(item, minute uint32) {
	k := m.keys.At(item)
	if k.until > minute { // it was used anew while the log was read
		m.expiry.add(k.until, item, &k.next)
		return
	}
	if ms, ok := uuid.Time(m.name(k)); ok {
		m.horizon = max(m.horizon, ms)
	}
	m.dropKey(item)
}

// dropKey takes an entry out that is on no list.
func (m *Memory) dropKey(item uint32) {
	k := m.keys.At(item)
	m.byName.Remove(hashOfKey(m.name(k)), item)
	m.names.Release(k.place, int(k.length))
	m.shares.sub(k.client, keyBytes(int(k.length)))
	m.keys.Give(item, 0)
}
