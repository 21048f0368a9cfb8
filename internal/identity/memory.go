// Package identity is what the ledger remembers of requests that may come again:
// sessions with their recent answers, and idempotency keys. Like the ledger it is
// a pure state machine: time comes as an argument, and nothing is locked.
//
// # What is promised
//
// An identity under which something was done is remembered with its answer until
// its time is over, and what may have been forgotten is refused as too old: so
// nothing is ever done twice under one identity.
//
// A session remembers the answers from its lowest number on, which rises with
// what its owner has heard and so that at most [cuenta.SessionWindow] numbers are
// within. A number below it is too old. A session that nothing was done in for the
// idle time ends as a whole, and is then unknown: ids are drawn at random, so an
// unknown one is never taken for new.
//
// A key is remembered for the retention after its first use, or after its own
// time if it is a UUID of version 7 and that is later. An unknown key of that kind
// is too old once its time is further back than the retention, or not later than
// the horizon: the latest own time that was ever forgotten, which covers a
// retention that was longer or shorter in another life of the server.
//
// # Bounds
//
// All this takes at most a given number of bytes. At the bound what is new is
// refused as busy; nothing is forgotten early. The last eighth of the memory is
// kept for clients' hosts that have no more than an eighth of it, so that others
// still find room when one has taken the rest.
//
// The files in reading order: memory.go, session.go, row.go, key.go, schedule.go (what
// ends when), share.go (who takes how much), restore.go.
package identity

import (
	"errors"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/offheap"
)

// Config bounds the memory. Zero values mean the documented default.
type Config struct {
	Memory    uint64        // bytes that identities may take; default 1 GiB
	Retention time.Duration // of keys; at least a minute, default 24 hours
	Idle      time.Duration // after which sessions end; at least a minute, default 7 days
}

func (c *Config) setDefaults() {
	if c.Memory == 0 {
		c.Memory = 1 << 30
	}
	if c.Retention == 0 {
		c.Retention = 24 * time.Hour
	}
	if c.Idle == 0 {
		c.Idle = 7 * 24 * time.Hour
	}
	c.Retention, c.Idle = max(c.Retention, time.Minute), max(c.Idle, time.Minute)
}

// Answer is what was answered under an identity, to an operation of that
// fingerprint.
type Answer struct {
	Fingerprint uint32
	Code        cuenta.Code
	Value       int64
	Revision    uint64
	Amount      int64
}

// Memory is all that is remembered.
type Memory struct {
	config Config

	sessions offheap.Slab[session]
	answers  offheap.Slab[kept]
	byID     *offheap.Index
	recent   *session // the one found last: a client's requests come together
	row      row      // of that session, mostly
	idle     schedule // sessions

	keys    offheap.Slab[key]
	names   offheap.Arena
	byName  *offheap.Index
	expiry  schedule // keys
	horizon int64    // ms since 1970

	shares  shares
	refused uint64 // requests for want of room
}

// New returns an empty memory.
func New(c Config) (*Memory, error) {
	c.setDefaults()
	byID, err := offheap.NewIndex()
	if err != nil {
		return nil, err
	}
	byName, err := offheap.NewIndex()
	if err != nil {
		return nil, errors.Join(err, byID.Free())
	}
	return &Memory{
		config: c, byID: byID, byName: byName, recent: new(session),
		idle: newSchedule(), expiry: newSchedule(), shares: shares{limit: c.Memory},
	}, nil
}

// Close gives the memory back to the system.
func (m *Memory) Close() error {
	return errors.Join(m.byID.Free(), m.byName.Free(), m.sessions.Free(), m.answers.Free(), m.keys.Free(), m.names.Free())
}

// Slot is where an identity's answer stands, or is to be kept. It is valid while
// time stands still and its session's lowest number does not pass it.
type Slot struct {
	Known  bool
	Answer Answer // if Known
	Group  uint64 // the group that what is known of it became durable with; 0 for none

	session *session // nil for a key
	number  uint64
	lowest  uint64 // that came with the number

	item   uint32 // the key
	hash   uint32 // of its name
	key    []byte // borrowed
	client uint32
}

