package history

import (
	"strings"
	"testing"
)

// TestSaidOfHolds does the same for holds. The ledger's time is the history's.
func TestSaidOfHolds(t *testing.T) {
	const limited = `{"start":0,"low":0,"high":0}
		{"start":1,"end":2,"op":"limit","terms":{"floor":0,"ceiling":10},"code":"ok","value":0,"revision":1}` + "\n"
	const held = limited + `{"start":3,"end":4,"op":"hold","n":6,"terms":{"expires":"at","time":50},"code":"ok","value":0,"revision":2,"amount":4}` + "\n"
	const settled = held + `{"start":5,"end":6,"op":"settle","n":5,"terms":{"hold":2},"code":"ok","value":5,"revision":3,"amount":5}` + "\n"
	for _, c := range []saying{
		{"a hold that is settled", settled + `{"start":7,"end":8,"op":"settle","n":1,"terms":{"hold":2},"code":"no-hold","value":5,"revision":3}`, ""},
		{"a hold that is settled twice", settled + `{"start":7,"end":8,"op":"settle","n":1,"terms":{"hold":2},"code":"ok","value":6,"revision":4,"amount":4}`,
			"does not follow from"},
		{"a hold that is settled and was released", held + `
			{"start":5,"end":6,"op":"release","terms":{"hold":2},"code":"ok","value":0,"revision":3,"amount":10}
			{"start":7,"end":8,"op":"settle","n":1,"terms":{"hold":2},"code":"ok","value":1,"revision":4}`, "does not follow from"},
		{"a hold that is not known and was made", held + `{"start":5,"end":6,"op":"release","terms":{"hold":2},"code":"no-hold","value":0,"revision":2}`,
			"does not agree with"},
		{"another amount available", held + `{"start":5,"end":6,"op":"release","terms":{"hold":2},"code":"ok","value":0,"revision":3,"amount":9}`, "does not follow from"},
		{"an addition into what is held", held + `{"start":5,"end":6,"op":"add","n":5,"code":"ok","value":5,"revision":3}`, "does not follow from"},
		{"a refusal for what is held", held + `{"start":5,"end":6,"op":"add","n":5,"code":"limit","value":4,"revision":2,"amount":4}`, ""},
		{"a refusal for no hold's sake", held + `{"start":5,"end":6,"op":"add","n":4,"code":"limit","value":4,"revision":2,"amount":4}`, "does not agree with"},
		{"a hold for which there is no room", held + `{"start":5,"end":6,"op":"hold","n":5,"terms":{"expires":"after","time":9},"code":"ok","value":0,"revision":3}`,
			"does not follow from"},
		{"a hold that went with its time", held + `
			{"start":60,"end":61,"op":"add","n":9,"code":"ok","value":9,"revision":4}
			{"start":62,"end":63,"op":"settle","n":1,"terms":{"hold":2},"code":"no-hold","value":9,"revision":4}`, ""},
		{"a hold that went early", held + `{"start":40,"end":49,"op":"add","n":9,"code":"ok","value":9,"revision":4}`, "revisions are missing"},
		{"a hold that went twice", held + `{"start":60,"end":61,"op":"add","n":9,"code":"ok","value":9,"revision":5}`, "revisions are missing"},
		{"a hold that went, and was settled", held + `
			{"start":60,"end":61,"op":"get","code":"ok","value":0,"revision":3}
			{"start":62,"end":63,"op":"settle","n":1,"terms":{"hold":2},"code":"ok","value":1,"revision":4}`, "revisions are missing"},
		{"a hold that was settled after its time", held + `{"start":62,"end":63,"op":"settle","n":1,"terms":{"hold":2},"code":"ok","value":1,"revision":3}`, ""},
		{"a hold that was extended", held + `
			{"start":7,"end":8,"op":"extend","terms":{"hold":2,"expires":"at","time":90},"code":"ok","value":0,"revision":3,"amount":4}
			{"start":60,"end":61,"op":"add","n":9,"code":"ok","value":9,"revision":5}`, "revisions are missing"},
		{"a hold whose extension was over", held + `
			{"start":7,"end":8,"op":"extend","terms":{"hold":2,"expires":"at","time":90},"code":"ok","value":0,"revision":3,"amount":4}
			{"start":95,"end":96,"op":"add","n":9,"code":"ok","value":9,"revision":5}`, ""},
		{"two holds of which one went", limited + `
			{"start":3,"end":4,"op":"hold","n":6,"terms":{"expires":"at","time":20},"code":"ok","value":0,"revision":2,"amount":4}
			{"start":5,"end":6,"op":"hold","n":3,"terms":{"expires":"at","time":20},"code":"ok","value":0,"revision":3,"amount":1}
			{"start":30,"end":31,"op":"add","n":7,"code":"ok","value":7,"revision":5}
			{"start":32,"end":33,"op":"settle","n":3,"terms":{"hold":3},"code":"ok","value":10,"revision":6,"amount":0}`, ""},
		{"a hold that nobody was told of", limited + `
			{"start":3,"op":"hold","n":6,"terms":{"expires":"at","time":50}}
			{"start":5,"end":6,"op":"add","n":4,"code":"ok","value":4,"revision":3}
			{"start":7,"end":8,"op":"add","n":1,"code":"limit","value":4,"revision":3,"amount":0}`, ""},
		{"what is held, described", held + `{"start":5,"end":6,"op":"describe","code":"ok","value":0,"revision":2,"described":true,
			"terms":{"floor":0,"ceiling":10,"held":6,"holds":[{"id":2,"amount":6,"ends":50}]}}`, ""},
		{"what is held, described otherwise", held + `{"start":5,"end":6,"op":"describe","code":"ok","value":0,"revision":2,"described":true,
			"terms":{"floor":0,"ceiling":10,"held":5}}`, "does not agree with"},
		{"another end described", held + `{"start":5,"end":6,"op":"describe","code":"ok","value":0,"revision":2,"described":true,
			"terms":{"floor":0,"ceiling":10,"held":6,"holds":[{"id":2,"amount":6,"ends":51}]}}`, "does not agree with"},
		{"limits that holds do not leave", held + `{"start":5,"end":6,"op":"limit","terms":{"ceiling":5},"code":"ok","value":0,"revision":3}`, "does not follow from"},
		{"a hold downwards", limited + `{"start":5,"end":6,"op":"hold","n":-1,"terms":{"expires":"after","time":9},"code":"limit","value":0,"revision":1,"amount":0}`, ""},
	} {
		c.check(t)
	}
}

