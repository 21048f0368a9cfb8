package history

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// maxLine is the longest line of a file, in bytes; a state of a million counters
// is shorter.
const maxLine = 256 << 20

// line is one line of a file: an operation, or a state if State is there, or a clock if
// Low is.
type line struct {
	Client  string     `json:"client,omitempty"`
	Start   int64      `json:"start"`
	End     *int64     `json:"end,omitempty"`
	Op      string     `json:"op,omitempty"`
	Counter string     `json:"counter,omitempty"`
	N       int64      `json:"n,omitempty"`
	If      string     `json:"if,omitempty"`
	Key     string     `json:"key,omitempty"`
	Session string     `json:"session,omitempty"`
	Number  uint64     `json:"number,omitempty"`
	Lowest  uint64     `json:"lowest,omitempty"`
	Batch   uint32     `json:"batch,omitempty"`
	Whole   bool       `json:"whole,omitempty"`
	Code    string     `json:"code,omitempty"`
	Value   *int64     `json:"value,omitempty"`
	Rev     *uint64    `json:"revision,omitempty"`
	Replay  *bool      `json:"replayed,omitempty"`
	Amount  *int64     `json:"amount,omitempty"`
	Terms   *termsLine `json:"terms,omitempty"`
	Level   *uint8     `json:"level,omitempty"`
	Told    bool       `json:"described,omitempty"`

	Low  *int64 `json:"low,omitempty"` // of a clock
	High *int64 `json:"high,omitempty"`

	State    string           `json:"state,omitempty"`
	Counters []cuenta.Counter `json:"counters,omitempty"`
	Floor    *uint64          `json:"floor,omitempty"`
	Partial  bool             `json:"partial,omitempty"`
}