// Find looks up a well-formed identity and fills in a slot that is zero. OK without
// Known says that it is new, and that room was made for its answer, which Keep or
// Release must follow; any other code is a refusal.
func (m *Memory) Find(id *cuenta.Identity, client uint32, now int64, s *Slot) cuenta.Code {
	if m.due(now) {
		m.Sweep(now, sweepPerUse)
	}
	s.client = client
	if id.Session != 0 {
		if code := m.findNumber(id, now, s); code != cuenta.OK {
			return code
		}
		m.recent = s.session
		if !s.Known {
			return m.makeRoom(s, now)
		}
		m.raise(s.session, id.Lowest)
		return cuenta.OK
	}
	if code := m.findKey(id, now, s); code != cuenta.OK || s.Known {
		return code
	}
	if code := m.admit(client, keyBytes(len(id.Key)), now); code != cuenta.OK {
		return code
	}
	return m.reserve(s)
}

// Recall looks up a well-formed identity, likewise, and changes nothing.
func (m *Memory) Recall(id *cuenta.Identity, now int64, s *Slot) cuenta.Code {
	if id.Session != 0 {
		return m.findNumber(id, now, s)
	}
	return m.findKey(id, now, s)
}

// Keep remembers the answer of a new identity, in the slot that Find returned, or
// another one in its stead.
func (m *Memory) Keep(s *Slot, a *Answer, group uint64, now int64) {
	if s.session != nil {
		m.keepNumber(s, a, group, now)
	} else {
		m.keepKey(s, *a, group, now)
	}
}

// Release gives up the room that Find made for a new identity.
func (m *Memory) Release(s *Slot) {
	if s.session == nil {
		m.dropKey(s.item)
	}
}

const (
	sweepPerUse = 2  // ends looked at with every use of an identity
	sweepAtFull = 64 // and where there is no room
)

// due reports whether anything may have ended, which is seldom.
func (m *Memory) due(now int64) bool { return m.expiry.begins() <= now || m.idle.begins() <= now }

// Sweep forgets what has ended, or looks at so many ends.
func (m *Memory) Sweep(now int64, most int) {
	if !m.due(now) {
		return
	}
	minute := minuteOf(now)
	for range most {
		item, ok := m.expiry.first(minute)
		if !ok {
			break
		}
		m.expiry.dropFirst(m.keys.At(item).next)
		m.endKey(item, minute)
	}
	for range most {
		item, ok := m.idle.first(minute)
		if !ok {
			break
		}
		m.idle.dropFirst(m.sessions.At(item).next)
		m.endSession(item, minute)
	}
}

// admit finds out whether a client may take so many more bytes.
func (m *Memory) admit(client uint32, bytes uint64, now int64) cuenta.Code {
	return m.admitTo(accountOf(client), bytes, now)
}

func (m *Memory) admitTo(account uint16, bytes uint64, now int64) cuenta.Code {
	if m.shares.fits(account, bytes) {
		return cuenta.OK
	}
	m.Sweep(now, sweepAtFull)
	if m.shares.fits(account, bytes) {
		return cuenta.OK
	}
	m.refused++
	return cuenta.Busy
}

// Stats is what the memory holds.
type Stats struct {
	Sessions int    `json:"sessions"`
	Keys     int    `json:"keys"`
	Memory   uint64 `json:"memory"`  // bytes accounted for
	Limit    uint64 `json:"limit"`   // bytes at most
	Refused  uint64 `json:"refused"` // requests for want of room
}

// Stats returns the state of now.
func (m *Memory) Stats() Stats {
	return Stats{Sessions: m.byID.Len(), Keys: m.byName.Len(), Memory: m.shares.total, Limit: m.shares.limit, Refused: m.refused}
}

// minuteOf returns the minute of a time. Ends are told in minutes: the first one
// at whose beginning all is over.
func minuteOf(now int64) uint32 { return uint32(max(0, now) / int64(time.Minute)) }

// endOf returns the minute at whose beginning a time is over.
func endOf(t int64) uint32 { return minuteOf(t) + 1 }

// timeOf returns the beginning of a minute.
func timeOf(minute uint32) int64 { return int64(minute) * int64(time.Minute) }