// TestSaidOfTotals does so for totals.
func TestSaidOfTotals(t *testing.T) {
	const total = `{"start":1,"end":2,"op":"limit","counter":"a","terms":{"ceiling":10,"total":true},"code":"ok","value":0,"revision":1}` + "\n"
	const charged = total + `{"start":3,"end":4,"op":"add","counter":"a/b","n":7,"code":"ok","value":7,"revision":1}` + "\n"
	for _, c := range []saying{
		{"a charge", charged + `{"start":5,"end":6,"op":"get","counter":"a","code":"ok","value":7,"revision":2}`, ""},
		{"a charge that is missed", charged + `{"start":5,"end":6,"op":"get","counter":"a","code":"ok","value":0,"revision":1}`,
			`nothing leads from value 0 at revision 1 to [the charge of 7 to "a" by [ add 7 "a/b"`},
		{"a charge that comes twice", charged + `{"start":5,"end":6,"op":"get","counter":"a","code":"ok","value":14,"revision":3}`, "revisions are missing"},
		{"an addition before there was a total", `{"start":-2,"end":-1,"op":"add","counter":"a/b","n":1,"code":"ok","value":1,"revision":1}` + "\n" + total +
			`{"start":5,"end":6,"op":"get","counter":"a","code":"ok","value":0,"revision":1}`, ""},
		{"an addition while the total was declared", `{"start":1,"end":2,"op":"add","counter":"a/b","n":1,"code":"ok","value":1,"revision":1}` + "\n" + total +
			`{"start":5,"end":6,"op":"get","counter":"a","code":"ok","value":1,"revision":2}`, ""},
		{"a total that ceased to be one", total + `
			{"start":3,"end":4,"op":"limit","counter":"a","terms":{"ceiling":10},"code":"ok","value":0,"revision":2}
			{"start":5,"end":6,"op":"add","counter":"a/b","n":1,"code":"ok","value":1,"revision":1}
			{"start":7,"end":8,"op":"get","counter":"a","code":"ok","value":1,"revision":3}`, "revisions are missing"},
		{"a refusal for a total's limit", charged +
			`{"start":5,"end":6,"op":"add","counter":"a/c","n":4,"code":"limit","value":10,"revision":0,"amount":3,"level":1}`, ""},
		{"a refusal for a total's limit that leaves room", charged +
			`{"start":5,"end":6,"op":"add","counter":"a/c","n":3,"code":"limit","value":10,"revision":0,"amount":3,"level":1}`, "nothing leads from"},
		{"a refusal for a total that is none", charged +
			`{"start":5,"end":6,"op":"add","counter":"a/c/d","n":4,"code":"limit","value":10,"revision":0,"amount":3,"level":1}`, "there was no such total"},
		{"a charge beyond the limit", charged + `{"start":5,"end":6,"op":"add","counter":"a/c","n":4,"code":"ok","value":4,"revision":1}`, "nothing leads from"},
		{"a charge that is clamped", charged + `
			{"start":5,"end":6,"op":"add","counter":"a/c","n":4,"terms":{"clamp":true},"code":"ok","value":3,"revision":1,"amount":3}
			{"start":7,"end":8,"op":"get","counter":"a","code":"ok","value":10,"revision":3}`, ""},
		{"two levels", total + `
			{"start":3,"end":4,"op":"limit","counter":"a/b","terms":{"total":true},"code":"ok","value":0,"revision":1}
			{"start":5,"end":6,"op":"add","counter":"a/b/c","n":4,"code":"ok","value":4,"revision":1}
			{"start":7,"end":8,"op":"get","counter":"a/b","code":"ok","value":4,"revision":2}
			{"start":7,"end":8,"op":"get","counter":"a","code":"ok","value":4,"revision":2}`, ""},
		{"a settled hold", total + `
			{"start":3,"end":4,"op":"hold","counter":"a/b","n":4,"terms":{"expires":"after","time":1000000},"code":"ok","value":0,"revision":1}
			{"start":5,"end":6,"op":"settle","counter":"a/b","n":3,"terms":{"hold":1},"code":"ok","value":3,"revision":2}
			{"start":7,"end":8,"op":"get","counter":"a","code":"ok","value":0,"revision":1}`, "nothing leads from"},
		{"a total found to be what is below it", total + `{"start":3,"end":6,"op":"add","counter":"a/b","n":3}
			{"state":"the end","start":9,"end":10,"counters":[{"name":"a","value":3,"revision":2},{"name":"a/b","value":3,"revision":1}]}`, ""},
		{"a total found to miss something", total + `{"start":3,"end":6,"op":"add","counter":"a/b","n":3}
			{"state":"the end","start":9,"end":10,"counters":[{"name":"a","value":0,"revision":1},{"name":"a/b","value":3,"revision":1}]}`,
			"at the end the total is 0, and what is below it comes to 3"},
	} {
		c.check(t)
	}
}