// Write writes the history as JSON lines.
func (h *History) Write(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	to := json.NewEncoder(out)
	to.SetEscapeHTML(false)
	for i := range h.Len() {
		if o := h.At(i); o.Op != 0 {
			if err := to.Encode(h.lineOf(o)); err != nil {
				return err
			}
		}
	}
	for i := range h.Clocks {
		if err := to.Encode(h.clockLine(&h.Clocks[i])); err != nil {
			return err
		}
	}
	for i := range h.States {
		if err := to.Encode(h.stateLine(&h.States[i])); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (h *History) lineOf(o *Op) *line {
	l := &line{
		Client: h.Clients[o.Client], Start: o.Start, Op: o.Op.String(), Counter: h.Counters[o.Counter],
		N: o.N, If: conditions[o.If], Batch: o.Batch, Whole: o.told(Whole),
	}
	if o.End != Never {
		l.End = &o.End
	}
	switch {
	case o.Session == ByKey:
		l.Key = h.Keys[o.Number]
	case o.Session != NoIdentity:
		l.Session, l.Number = string(cuenta.AppendSession(nil, h.Sessions[o.Session-firstSession])), o.Number
		if o.told(WithLowest) {
			l.Lowest = o.Number - uint64(o.Spread)
		}
	}
	if o.Extra != 0 {
		l.Terms = h.lineOfTerms(&h.Extras[o.Extra-1])
	}
	if !o.told(Answered) {
		return l
	}
	l.Told = o.told(WithTerms)
	if o.told(WithAmount) {
		l.Amount = &h.Extras[o.Extra-1].Amount
	}
	if o.told(WithLevel) {
		l.Level = new(uint8)
		if o.Extra != 0 {
			*l.Level = h.Extras[o.Extra-1].Level
		}
	}
	l.Code = o.Code.String()
	if o.told(WithValue) {
		l.Value = &o.Value
	}
	if o.told(WithRevision) {
		l.Rev = &o.Revision
	}
	if o.told(First | Replayed) {
		replayed := o.told(Replayed)
		l.Replay = &replayed
	}
	return l
}

func (h *History) stateLine(s *State) *line {
	l := &line{State: s.Label, Start: s.Start, End: &s.End, Partial: s.Partial}
	if s.WithFloor {
		l.Floor = &s.Floor
	}
	for _, c := range s.Counters {
		l.Counters = append(l.Counters, cuenta.Counter{Name: h.Counters[c.Counter], Value: c.Value, Revision: c.Revision})
	}
	return l
}

// reader makes a history of lines.
type reader struct {
	h        *History
	clients  table[string]
	counters table[string]
	keys     table[string]
	sessions table[uint64]
	rates    table[cuenta.Rate]
	idents   table[string]
}

// Read reads a history that was written as JSON lines. An error names the line.
func Read(from io.Reader) (*History, error) {
	in := bufio.NewReaderSize(from, 1<<16)
	r := &reader{h: &History{}}
	for n := 1; ; n++ {
		text, err := readLine(in)
		if errors.Is(err, io.EOF) && len(text) == 0 {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		if err := r.take(text); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	slices.SortStableFunc(r.h.Clocks, func(a, b Clock) int { return cmp.Compare(a.From, b.From) })
	r.h.Clients, r.h.Counters, r.h.Keys, r.h.Sessions = r.clients.all, r.counters.all, r.keys.all, r.sessions.all
	r.h.Rates, r.h.Idents = r.rates.all, r.idents.all
	return r.h, nil
}

func readLine(in *bufio.Reader) ([]byte, error) {
	var whole []byte
	for {
		part, err := in.ReadSlice('\n')
		if err == nil && whole == nil {
			return part, nil
		}
		whole = append(whole, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return whole, err
		}
		if len(whole) > maxLine {
			return nil, fmt.Errorf("over %d bytes", maxLine)
		}
	}
}

func (r *reader) take(text []byte) error {
	var l line
	from := json.NewDecoder(bytes.NewReader(text))
	from.DisallowUnknownFields()
	if err := from.Decode(&l); err != nil {
		return err
	}
	if from.More() {
		return errors.New("more than one object")
	}
	switch {
	case l.State != "":
		return r.state(&l)
	case l.Low != nil || l.High != nil:
		return r.clock(&l)
	}
	o := Op{Start: l.Start, End: Never, N: l.N, Batch: l.Batch}
	if l.End != nil {
		o.End = *l.End
	}
	if o.Op = opNamed(l.Op); o.Op == 0 {
		return fmt.Errorf("there is no operation %q", l.Op)
	}
	if l.Counter == "" {
		l.Counter = cuenta.DefaultCounter
	}
	o.Counter, o.Client = r.counters.of(l.Counter), r.clients.of(l.Client)
	if l.Whole {
		o.Told |= Whole
	}
	if err := r.identify(&o, &l); err != nil {
		return err
	}
	if err := r.extraOf(&o, &l); err != nil {
		return err
	}
	if err := answered(&o, &l); err != nil {
		return err
	}
	r.h.Append(o)
	return nil
}

func opNamed(name string) cuenta.Op {
	for op := cuenta.Get; op <= cuenta.Extend; op++ {
		if op != cuenta.All && op.String() == name {
			return op
		}
	}
	return 0
}

func (r *reader) identify(o *Op, l *line) error {
	for i, name := range conditions {
		if name == l.If {
			o.If = cuenta.Condition(i)
		}
	}
	if conditions[o.If] != l.If {
		return fmt.Errorf("there is no condition %q", l.If)
	}
	switch {
	case l.Key != "":
		o.Session, o.Number = ByKey, uint64(r.keys.of(l.Key))
	case l.Session != "":
		id, ok := cuenta.ParseSession([]byte(strings.ToLower(l.Session)))
		if !ok {
			return fmt.Errorf("%q is no session", l.Session)
		}
		o.Session, o.Number = r.sessions.of(id)+firstSession, l.Number
		if spread := l.Number - l.Lowest; l.Lowest != 0 && spread == uint64(uint32(spread)) {
			o.Spread, o.Told = uint32(spread), o.Told|WithLowest
		}
	}
	return nil
}

// answered takes over the answer.
func answered(o *Op, l *line) error {
	if l.Code == "" {
		if l.Value != nil || l.Rev != nil || l.Replay != nil || l.Amount != nil || l.Level != nil {
			return errors.New("an answer has a code")
		}
		return nil
	}
	o.Told |= Answered
	for o.Code = cuenta.OK; o.Code.String() != l.Code; o.Code++ {
		if o.Code == cuenta.NumCodes {
			return fmt.Errorf("there is no code %q", l.Code)
		}
	}
	if l.Value != nil {
		o.Value, o.Told = *l.Value, o.Told|WithValue
	}
	if l.Rev != nil {
		o.Revision, o.Told = *l.Rev, o.Told|WithRevision
	}
	switch {
	case l.Replay == nil:
	case *l.Replay:
		o.Told |= Replayed
	default:
		o.Told |= First
	}
	return nil
}

func (r *reader) state(l *line) error {
	if l.End == nil {
		return errors.New("a state has an end")
	}
	s := State{Label: l.State, Start: l.Start, End: *l.End, Partial: l.Partial}
	if l.Floor != nil {
		s.Floor, s.WithFloor = *l.Floor, true
	}
	for _, c := range l.Counters {
		s.Counters = append(s.Counters, Count{r.counters.of(c.Name), c.Value, c.Revision})
	}
	r.h.States = append(r.h.States, s)
	return nil
}
