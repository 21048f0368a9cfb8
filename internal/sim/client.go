package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/history"
)

// client wants counters changed and hears of it, or not, and tries again.
type client struct {
	w       *world
	number  int
	label   string
	log     *history.Log
	skew    time.Duration
	usual   kind // its way, mostly
	depth   int  // calls at a time
	session *session
	keys    int
	calls   []*call // not settled
	past    []*call // identified and settled
	seen    map[string]sighting
	talks   [numKinds]*talk
}

// sighting is what a client has seen of a counter last.
type sighting struct{ value, revision int64 }

// attempt is one sending of a call.
type attempt struct {
	*asked
	c    *call
	way  kind
	fate int  // of an identified All, the question in the log of what became of it
	over bool // it is not waited for any more
}

func newClient(w *world, number int) *client {
	c := &client{
		w: w, number: number, label: fmt.Sprintf("client %d", number), depth: w.between(1, 8),
		usual: w.someWay(), seen: map[string]sighting{},
	}
	c.skew = w.lasting(-w.profile.skew, w.profile.skew)
	c.log = w.judge.recorder.Client(c.label)
	return c
}

// someWay draws a way into the server.
func (w *world) someWay() kind { return numKinds - 1 - kind(w.IntN(w.profile.ways)) }

// act begins what there is room for, and goes on later.
func (c *client) act() {
	w := c.w
	if w.calm && w.calls == 0 && len(c.calls) == 0 {
		return
	}
	for len(c.calls) < c.depth && w.calls > 0 && w.percent(70) {
		w.calls--
		made := c.open()
		if made == nil {
			made = c.draw()
		}
		c.calls = append(c.calls, made)
		c.try(made)
	}
	if len(c.calls) > 0 && w.percent(4) {
		if made := some(w.dice, c.calls); made.head().Identity.Given() {
			w.met("repeats without waiting")
			c.try(made)
		}
	}
	w.after(w.lasting(100*time.Microsecond, 20*time.Millisecond), c.act)
}

// open is the call for a session, if the client could do with one.
func (c *client) open() *call {
	s := c.session
	if s != nil && (s.asked || s.id != 0 && !s.finished && s.room()) || c.w.percent(50) {
		return nil
	}
	if other := some(c.w.dice, c.w.clients); other.session != nil && other.session.room() && c.w.percent(20) {
		c.session = other.session
		return nil
	}
	c.session = &session{asked: true, next: 1}
	return &call{requests: []cuenta.Request{{Op: cuenta.OpenSession}}, session: c.session}
}

// try makes an attempt.
func (c *client) try(made *call) {
	w := c.w
	way := c.usual
	for !made.sayable(way) || w.percent(15) {
		way = w.someWay()
	}
	if made.session != nil && made.head().Identity.Number != 0 {
		id := &made.head().Identity
		switch id.Lowest = min(made.session.lowest(), id.Number); {
		case w.percent(10):
			id.Lowest = 0
		case w.percent(1):
			id.Lowest = id.Number // it will be sorry: answers that it waits for are dropped
		}
	}
	made.attempts++
	made.under++
	if made.bare() {
		made.count(w.judge)
	}
	a := &attempt{c: made, way: way, asked: w.judge.begin(c.log, made)}
	if id := made.head().Identity; made.head().Op == cuenta.All && id.Given() {
		a.fate = c.log.Begin(&cuenta.Request{Op: cuenta.Outcome, Identity: id})
	}
	w.met("attempts by %s", way)
	if made.attempts > 1 {
		w.met("retries")
	}
	w.note(c.label, "asks by %s: %s (attempt %d)", way, made, made.attempts)
	w.after(w.lasting(w.profile.impatient/2, 2*w.profile.impatient), func() { c.missed(a) })
	switch way {
	case byUDP, byAPI:
		c.post(a)
	default:
		c.say(a)
	}
}

// missed takes in that no answer has come in time.
func (c *client) missed(a *attempt) {
	if a.over {
		return
	}
	a.over = true
	made := a.c
	made.under--
	c.w.met("answers missed")
	if t := c.talks[a.way]; t != nil && c.w.percent(30) {
		t.link.sever("the client has waited long enough")
		c.talks[a.way] = nil
	}
	if made.settled {
		return
	}
	switch {
	case made.bare() || made.head().Op == cuenta.OpenSession:
		c.settle(made, "gives up")
	case c.w.calm || made.attempts < 12 && !c.w.percent(8):
		c.try(made)
	case made.under == 0:
		c.settle(made, "gives up")
	}
}

