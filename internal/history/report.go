package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Violation is one thing that cannot have happened.
type Violation struct {
	Counter    string // empty if it is not about one counter
	Operations []int  // indexes in the history
	Text       string // a sentence
}

// Report is what Check found.
type Report struct {
	Operations int         // those looked at
	Violations []Violation // the first few; none: the history is possible, as far as it was decided
	More       int         // violations beyond those
	Undecided  []string    // sentences: where the search was given up
	Searched   int         // counters with operations that had to be placed by a search
}

// maxViolations is how many violations a report keeps.
const maxViolations = 20

// Err returns the violations as an error, nil if there are none.
func (r *Report) Err() error {
	if len(r.Violations) == 0 {
		return nil
	}
	return fmt.Errorf("the history is impossible:\n%s", r)
}

func (r *Report) String() string {
	var b strings.Builder
	for _, v := range r.Violations {
		fmt.Fprintf(&b, "%s\n", v.Text)
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", r.More)
	}
	for _, u := range r.Undecided {
		fmt.Fprintf(&b, "undecided: %s\n", u)
	}
	return b.String()
}

// findings gathers what the parts of the check find, in any order.
type findings struct {
	mu  sync.Mutex
	all []finding
	Report
}

type finding struct {
	at int64 // when it could first be known
	Violation
}

// keepFindings bounds the memory of a history that is wrong throughout.
const keepFindings = 10_000

func (f *findings) add(at int64, v Violation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.all) < keepFindings {
		f.all = append(f.all, finding{at, v})
	} else {
		f.More++
	}
}

func (f *findings) undecided(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Undecided = append(f.Undecided, text)
}

func (f *findings) report() *Report {
	slices.SortStableFunc(f.all, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.at, b.at), slices.Compare(a.Operations, b.Operations), cmp.Compare(a.Text, b.Text))
	})
	for i, found := range f.all {
		if i == maxViolations {
			f.More += len(f.all) - i
			break
		}
		f.Violations = append(f.Violations, found.Violation)
	}
	slices.Sort(f.Undecided)
	r := f.Report
	return &r
}

// violated reports that the operations ids cannot all be. Each %o in the format
// stands for the sentence about the next of them.
func (c *checker) violated(counter string, format string, ids []uint32, args ...any) {
	v := Violation{Counter: counter}
	var at int64
	parts := strings.Split(format, "%o")
	for i, id := range ids {
		if i+1 < len(parts) {
			parts[i] += strings.ReplaceAll(c.describe(id), "%", "%%")
		}
		if id := c.original(id); id < c.n {
			v.Operations = append(v.Operations, int(id))
		}
		if end := c.at(id).End; end != Never {
			at = max(at, end)
		}
	}
	v.Text = fmt.Sprintf(strings.Join(parts, ""), args...)
	if counter != "" {
		v.Text = fmt.Sprintf("counter %q: %s", counter, v.Text)
	}
	c.found.add(at, v)
}

// describe says what an operation was, for a sentence.
func (c *checker) describe(id uint32) string {
	o := c.at(id)
	origin := c.original(id)
	if origin >= c.n {
		s := &c.h.States[origin-c.n]
		return fmt.Sprintf("the state found at %s (%s)", s.Label, found(o))
	}
	if o.told(ByTime) && o.Op == cuenta.Release {
		return fmt.Sprintf("[the end of a hold of counter %q at revision %d, given by %s]", c.name(o.Counter), o.Revision, c.describe(origin))
	}
	if o.told(Charged) {
		return fmt.Sprintf("[the charge of %d to %q by %s]", o.N, c.name(o.Counter), c.describe(origin))
	}
	if o.told(ByTime) {
		return fmt.Sprintf("[the end of counter %q at revision %d, given by %s]", c.name(o.Counter), o.Revision, c.describe(origin))
	}
	return fmt.Sprintf("[%s %s, %s, at %s]", c.h.Clients[o.Client], c.request(o), c.answer(o), times(o))
}

