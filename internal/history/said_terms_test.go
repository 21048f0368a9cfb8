package history

import (
	"strings"
	"testing"
)

// TestSaidOfTerms does the same for limits, ends and conditions. The ledger's time is
// the history's, but where there is another clock.
func TestSaidOfTerms(t *testing.T) {
	const clock = `{"start":0,"low":0,"high":0}` + "\n"
	const made = `{"start":1,"end":2,"op":"add","n":5,"code":"ok","value":5,"revision":1}` + "\n"
	const ends = `{"start":3,"end":4,"op":"expire","terms":{"expires":"at","time":50},"code":"ok","value":5,"revision":2}` + "\n"
	const limited = made + `{"start":3,"end":4,"op":"limit","terms":{"floor":0,"ceiling":8},"code":"ok","value":5,"revision":2}` + "\n"
	for _, c := range []struct{ name, history, want string }{
		{"a change within its limits", limited + `{"start":5,"end":6,"op":"add","n":3,"code":"ok","value":8,"revision":3}`, ""},
		{"a limit passed", limited + `{"start":5,"end":6,"op":"add","n":4,"code":"ok","value":9,"revision":3}`,
			`[ add 4 "cuenta", answered 9 at revision 3, at 5ns–6ns] does not follow from [ limit from 0 to 8 "cuenta", answered 5 at revision 2, at 3ns–4ns]`},
		{"a refusal for a limit", limited + `{"start":5,"end":6,"op":"add","n":4,"code":"limit","value":8,"revision":2,"amount":3}`, ""},
		{"a refusal for a limit that would not have been passed", limited +
			`{"start":5,"end":6,"op":"add","n":3,"code":"limit","value":8,"revision":2,"amount":3}`, "does not agree with"},
		{"a refusal that tells another limit", limited +
			`{"start":5,"end":6,"op":"add","n":4,"code":"limit","value":7,"revision":2,"amount":3}`, "does not agree with"},
		{"a refusal that tells another value", limited +
			`{"start":5,"end":6,"op":"add","n":4,"code":"limit","value":8,"revision":2,"amount":4}`, "does not agree with"},
		{"a clamp", limited + `{"start":5,"end":6,"op":"add","n":9,"terms":{"clamp":true},"code":"ok","value":8,"revision":3,"amount":3}`, ""},
		{"a clamp that tells what was asked for", limited +
			`{"start":5,"end":6,"op":"add","n":9,"terms":{"clamp":true},"code":"ok","value":8,"revision":3,"amount":9}`, "does not follow from"},
		{"limits that a value is outside of", made +
			`{"start":3,"end":4,"op":"limit","terms":{"ceiling":4},"code":"ok","value":5,"revision":2}`, "does not follow from"},
		{"other terms described", limited +
			`{"start":5,"end":6,"op":"describe","code":"ok","value":5,"revision":2,"described":true,"terms":{"floor":0}}`, "does not agree with"},
		{"a condition that did not hold", made +
			`{"start":3,"end":4,"op":"delete","if":"value","terms":{"expect":4},"code":"ok","value":5,"revision":2}`, "does not follow from"},
		{"a condition that held", made +
			`{"start":3,"end":4,"op":"delete","if":"revision","terms":{"expect":1},"code":"unmet","value":5,"revision":1}`, "does not agree with"},
		{"an end in time", clock + made + ends + `
			{"start":40,"end":60,"op":"get","code":"ok","value":5,"revision":2}
			{"start":40,"end":60,"op":"get","code":"ok","value":0,"revision":0}
			{"start":70,"end":80,"op":"add","n":1,"code":"ok","value":1,"revision":4}`, ""},
		{"a read after the end", clock + made + ends + `{"start":50,"end":60,"op":"get","code":"ok","value":5,"revision":2}`,
			"met with a counter whose time was over"},
		{"a read after the end, of a value alone", clock + made + ends + `{"start":50,"end":60,"op":"get","code":"ok","value":5}`,
			"nothing leads from"},
		{"an early end", clock + made + ends + `{"start":40,"end":49,"op":"get","code":"ok","value":0,"revision":0}`, "with an end to"},
		{"an end that came twice", clock + made + ends + `{"start":70,"end":80,"op":"add","n":1,"code":"ok","value":1,"revision":5}`,
			"revisions are missing: after no counter came"},
		{"an end that was taken away", clock + made + ends + `
			{"start":40,"end":60,"op":"expire","terms":{"expires":"never"},"code":"ok","value":5,"revision":3}
			{"start":70,"end":80,"op":"get","code":"ok","value":5,"revision":3}`, ""},
		{"a clock that is off by ten", `{"start":0,"low":-10,"high":10}` + "\n" + made + ends +
			`{"start":58,"end":59,"op":"get","code":"ok","value":5,"revision":2}`, ""},
		{"a clock that is off by more than ten", `{"start":0,"low":-10,"high":10}` + "\n" + made + ends +
			`{"start":60,"end":62,"op":"get","code":"ok","value":5,"revision":2}`, "met with a counter whose time was over"},
		{"a start at an earlier time", clock + `{"start":70,"low":-40,"high":-40}` + "\n" + made + ends +
			`{"start":71,"end":72,"op":"get","code":"ok","value":5,"revision":2}`, ""},
		{"a time said to be over that was to come", clock + made +
			`{"start":3,"end":4,"op":"expire","terms":{"expires":"at","time":50},"code":"past"}`, "that time was still to come"},
		{"a moment told that was not", clock + made + ends +
			`{"start":5,"end":6,"op":"describe","code":"ok","value":5,"revision":2,"described":true,"amount":30,"terms":{"expires":"at","time":50}}`,
			"which was not the time"},
	} {
		h, err := Read(strings.NewReader(c.history))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		report, err := Check(h)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if said := report.String(); c.want == "" && said != "" || !strings.Contains(said, c.want) {
			t.Errorf("%s: %q, want %q", c.name, said, c.want)
		}
	}
}