// TestSaidOfTickets does so for tickets.
func TestSaidOfTickets(t *testing.T) {
	const given = `{"start":1,"end":2,"op":"ticket","n":1,"terms":{"ident":"ana"},"code":"ok","value":1,"revision":1,"amount":1}` + "\n"
	for _, c := range []saying{
		{"numbers without a gap", given + `{"start":3,"end":4,"op":"ticket","n":2,"terms":{"ident":"luis"},"code":"ok","value":3,"revision":2,"amount":2}`, ""},
		{"a gap", given + `{"start":3,"end":4,"op":"ticket","n":1,"terms":{"ident":"luis"},"code":"ok","value":3,"revision":2,"amount":1}`, "does not follow from"},
		{"a number that is given twice", given + `{"start":3,"end":4,"op":"ticket","n":1,"terms":{"ident":"luis"},"code":"ok","value":1,"revision":2,"amount":1}`,
			"does not follow from"},
		{"the same ident", given + `{"start":3,"end":4,"op":"ticket","n":1,"terms":{"ident":"ana"},"code":"ok","value":1,"revision":0,"amount":1,"replayed":true}`, ""},
		{"the same ident, other numbers", given + `{"start":3,"end":4,"op":"ticket","n":1,"terms":{"ident":"ana"},"code":"ok","value":2,"revision":0,"amount":1,"replayed":true}`,
			"an ident got two numbers"},
		{"the same ident, given anew", given + `{"start":3,"end":4,"op":"ticket","n":1,"terms":{"ident":"ana"},"code":"ok","value":2,"revision":2,"amount":1}`,
			"an ident got numbers twice"},
		{"another series", given + `
			{"start":3,"end":4,"op":"add","counter":"cuenta/#","n":1,"code":"ok","value":1,"revision":1}
			{"start":5,"end":6,"op":"ticket","n":1,"terms":{"ident":"ana"},"code":"ok","value":2,"revision":2,"amount":1}`, ""},
		{"a repeat of what nobody asked for", `{"start":3,"end":4,"op":"ticket","n":1,"terms":{"ident":"ana"},"code":"ok","value":1,"revision":0,"amount":1,"replayed":true}`,
			"nobody had asked for it before"},
		{"a ticket lost on its way", `{"start":1,"op":"ticket","n":1,"terms":{"ident":"ana"}}
			{"start":3,"end":4,"op":"ticket","n":1,"terms":{"ident":"luis"},"code":"ok","value":2,"revision":2,"amount":1}
			{"start":5,"end":6,"op":"ticket","n":1,"terms":{"ident":"ana"},"code":"ok","value":1,"revision":0,"amount":1,"replayed":true}`, ""},
		{"a ticket lost on its way, and its number too", `{"start":1,"op":"ticket","n":1,"terms":{"ident":"ana"}}
			{"start":3,"end":4,"op":"ticket","n":1,"terms":{"ident":"luis"},"code":"ok","value":1,"revision":1,"amount":1}
			{"start":5,"end":6,"op":"ticket","n":1,"terms":{"ident":"ana"},"code":"ok","value":1,"revision":0,"amount":1,"replayed":true}`, "nothing leads from"},
		{"a keeper found", given + `{"state":"the end","start":9,"end":10,"counters":[{"name":"cuenta","value":1,"revision":1},{"name":"cuenta/0/ana","value":1,"revision":1}]}`, ""},
		{"a keeper of another number", given + `{"state":"the end","start":9,"end":10,"counters":[{"name":"cuenta","value":1,"revision":1},{"name":"cuenta/0/ana","value":2,"revision":1}]}`,
			"an ident got two numbers"},
		{"a keeper that is lost", given + `{"state":"a","start":7,"end":8,"counters":[{"name":"cuenta","value":1,"revision":1},{"name":"cuenta/0/ana","value":1,"revision":1}]}
			{"state":"b","start":9,"end":10,"counters":[{"name":"cuenta","value":1,"revision":1}]}`, "an ident's numbers were forgotten"},
	} {
		c.check(t)
	}
}

