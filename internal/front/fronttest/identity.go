package fronttest

import (
	"fmt"
	"hash/crc32"
	"maps"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/uuid"
)

const (
	// retention is how long keys with a time of their own may be repeated.
	retention = 24 * time.Hour

	// maxAhead is how far that time may be in the future.
	maxAhead = time.Minute
)

// memory is what the service remembers of identities: everything, for ever.
type memory struct {
	answers  map[string]remembered // by identity
	sessions map[uint64]uint64     // lowest number not too old, by id
}

type remembered struct {
	fingerprint uint32
	results     []cuenta.Result // of an All those of its requests too
}

func newMemory() memory {
	return memory{answers: make(map[string]remembered), sessions: make(map[uint64]uint64)}
}

func keyOf(id cuenta.Identity) string {
	return fmt.Sprintf("%q %d %d", id.Key, id.Session, id.Number)
}

// look finds what is remembered of an identity, or why nothing may be done under
// it: OK where it is new.
func (m *memory) look(id cuenta.Identity, now int64) (remembered, cuenta.Code) {
	if !id.Valid() {
		return remembered{}, cuenta.Syntax
	}
	if id.Session != 0 {
		lowest, known := m.sessions[id.Session]
		if !known {
			return remembered{}, cuenta.NoSession
		}
		if id.Number < lowest {
			return remembered{}, cuenta.TooOld
		}
	}
	old, known := m.answers[keyOf(id)]
	if !known {
		return old, timely(id.Key, now)
	}
	return old, cuenta.OK
}

// timely tells whether a key that is not remembered may be new.
func timely(key []byte, now int64) cuenta.Code {
	ms, ok := uuid.Time(key)
	if !ok {
		return cuenta.OK
	}
	switch age := time.Unix(0, now).Sub(time.UnixMilli(ms)); {
	case age >= retention:
		return cuenta.TooOld
	case age < -maxAhead:
		return cuenta.TooNew
	}
	return cuenta.OK
}

// consumes reports whether an answer of that code is the one that an identity will
// ever get.
func consumes(code cuenta.Code) bool {
	switch code {
	case cuenta.OK, cuenta.Overflow, cuenta.Limited, cuenta.Past, cuenta.Throttled, cuenta.NoHold, cuenta.Unmet, cuenta.Aborted:
		return true
	}
	return false
}

// keep remembers answers, unless one of them is none for good.
func (m *memory) keep(id cuenta.Identity, fingerprint uint32, results []cuenta.Result) {
	for i := range results {
		if !consumes(results[i].Code) {
			return
		}
	}
	kept := append([]cuenta.Result(nil), results...)
	for i := range kept {
		kept[i].Replayed, kept[i].Cell, kept[i].Generation = true, 0, 0
	}
	m.answers[keyOf(id)] = remembered{fingerprint, kept}
	if id.Session != 0 {
		lowest := max(m.sessions[id.Session], id.Lowest)
		if id.Number >= cuenta.SessionWindow {
			lowest = max(lowest, id.Number-cuenta.SessionWindow+1)
		}
		m.sessions[id.Session] = lowest
	}
}

// identified carries out one request, unless its identity says otherwise.
func (s *Service) identified(r *cuenta.Request) cuenta.Result {
	switch {
	case r.Op == cuenta.OpenSession:
		id := uint64(len(s.memory.sessions) + 1)
		s.memory.sessions[id] = 1
		return cuenta.Result{Revision: id}
	case r.Op == cuenta.Outcome:
		return s.outcome(r)
	case r.Op.Reads() || !r.Identity.Given():
		return s.apply(r)
	}
	return s.once(r.Identity, r.Fingerprint(), func() []cuenta.Result { return []cuenta.Result{s.apply(r)} })[0]
}

