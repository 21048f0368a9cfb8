package history

import (
	"strings"
	"testing"
)

// TestSaid reads histories as files and compares what is said of them. Each is
// the smallest that shows its point; an empty want says that it is possible.
func TestSaid(t *testing.T) {
	const session = `"session":"00000000000000aa"`
	for _, c := range []struct{ name, history, want string }{
		{"a value that does not follow", `
			{"client":"a","start":1,"end":2,"op":"add","n":5,"code":"ok","value":5,"revision":1}
			{"client":"b","start":3,"end":4,"op":"add","n":5,"code":"ok","value":11,"revision":2}`,
			`counter "cuenta": [b add 5 "cuenta", answered 11 at revision 2, at 3ns–4ns] does not follow from [a add 5 "cuenta", answered 5 at revision 1, at 1ns–2ns]`},
		{"a first value that does not follow", `
			{"start":1,"end":2,"op":"add","n":5,"code":"ok","value":6,"revision":1}`,
			"does not follow from a counter never touched"},
		{"a gap that nobody fills", `
			{"start":1,"end":2,"op":"add","n":5,"code":"ok","value":5,"revision":1}
			{"start":3,"end":4,"op":"add","n":5,"code":"ok","value":15,"revision":3}`,
			"revisions are missing: nothing that may have come between ["},
		{"a gap that a lost request fills", `
			{"start":1,"end":2,"op":"add","n":5,"code":"ok","value":5,"revision":1}
			{"start":2,"op":"add","n":5}
			{"start":3,"end":4,"op":"add","n":5,"code":"ok","value":15,"revision":3}`, ""},
		{"a gap that a lost request fills once only", `
			{"start":2,"op":"add","n":5}
			{"start":3,"end":4,"op":"add","n":5,"code":"ok","value":10,"revision":2}
			{"start":5,"end":6,"op":"add","n":5,"code":"ok","value":20,"revision":4}`,
			"revisions are missing"},
		{"a gap that a lost request would fill before it was sent", `
			{"start":9,"op":"add","n":5}
			{"start":3,"end":4,"op":"add","n":5,"code":"ok","value":10,"revision":2}`,
			"revisions are missing"},
		{"a gap that a lost request would fill after its server was dead", `
			{"start":1,"end":2,"op":"add","n":5}
			{"start":3,"end":4,"op":"add","n":1,"code":"ok","value":1,"revision":1}
			{"start":5,"end":6,"op":"get","code":"ok","value":6,"revision":2}`,
			"revisions are missing"},
		{"a batch whose first sending was lost is repeated beside a read of what came since", `
			{"start":1,"op":"add","n":5,` + session + `,"number":1,"batch":1}
			{"start":1,"op":"get","counter":"b","batch":1}
			{"start":5,"end":6,"op":"add","counter":"b","n":7,"code":"ok","value":7,"revision":1}
			{"start":7,"end":8,"op":"add","n":5,` + session + `,"number":1,"batch":2,"code":"ok","value":5,"revision":1,"replayed":true}
			{"start":7,"end":8,"op":"get","counter":"b","batch":2,"code":"ok","value":7,"revision":1}
			{"start":3,"end":4,"state":"a crash","counters":[{"name":"cuenta","value":5,"revision":1}]}`, ""},
		{"a batch that was answered first did not happen at once", `
			{"start":1,"end":8,"op":"add","n":5,` + session + `,"number":1,"batch":2,"code":"ok","value":5,"revision":1,"replayed":false}
			{"start":1,"end":8,"op":"get","counter":"b","batch":2,"code":"ok","value":7,"revision":1}
			{"start":5,"end":6,"op":"add","counter":"b","n":7,"code":"ok","value":7,"revision":1}
			{"start":3,"end":4,"state":"a crash","counters":[{"name":"cuenta","value":5,"revision":1}]}`, "each have taken effect at one moment"},
		{"values alone", `
			{"start":1,"end":9,"op":"add","n":5,"code":"ok","value":12}
			{"start":1,"end":9,"op":"add","n":7,"code":"ok","value":7}
			{"start":1,"end":9,"op":"add","n":-12,"code":"ok","value":0}
			{"start":1,"end":9,"op":"get","code":"ok","value":7}`, ""},
		{"values alone, one counted twice", `
			{"start":1,"end":2,"op":"add","n":5,"code":"ok","value":5}
			{"start":3,"end":4,"op":"add","n":7,"code":"ok","value":17}`,
			`nothing leads from value 5 at revision 1 to [`},
		{"values alone, a read of what never was", `
			{"start":1,"end":2,"op":"add","n":5,"code":"ok","value":5}
			{"start":3,"end":4,"op":"get","code":"ok","value":4}`,
			`nothing leads from value 5 at revision 1 to [`},
		{"values alone, a read that went back", `
			{"start":1,"end":9,"op":"add","n":5,"code":"ok","value":5}
			{"start":3,"end":4,"op":"get","code":"ok","value":5}
			{"start":5,"end":6,"op":"get","code":"ok","value":0}`,
			`nothing leads from value 5 at revision 1 to [`},
		{"an overflow refused that was none", `
			{"start":1,"end":2,"op":"set","n":5,"code":"ok","value":5,"revision":1}
			{"start":3,"end":4,"op":"add","n":9223372036854775802,"code":"overflow","value":9223372036854775807,"revision":1}`,
			"does not agree with"},
		{"an overflow", `
			{"start":1,"end":2,"op":"set","n":6,"code":"ok","value":6,"revision":1}
			{"start":3,"end":4,"op":"add","n":9223372036854775802,"code":"overflow","value":9223372036854775807,"revision":1}`, ""},
		{"made anew above the highest deletion", `
			{"start":1,"end":2,"op":"add","counter":"a","n":1,"code":"ok","value":1,"revision":1}
			{"start":3,"end":4,"op":"delete","counter":"a","code":"ok","value":1,"revision":2}
			{"start":5,"end":6,"op":"add","counter":"b","n":1,"code":"ok","value":1,"revision":3}`, ""},
		{"made anew below the highest deletion", `
			{"start":1,"end":2,"op":"add","counter":"a","n":1,"code":"ok","value":1,"revision":1}
			{"start":3,"end":4,"op":"delete","counter":"a","code":"ok","value":1,"revision":2}
			{"start":5,"end":6,"op":"add","counter":"b","n":1,"code":"ok","value":1,"revision":1}`,
			"these cannot each have taken effect at one moment"},
		{"made anew above nothing", `
			{"start":5,"end":6,"op":"add","counter":"b","n":1,"code":"ok","value":1,"revision":3}`,
			"revisions are missing"},
		{"a floor that is none", `
			{"start":5,"end":6,"op":"add","counter":"b","n":1,"code":"ok","value":1,"revision":1}
			{"state":"the end","start":7,"end":7,"floor":4,"counters":[{"name":"b","value":1,"revision":1}]}`,
			"the end: the floor of the revisions is 4, and nothing was deleted at that revision"},
		{"acknowledged and lost", `
			{"client":"a","start":1,"end":2,"op":"add","n":5,"code":"ok","value":5,"revision":1}
			{"state":"crash 1","start":3,"end":4}`,
			`what was revealed was lost: [a add 5 "cuenta", answered 5 at revision 1, at 1ns–2ns], and later the state found at crash 1 (0 at revision 0)`},
		{"recovered and attempted by nobody", `
			{"state":"crash 1","start":3,"end":4,"counters":[{"name":"cuenta","value":5,"revision":1}]}`,
			"revisions are missing"},
		{"recovered and attempted", `
			{"start":1,"op":"add","n":5}
			{"state":"crash 1","start":3,"end":4,"counters":[{"name":"cuenta","value":5,"revision":1}]}`, ""},
		{"half a batch", `
			{"start":1,"op":"add","counter":"a","n":5,"batch":1,"whole":true}
			{"start":1,"op":"add","counter":"b","n":5,"batch":1,"whole":true}
			{"state":"crash 1","start":3,"end":4,"counters":[{"name":"a","value":5,"revision":1}]}`,
			"these cannot each have taken effect at one moment"},
		{"all of a batch", `
			{"start":1,"op":"add","counter":"a","n":5,"batch":1,"whole":true}
			{"start":1,"op":"add","counter":"b","n":5,"batch":1,"whole":true}
			{"state":"crash 1","start":3,"end":4,"counters":[{"name":"a","value":5,"revision":1},{"name":"b","value":5,"revision":1}]}`, ""},
		{"a batch answered in halves", `
			{"start":1,"end":2,"op":"add","counter":"a","n":5,"batch":1,"whole":true,"code":"ok","value":5,"revision":1}
			{"start":1,"end":2,"op":"add","counter":"b","n":5,"batch":1,"whole":true,"code":"aborted"}`,
			"batch 1 was to be carried out all or none, but ["},
		{"something between two of a batch", `
			{"start":1,"end":9,"op":"add","n":5,"batch":1,"whole":true,"code":"ok","value":5,"revision":1}
			{"start":1,"end":9,"op":"add","n":5,"batch":1,"whole":true,"code":"ok","value":11,"revision":3}
			{"start":1,"end":9,"op":"add","n":1,"code":"ok","value":6,"revision":2}`,
			"something came between two operations of one batch"},
		{"a check that held", `
			{"start":1,"end":2,"op":"add","n":5,"code":"ok","value":5,"revision":1}
			{"start":3,"end":4,"op":"check","n":1,"batch":1,"code":"ok","value":5,"revision":1}
			{"start":3,"end":4,"op":"add","n":5,"batch":1,"code":"ok","value":10,"revision":2}`, ""},
		{"a check that did not hold when it was passed", `
			{"start":1,"end":2,"op":"add","n":5,"code":"ok","value":5,"revision":1}
			{"start":3,"end":9,"op":"add","n":5,"code":"ok","value":10,"revision":2}
			{"start":3,"end":9,"op":"check","n":1,"batch":1,"code":"ok","value":5,"revision":1}
			{"start":3,"end":9,"op":"add","n":5,"batch":1,"code":"ok","value":15,"revision":3}`,
			"something came between two operations of one batch"},
		{"a repeat with the same answer", `
			{"start":1,"end":2,"op":"add","n":5,"key":"k","code":"ok","value":5,"revision":1,"replayed":false}
			{"start":3,"end":4,"op":"add","n":5,"key":"k","code":"ok","value":5,"revision":1,"replayed":true}`, ""},
		{"an identity with two answers", `
			{"start":1,"end":2,"op":"add","n":5,"key":"k","code":"ok","value":5,"revision":1}
			{"start":3,"end":4,"op":"add","n":5,"key":"k","code":"ok","value":10,"revision":2}`,
			"one identity got two answers"},
		{"an identity carried out twice, told by values alone", `
			{"start":1,"op":"add","n":5,"key":"k"}
			{"start":3,"end":4,"op":"add","n":5,"key":"k","code":"ok","value":10}`,
			"nothing leads from no counter to ["},
		{"an identity with two operations", `
			{"start":1,"end":2,"op":"add","n":5,"key":"k","code":"ok","value":5,"revision":1}
			{"start":3,"end":4,"op":"add","n":6,"key":"k","code":"ok","value":11,"revision":2}`,
			"one identity was accepted for two operations"},
		{"a repeat of nothing", `
			{"start":1,"end":2,"op":"add","n":5,"key":"k","code":"ok","value":5,"revision":1,"replayed":true}`,
			"but nobody had asked for it before"},
		{"a conflict with nothing", `
			{"start":1,"end":2,"op":"add","n":5,"key":"k","code":"conflict"}`,
			"but its identity was used for nothing else"},
		{"a conflict with itself", `
			{"start":1,"end":2,"op":"add","n":5,"key":"k","code":"ok","value":5,"revision":1}
			{"start":1,"end":2,"op":"add","n":6,"key":"k","code":"conflict"}
			{"start":3,"end":4,"op":"add","n":5,"key":"k","code":"conflict"}`,
			"but the same operation was accepted"},
		{"forgotten by an outcome", `
			{"start":1,"end":2,"op":"add","n":5,"key":"k","code":"ok","value":5,"revision":1}
			{"start":3,"end":4,"op":"outcome","key":"k","code":"absent"}`,
			"it was forgotten"},
		{"an outcome tells of a lost request", `
			{"start":1,"op":"add","n":5,"key":"k"}
			{"start":3,"end":4,"op":"outcome","key":"k","code":"ok","value":5,"revision":1}
			{"start":5,"end":6,"op":"get","code":"ok","value":0,"revision":0}`,
			"a stale read"},
		{"an outcome keeps a lost request for later", `
			{"start":1,"op":"add","n":5,"key":"k"}
			{"start":5,"end":6,"op":"outcome","key":"k","code":"absent"}
			{"start":2,"end":3,"op":"get","code":"ok","value":5,"revision":1}`,
			"revisions are missing"},
		{"too old within the window", `
			{"start":1,"end":2,"op":"add","n":5,` + session + `,"number":128,"code":"ok","value":5,"revision":1}
			{"start":3,"end":4,"op":"add","n":5,` + session + `,"number":1,"code":"too-old"}`,
			"but nothing in the session had gone so far beyond it"},
		{"too old behind the window", `
			{"start":1,"end":2,"op":"add","n":5,` + session + `,"number":129,"code":"ok","value":5,"revision":1}
			{"start":3,"end":4,"op":"add","n":5,` + session + `,"number":1,"code":"too-old"}`, ""},
		{"too old below the lowest wanted", `
			{"start":1,"end":2,"op":"add","n":5,` + session + `,"number":9,"lowest":8,"code":"ok","value":5,"revision":1}
			{"start":3,"end":4,"op":"add","n":5,` + session + `,"number":7,"code":"too-old"}`, ""},
		{"too old and then carried out", `
			{"start":1,"end":2,"op":"add","n":5,` + session + `,"number":9,"lowest":8,"code":"ok","value":5,"revision":1}
			{"start":3,"end":4,"op":"add","n":5,` + session + `,"number":7,"code":"too-old"}
			{"start":5,"end":6,"op":"add","n":5,` + session + `,"number":7,"code":"ok","value":10,"revision":2}`,
			`answered too-old, at 3ns–4ns], and later [`},
		{"no such session, and then one", `
			{"start":1,"end":2,"op":"add","n":5,` + session + `,"number":1,"code":"no-session"}
			{"start":3,"end":4,"op":"add","n":5,` + session + `,"number":2,"code":"ok","value":5,"revision":1}`,
			"of the same session"},
		{"a session before it was granted", `
			{"start":1,"end":2,"op":"add","n":5,` + session + `,"number":1,"code":"ok","value":5,"revision":1}
			{"start":3,"end":4,"op":"open-session","code":"ok","revision":170}`,
			"before its session was granted"},
		{"a session granted twice", `
			{"start":1,"end":2,"op":"open-session","code":"ok","revision":170}
			{"start":3,"end":4,"op":"open-session","code":"ok","revision":170}`,
			"one session was granted twice"},
		{"a wrap", `
			{"start":1,"end":2,"op":"set","n":9223372036854775807,"code":"ok","value":9223372036854775807,"revision":1}
			{"start":3,"end":4,"op":"add","n":1,"code":"ok","value":-9223372036854775808,"revision":2}`,
			"no int64 and the amount make that value: it wrapped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := Read(strings.NewReader(c.history))
			if err != nil {
				t.Fatal(err)
			}
			report, err := Check(h)
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Undecided) > 0 || c.want == "" && report.Err() != nil || !strings.Contains(report.String(), c.want) {
				t.Errorf("want %q, got:\n%s", c.want, report)
			}
		})
	}
}