// TestSaidOfRates does so for rates: 10 in a window, or second, and 5 at once.
func TestSaidOfRates(t *testing.T) {
	const clock = `{"start":0,"low":0,"high":0}` + "\n"
	const take = `{"start":%1,"end":%2,"op":"take","n":%3,"terms":{"rate":"%k","limit":10,"period":1000000000,"burst":%b},"code":"%4","value":%5,"revision":%6,"amount":%7}` + "\n"
	takes := func(kind string, all ...string) string {
		text := clock
		burst := "0"
		if kind == "steady" {
			burst = "5"
		}
		for _, one := range all {
			line := strings.NewReplacer("%k", kind, "%b", burst).Replace(take)
			for i, word := range strings.Fields(one) {
				line = strings.Replace(line, "%"+string(rune('1'+i)), word, 1)
			}
			text += line
		}
		return text
	}
	const tooMuch, wrongly = "more than the rate allows", "but the rate allows it"
	for _, c := range []saying{
		{"a window", takes("fixed", "100 200 6 ok 4 1 9", "300 400 4 ok 0 2 9", "500 600 1 throttled 0 2 9", "1000000100 1000000200 10 ok 0 4 9"), ""},
		{"too much in a window", takes("fixed", "100 200 6 ok 4 1 9", "300 400 5 ok 0 2 9"), tooMuch},
		{"too much at once", takes("steady", "0 0 6 ok 0 1 9"), "never allows so much at once"},
		{"too much in a window, by answers without revision", clock + `
			{"start":1,"end":2,"op":"take","n":6,"terms":{"rate":"fixed","limit":10,"period":1000000000},"code":"ok","value":4}
			{"start":3,"end":4,"op":"take","n":5,"terms":{"rate":"fixed","limit":10,"period":1000000000},"code":"ok","value":0}`,
			"more was taken in a window than the rate allows"},
		{"too little in a window", takes("fixed", "100 200 6 ok 4 1 9", "300 400 4 throttled 3 1 9"), wrongly},
		{"perhaps another window", takes("fixed", "100 200 6 ok 4 1 9", "300 1000000400 5 ok 5 2 9"), ""},
		{"perhaps one that was lost", takes("fixed", "100 200 6 ok 4 1 9", "300 400 4 throttled 3 2 9") +
			`{"start":250,"op":"take","n":1,"terms":{"rate":"fixed","limit":10,"period":1000000000}}`, ""},
		{"a sliding window", takes("sliding", "100 200 10 ok 0 1 9", "1500000000 1500000000 5 ok 0 2 9", "1500000000 1500000001 1 throttled 0 2 9"), ""},
		{"too much in a sliding window", takes("sliding", "100 200 10 ok 0 1 9", "1400000000 1500000000 6 ok 0 2 9"), tooMuch},
		{"too little in a sliding window", takes("sliding", "100 200 10 ok 0 1 9", "1500000000 1500000001 5 throttled 4 2 9"), wrongly},
		{"one after the other", takes("steady", "0 0 5 ok 0 1 9", "100000000 100000000 1 ok 0 2 9", "100000000 100000001 1 throttled 0 2 9"), ""},
		{"one too soon", takes("steady", "0 0 5 ok 0 1 9", "90000000 99999998 1 ok 0 2 9"), tooMuch},
		{"one too late", takes("steady", "0 0 5 ok 0 1 9", "100000001 100000002 1 throttled 0 1 9"), wrongly},
		{"too much at any time", takes("steady", "0 0 6 throttled 5 0 -1"), ""},
		{"not too much at any time", takes("steady", "0 0 5 throttled 4 0 -1"), "it tells wrongly"},
		{"a refusal of what is left", takes("steady", "0 0 3 throttled 4 0 5"), "so much may be taken"},
		{"a revision that is given twice", takes("steady", "0 0 1 ok 4 1 9", "5 6 1 ok 4 1 9"), "was given twice"},
		{"a counter that was found older", takes("steady", "0 1 1 ok 4 1 9", "5 6 1 ok 3 2 9") +
			`{"state":"crash","start":9,"end":10,"counters":[{"name":"cuenta","value":3,"revision":1}]}`, "what was revealed was lost"},
		{"no end", takes("steady", "0 1 1 ok 4 1 9") + `{"start":5,"end":6,"op":"describe","code":"ok","value":0,"revision":1,"described":true}`, "has no end"},
		{"another use", takes("steady", "0 1 1 ok 4 1 9", "5 6 1 unmet 0 1 0"), "of no other use"},
	} {
		c.check(t)
	}
}

// saying is a history, and what must be said of it: nothing if it is possible.
type saying struct{ name, history, want string }

func (s *saying) check(t *testing.T) {
	t.Helper()
	var lines []string
	for _, line := range strings.Split(s.history, "\n") {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, `"`) {
			lines[len(lines)-1] += line // it goes on
		} else {
			lines = append(lines, line)
		}
	}
	h, err := Read(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	var copied strings.Builder
	if err := h.Write(&copied); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	if h, err = Read(strings.NewReader(copied.String())); err != nil {
		t.Fatalf("%s, written and read: %v", s.name, err)
	}
	report, err := Check(h)
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	if said := report.String(); s.want == "" && said != "" || !strings.Contains(said, s.want) {
		t.Errorf("%s: %q, want %q", s.name, said, s.want)
	}
}