// outcome tells what is remembered.
func (s *Service) outcome(r *cuenta.Request) cuenta.Result {
	if !r.Identity.Given() {
		return cuenta.Result{Code: cuenta.Syntax}
	}
	old, code := s.memory.look(r.Identity, s.now)
	switch {
	case code != cuenta.OK:
		return cuenta.Result{Code: code}
	case old.results == nil:
		return cuenta.Result{Code: cuenta.Absent}
	}
	return old.results[0]
}

// once carries out do, unless the identity is remembered or not good.
func (s *Service) once(id cuenta.Identity, fingerprint uint32, do func() []cuenta.Result) []cuenta.Result {
	old, code := s.memory.look(id, s.now)
	switch {
	case code != cuenta.OK:
		return []cuenta.Result{{Code: code}}
	case old.results != nil && old.fingerprint != fingerprint:
		return []cuenta.Result{{Code: cuenta.Conflict}}
	case old.results != nil:
		return old.results
	}
	results := do()
	s.memory.keep(id, fingerprint, results)
	return results
}

// all carries out an All and what it spans. Where it does so at once by way of
// one identity, a repeat gets the header's answer alone, and that of the request that
// was refused, if one was: the others are empty.
func (s *Service) all(header *cuenta.Request, span []cuenta.Request) []cuenta.Result {
	run := func() []cuenta.Result { return s.allOrNone(span) }
	results := make([]cuenta.Result, 1+len(span))
	if !header.Identity.Given() {
		copy(results, run())
		return results
	}
	var fingerprint uint32
	for i := range span {
		fingerprint = crc32.Update(fingerprint, crc32.IEEETable, fmt.Append(nil, span[i].Fingerprint()))
	}
	once := s.once(header.Identity, fingerprint, run)
	copy(results, once)
	if results[0].Replayed || len(once) == 1 {
		for i := range span {
			results[1+i] = cuenta.Result{Code: results[0].Code, Replayed: results[0].Replayed}
			if results[0].Code == cuenta.Aborted && len(once) > 1 {
				results[1+i] = once[1+i] // the one that was refused says why
				results[1+i].Replayed = true
			}
		}
	}
	return results
}

// allOrNone carries out the requests and takes everything back if one of them is
// refused. The first result is that of the whole.
func (s *Service) allOrNone(span []cuenta.Request) []cuenta.Result {
	before, floor, answers := copied(s.counters), s.floor, maps.Clone(s.memory.answers)
	results := make([]cuenta.Result, 1+len(span))
	for i := range span {
		results[1+i] = s.identified(&span[i])
		if code := results[1+i].Code; code != cuenta.OK {
			s.counters, s.floor, s.memory.answers = before, floor, answers
			s.abort(span, i, results)
			return results
		}
		if !span[i].Op.Reads() && results[1+i].Revision != 0 {
			results[0].Value++
		}
	}
	if len(span) > 0 && span[0].Op.Reads() {
		results[0].Value, results[0].Revision = results[1].Value, results[1].Revision
	}
	return results
}

// abort answers a run that was taken back because of one request: no state that
// never was is told, and where the refusal is for good, identities are used up.
func (s *Service) abort(span []cuenta.Request, refused int, results []cuenta.Result) {
	why := results[1+refused]
	for k := range results {
		results[k] = cuenta.Result{Code: cuenta.Aborted}
	}
	results[1+refused] = cuenta.Result{Code: why.Code, Replayed: why.Replayed}
	if why.Code == cuenta.Overflow || why.Code == cuenta.Limited {
		results[1+refused].Value, results[1+refused].Amount, results[1+refused].Level = why.Value, why.Amount, why.Level
	}
	if !consumes(why.Code) {
		return
	}
	for i := range span {
		if id := span[i].Identity; id.Given() && !span[i].Op.Reads() && s.memory.answers[keyOf(id)].results == nil {
			s.memory.keep(id, span[i].Fingerprint(), results[1+i:2+i])
		}
	}
}

func copied(counters map[string]*count) map[string]*count {
	all := make(map[string]*count, len(counters))
	for name, c := range counters {
		kept := *c
		all[name] = &kept
	}
	return all
}
