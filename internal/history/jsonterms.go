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
	Total     bool   `json:"total,omitempty"`
	Ident     string `json:"ident,omitempty"`
	Hold      uint64 `json:"hold,omitempty"`

	Rate   string `json:"rate,omitempty"`
	Limit  int64  `json:"limit,omitempty"`
	Period int64  `json:"period,omitempty"`
	Burst  int64  `json:"burst,omitempty"`

	Held     int64      `json:"held,omitempty"`
	HeldDown int64      `json:"heldDown,omitempty"`
	Holds    []holdLine `json:"holds,omitempty"`
}

// holdLine is a hold that was told.
type holdLine struct {
	ID     uint64 `json:"id"`
	Amount int64  `json:"amount"`
	Ends   int64  `json:"ends"`
}

var (
	conditions       = [...]string{cuenta.Always: "", cuenta.IfAbsent: "absent", cuenta.IfPresent: "present", cuenta.IfValue: "value", cuenta.IfRevision: "revision"}
	kindsOfRates     = [...]string{cuenta.NoRate: "", cuenta.FixedWindow: "fixed", cuenta.SlidingWindow: "sliding", cuenta.Steady: "steady"}
	expiries         = [...]string{cuenta.KeepExpiry: "", cuenta.NoExpiry: "never", cuenta.ExpireAt: "at", cuenta.ExpireAfter: "after"}
	expiryConditions = [...]string{cuenta.ExpiryAlways: "", cuenta.ExpiryIfNone: "none", cuenta.ExpiryIfAny: "any", cuenta.ExpiryIfLater: "later", cuenta.ExpiryIfSooner: "sooner", cuenta.ExpiryIfAnySooner: "any-sooner"}
)

func (h *History) lineOfTerms(x *Extra) *termsLine {
	t := &x.Terms
	if *t == (Terms{}) && x.Held == 0 {
		return nil
	}
	e := &t.Expiry
	l := &termsLine{
		Clamp: t.Clamp, Expect: t.Expect, Expires: expiries[e.Kind], Time: e.Time, ExpiresIf: expiryConditions[e.If], Lapse: e.Lapse,
		Total: t.Total, Hold: t.Hold,
	}
	if t.Ident != 0 {
		l.Ident = h.Idents[t.Ident-1]
	}
	if t.Rate != 0 {
		r := &h.Rates[t.Rate-1]
		l.Rate, l.Limit, l.Period, l.Burst = kindsOfRates[r.Kind], r.Limit, r.Period, r.Burst
	}
	if x.Held != 0 {
		held := &h.Held[x.Held-1]
		l.Held, l.HeldDown = held.Up, held.Down
		for _, one := range held.Holds {
			l.Holds = append(l.Holds, holdLine(one))
		}
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
	if l.Level != nil {
		o.Told |= WithLevel
	}
	if l.Terms == nil && l.Amount == nil && !l.Told && l.Level == nil {
		return nil
	}
	var x Extra
	if l.Level != nil {
		x.Level = *l.Level
	}
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
			Total:  t.Total, Hold: t.Hold,
		}
		if err := r.beyond(&x, t); err != nil {
			return err
		}
	}
	r.h.Extras = append(r.h.Extras, x)
	o.Extra = uint32(len(r.h.Extras))
	return nil
}

// beyond reads terms that are kept aside.
func (r *reader) beyond(x *Extra, t *termsLine) error {
	if t.Ident != "" {
		x.Terms.Ident = r.idents.of(t.Ident) + 1
	}
	if t.Rate != "" {
		kind := slices.Index(kindsOfRates[:], t.Rate)
		if kind < 0 {
			return fmt.Errorf("there is no rate %q", t.Rate)
		}
		x.Terms.Rate = r.rates.of(cuenta.Rate{Kind: cuenta.RateKind(kind), Limit: t.Limit, Period: t.Period, Burst: t.Burst}) + 1
	}
	if t.Held != 0 || t.HeldDown != 0 || len(t.Holds) > 0 {
		held := Held{Up: t.Held, Down: t.HeldDown}
		for _, h := range t.Holds {
			held.Holds = append(held.Holds, cuenta.Held(h))
		}
		r.h.Held = append(r.h.Held, held)
		x.Held = uint32(len(r.h.Held))
	}
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