// again reports whether a refusal is worth another attempt.
func again(code cuenta.Code) bool {
	switch code {
	case cuenta.Busy, cuenta.Full, cuenta.Stopping, cuenta.Failed, cuenta.Unknown, cuenta.Canceled:
		return true
	}
	return false
}

// answered takes in an answer: what it says of each operation, and how much of it.
func (c *client) answered(a *attempt, to *asked, results []cuenta.Result, told []history.Told) {
	w, made := c.w, a.c
	if to.heard {
		w.met("answers doubled")
		return
	}
	to.heard = true
	c.write(a, to, results, told)
	if a.over {
		w.met("answers too late")
		return
	}
	a.over = true
	made.under--
	head := atFault(results)
	w.met("answer %s to %s", head.Code, made.head().Op)
	if head.Replayed {
		w.met("answers replayed")
	}
	w.note(c.label, "is answered %s: %s", heard(results), made)
	c.learn(made, results)
	c.remember(made, results)
	switch {
	case made.settled:
	case !again(head.Code):
		c.conclude(made, head)
	case made.bare() && head.Code == cuenta.Unknown:
		c.settle(made, "is left in doubt")
	case made.attempts < 12 || w.calm:
		w.after(w.lasting(time.Millisecond, w.profile.impatient), func() {
			if !made.settled {
				c.try(made)
			}
		})
	default:
		c.settle(made, "gives up")
	}
}

// write writes an answer down.
func (c *client) write(a *attempt, to *asked, results []cuenta.Result, told []history.Told) {
	if a.c.head().Op == cuenta.All {
		if results[0].Replayed {
			// The repeat of an All has its head's answer alone: it tells what became of
			// the All, no less and no more than if that had been asked.
			c.log.End(a.fate, &results[0], told[0])
			return
		}
		results, told = results[1:], told[1:]
		if code := atFault(results).Code; !decided(code) {
			// Nothing of it is remembered, not even that it was aborted.
			results = slices.Repeat([]cuenta.Result{{Code: code}}, len(results))
			told = make([]history.Told, len(results))
		}
	}
	for i := range results {
		to.end(i, &results[i], told[i])
	}
}

// decided reports whether an answer of that code is the one that an identity will
// ever get.
func decided(code cuenta.Code) bool {
	switch code {
	case cuenta.OK, cuenta.Overflow, cuenta.Limited, cuenta.Past, cuenta.Throttled, cuenta.NoHold, cuenta.Unmet, cuenta.Aborted:
		return true
	}
	return false
}

// heard says what was answered.
func heard(results []cuenta.Result) string {
	var parts []string
	for _, r := range results {
		part := fmt.Sprintf("%s %d at %d", r.Code, r.Value, r.Revision)
		if r.Replayed {
			part += " as a repeat"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// atFault is the result that tells why there was a refusal, or the first one.
func atFault(results []cuenta.Result) *cuenta.Result {
	for i := range results {
		if code := results[i].Code; code != cuenta.OK && code != cuenta.Aborted {
			return &results[i]
		}
	}
	return &results[0]
}

// learn remembers revisions, for checks.
func (c *client) learn(made *call, results []cuenta.Result) {
	for i := range results {
		if results[i].Revision != 0 && made.head().Op != cuenta.OpenSession && made.head().Op != cuenta.Outcome {
			c.seen[string(made.requests[i].Counter)] = sighting{results[i].Value, int64(results[i].Revision)}
		}
	}
}

// conclude ends a call with the answer for good.
func (c *client) conclude(made *call, head *cuenta.Result) {
	if t := made.tally; t != nil && head.Code == cuenta.OK {
		t.acked += made.head().N
	}
	if made.head().Op == cuenta.OpenSession {
		if made.session.asked = false; head.Code == cuenta.OK {
			made.session.id = head.Revision
		}
	}
	if s := made.session; s != nil && head.Code == cuenta.NoSession {
		s.finished = true
	}
	c.settle(made, "")
}

// settle takes a call off the list.
func (c *client) settle(made *call, why string) {
	made.settled = true
	if why != "" {
		c.w.met("calls: %s", why)
		c.w.note(c.label, "%s: %s", why, made)
	}
	c.calls = slices.DeleteFunc(c.calls, func(other *call) bool { return other == made })
	switch s := made.session; {
	case s == nil:
	case made.head().Op == cuenta.OpenSession:
		s.asked = false
	case why == "":
		s.open = slices.DeleteFunc(s.open, func(n uint64) bool { return n == made.head().Identity.Number })
	}
	if made.changes() && made.head().Identity.Given() && made.tally == nil && len(c.past) < 40 {
		c.past = append(c.past, made)
	}
}