func (c *checker) request(o *Op) string {
	text := o.Op.String()
	switch o.Op {
	case cuenta.Add, cuenta.Set, cuenta.Check, cuenta.Take, cuenta.Ticket, cuenta.Hold, cuenta.Settle:
		text = fmt.Sprintf("%s %d", text, o.N)
	}
	text += conditionsInWords[o.If]
	if o.Op != cuenta.Describe {
		text += c.inWords(&c.extra(o).Terms)
	}
	if o.Op != cuenta.OpenSession && o.Op != cuenta.Outcome {
		text += fmt.Sprintf(" %q", c.name(o.Counter))
	}
	if o.Batch != 0 {
		text += fmt.Sprintf(" in batch %d", o.Batch)
	}
	switch {
	case o.Session == ByKey:
		text += fmt.Sprintf(" with key %q", c.h.Keys[o.Number])
	case o.Session != NoIdentity:
		text += fmt.Sprintf(" with number %d of session %s", o.Number, cuenta.AppendSession(nil, c.h.Sessions[o.Session-firstSession]))
	}
	return text
}

func (c *checker) answer(o *Op) string {
	if !o.told(Answered) {
		return "not answered"
	}
	text := "answered " + found(o)
	if x := c.extra(o); o.told(WithAmount) {
		text += fmt.Sprintf(" by %d", x.Amount)
	}
	if x := c.extra(o); o.told(WithLevel) && x.Level > 0 {
		text += fmt.Sprintf(", of the total %d above,", x.Level)
	}
	if x := c.extra(o); o.told(WithTerms) {
		if text += c.inWords(&x.Terms); x.Held != 0 {
			text += fmt.Sprintf(" holds %+v", c.h.Held[x.Held-1])
		}
	}
	if o.told(Replayed) {
		text += " as a repeat"
	}
	return text
}

// inWords says what terms are.
func (c *checker) inWords(t *Terms) string {
	said := cuenta.Terms{
		Floor: t.Floor, Ceiling: t.Ceiling, Clamp: t.Clamp, Total: t.Total, Expect: t.Expect, Expiry: t.Expiry, Hold: t.Hold,
	}
	if t.Rate != 0 {
		said.Rate = c.h.Rates[t.Rate-1]
	}
	if t.Ident != 0 {
		said.Ident = []byte(c.h.Idents[t.Ident-1])
	}
	return termsInWords(&said)
}

// InWords says the condition and the terms of a request, with a space before each of
// them.
func InWords(r *cuenta.Request) string {
	text := conditionsInWords[r.If]
	if r.Terms != nil {
		text += termsInWords(r.Terms)
	}
	return text
}

var conditionsInWords = [...]string{
	cuenta.IfAbsent: " if absent", cuenta.IfPresent: " if present", cuenta.IfValue: " if of that value", cuenta.IfRevision: " if of that revision",
}

func termsInWords(t *cuenta.Terms) (text string) {
	if t.Expect != 0 {
		text += fmt.Sprintf(" expects %d", t.Expect)
	}
	if t.Floor.Set {
		text += fmt.Sprintf(" from %d", t.Floor.At)
	}
	if t.Ceiling.Set {
		text += fmt.Sprintf(" to %d", t.Ceiling.At)
	}
	if t.Clamp {
		text += " clamped"
	}
	if t.Total {
		text += " as a total"
	}
	if t.Hold != 0 {
		text += fmt.Sprintf(" hold %d", t.Hold)
	}
	if t.Rate.Kind != cuenta.NoRate {
		text += fmt.Sprintf(" of %+v", t.Rate)
	}
	if len(t.Ident) > 0 {
		text += fmt.Sprintf(" for %q", t.Ident)
	}
	return text + endInWords(&t.Expiry)
}

func endInWords(e *cuenta.Expiry) string {
	if e.Kind == cuenta.KeepExpiry {
		return ""
	}
	text := " " + expiries[e.Kind]
	if e.Kind >= cuenta.ExpireAt {
		text += fmt.Sprintf(" %d", e.Time)
	}
	if e.If != cuenta.ExpiryAlways {
		text += " if " + expiryConditions[e.If]
	}
	if e.Lapse {
		text += " or delete"
	}
	return text
}

func found(o *Op) string {
	text := o.Code.String()
	if o.told(WithValue) {
		text = fmt.Sprint(o.Value)
		if o.Code != cuenta.OK {
			text = fmt.Sprintf("%s %d", o.Code, o.Value)
		}
	}
	if o.told(WithRevision) {
		text += fmt.Sprintf(" at revision %d", o.Revision)
	}
	return text
}

func times(o *Op) string {
	if o.End == Never {
		return fmt.Sprintf("%v–?", time.Duration(o.Start))
	}
	return fmt.Sprintf("%v–%v", time.Duration(o.Start), time.Duration(o.End))
}

func (c *checker) name(counter uint32) string { return c.h.Counters[counter] }
