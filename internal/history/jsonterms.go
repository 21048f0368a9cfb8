package history

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cuenta-server/cuenta"
)

// termsLine is an operation's terms in a file.
type termsLine struct {
	Floor     *int64 `json:"floor,omitempty"`
	Ceiling   *int64 `json:"ceiling,omitempty"`
	Clamp     bool   `json:"clamp,omitempty"`
	Expect    int64  `json:"expect,omitempty"`
	Expires   string `json:"expires,omitempty"`
	Time      int64  `json:"time,omitempty"`
	ExpiresIf string `json:"expiresIf,omitempty"`
	Lapse     bool   `json:"lapse,omitempty"`
}

var (
	conditions       = [...]string{cuenta.Always: "", cuenta.IfAbsent: "absent", cuenta.IfPresent: "present", cuenta.IfValue: "value", cuenta.IfRevision: "revision"}
	expiries         = [...]string{cuenta.KeepExpiry: "", cuenta.NoExpiry: "never", cuenta.ExpireAt: "at", cuenta.ExpireAfter: "after"}
	expiryConditions = [...]string{cuenta.ExpiryAlways: "", cuenta.ExpiryIfNone: "none", cuenta.ExpiryIfAny: "any", cuenta.ExpiryIfLater: "later", cuenta.ExpiryIfSooner: "sooner"}
)

func lineOfTerms(t *Terms) *termsLine {
	if *t == (Terms{}) {
		return nil
	}
	e := &t.Expiry
	l := &termsLine{
		Clamp: t.Clamp, Expect: t.Expect, Expires: expiries[e.Kind], Time: e.Time, ExpiresIf: expiryConditions[e.If], Lapse: e.Lapse,
	}
	if t.Floor.Set {
		l.Floor = &t.Floor.At
	}
	if t.Ceiling.Set {
		l.Ceiling = &t.Ceiling.At
	}
	return l
}

// extraOf reads what few operations have.
func (r *reader) extraOf(o *Op, l *line) error {
	if l.Terms == nil && l.Amount == nil && !l.Told {
		return nil
	}
	var x Extra
	if l.Told {
		o.Told |= WithTerms
	}
	if l.Amount != nil {
		x.Amount, o.Told = *l.Amount, o.Told|WithAmount
	}
	if t := l.Terms; t != nil {
		kind, cond := slices.Index(expiries[:], t.Expires), slices.Index(expiryConditions[:], t.ExpiresIf)
		if kind < 0 || cond < 0 {
			return fmt.Errorf("there is no end %q if %q", t.Expires, t.ExpiresIf)
		}
		x.Terms = Terms{
			Floor: boundOf(t.Floor), Ceiling: boundOf(t.Ceiling), Clamp: t.Clamp, Expect: t.Expect,
			Expiry: cuenta.Expiry{Kind: cuenta.ExpiryKind(kind), Time: t.Time, If: cuenta.ExpiryCondition(cond), Lapse: t.Lapse},
		}
	}
	r.h.Extras = append(r.h.Extras, x)
	o.Extra = uint32(len(r.h.Extras))
	return nil
}

func boundOf(at *int64) cuenta.Bound {
	if at == nil {
		return cuenta.Bound{}
	}
	return cuenta.Bound{Set: true, At: *at}
}

func (h *History) clockLine(k *Clock) *line { return &line{Start: k.From, Low: &k.Low, High: &k.High} }

// clock reads a line that is about the ledger's time.
func (r *reader) clock(l *line) error {
	if l.Low == nil || l.High == nil {
		return errors.New("a clock has a low and a high")
	}
	r.h.Clocks = append(r.h.Clocks, Clock{l.Start, *l.Low, *l.High})
	return nil
}
