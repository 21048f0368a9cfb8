package journal

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/lang"
)

var update = flag.Bool("update", false, "write the golden files anew")

var history = regexp.MustCompile(`(history|historia) [0-9a-f]{16}`)

// The reports are golden files, to be read.
func TestCheckReports(t *testing.T) {
	tests := map[string]func(t *testing.T) *disktest.FS{
		"empty": func(t *testing.T) *disktest.FS {
			mem := disktest.New()
			must(t, mem.MkdirAll(dir))
			return mem
		},
		"stopped": func(t *testing.T) *disktest.FS {
			mem, _, _ := sampleSnapshot(t)
			return mem
		},
		"killed": func(t *testing.T) *disktest.FS {
			mem, _, _ := sampleLog(t, false)
			files := segmentFiles(t, mem)
			last := files[len(files)-1]
			at := records(load(t, mem, last))
			patch(t, mem, last, at[len(at)-1]-1, 0)
			must(t, disktest.WriteFile(mem, path.Join(dir, snapshotName(2)+tmpSuffix), []byte("half")))
			return mem
		},
		"damaged": func(t *testing.T) *disktest.FS {
			mem, _, _ := sampleLog(t, true)
			patch(t, mem, segmentFiles(t, mem)[1], 100, 0xff)
			return mem
		},
	}
	for name, prepare := range tests {
		mem := prepare(t)
		mem.OnCall(func(c disktest.Call) error {
			if c.Op != disktest.Lock {
				t.Errorf("%s: check calls %+v", name, c)
			}
			return nil
		})
		var english, spanish strings.Builder
		err := Check(mem, dir, func(line lang.Text) error {
			fmt.Fprintln(&english, line.EN)
			fmt.Fprintln(&spanish, line.ES)
			return nil
		})
		if err != nil {
			fmt.Fprintln(&english, err)
			if damage, ok := errors.AsType[*DamageError](err); ok {
				fmt.Fprintln(&spanish, damage.Reason.ES)
			}
		}
		got := history.ReplaceAllString(english.String()+"\n"+spanish.String(), "$1 H")
		file := filepath.Join("testdata", "check-"+name+".txt")
		if *update {
			must(t, os.WriteFile(file, []byte(got), 0o600))
		}
		want, err := os.ReadFile(file)
		must(t, err)
		if got != string(want) {
			t.Errorf("%s:\n%swant:\n%s", name, got, want)
		}
	}
}

// answers makes a session's answers.
func answers(all ...Answer) func(*Record) {
	return func(r *Record) {
		r.Session(5)
		for _, a := range all {
			a.Session = 5
			r.Answer(a.Session, a.Number, a.Lowest, &a.Kept)
		}
	}
}

// What is in order passes, however far the numbers go.
func TestCheckPasses(t *testing.T) {
	mem := disktest.New()
	j, _, _ := mustOpen(t, mem)
	var r Record
	r.Reset(1)
	var all []Answer
	for _, n := range []uint64{1, 129, 2, 127, 128, 130, 257, 258, 1 << 40, 1<<40 - 1, 1<<64 - 1} {
		lowest := uint64(2)
		if n == 1 || n > 129 {
			lowest = max(1, n-min(n, 127))
		}
		if n == 1<<40-1 {
			lowest = 1<<40 - 127
		}
		all = append(all, Answer{Number: n, Lowest: lowest, Kept: Kept{Code: cuenta.NumCodes - 1}})
	}
	answers(all...)(&r)
	must(t, j.Append(&r))
	must(t, j.Seal())
	must(t, j.Close())
	must(t, Check(mem, dir, unheard))
}

func TestCheckLooksAtContents(t *testing.T) {
	tests := map[string]func(*Record){
		`name "a b", which is not valid`:    func(r *Record) { r.Open(5, []byte("a b"), 1, 1) },
		"cell 5 is opened twice":            func(r *Record) { r.Open(5, []byte("a"), 1, 1); r.Open(5, []byte("a"), 1, 2) },
		"cell 5 has revision 3 behind 3":    func(r *Record) { r.Open(5, []byte("a"), 1, 3); r.Set(5, 2, 3) },
		"cell 6 is set before it is opened": func(r *Record) { r.Open(5, []byte("a"), 1, 3); r.Set(6, 2, 3) },

		"cell 5 has terms before it is opened":      func(r *Record) { r.Terms(5, 1, Terms{}); r.Open(5, []byte("a"), 1, 1) },
		"terms of revision 2, and is at revision 3": func(r *Record) { r.Open(5, []byte("a"), 1, 3); r.Terms(5, 2, Terms{}) },
		"terms of revision 4, and is at revision 3": func(r *Record) { r.Open(5, []byte("a"), 1, 3); r.Terms(5, 4, Terms{}) },
		"cell 5 has a floor of 2 above its ceiling of 1": func(r *Record) {
			r.Open(5, []byte("a"), 1, 1)
			r.Terms(5, 1, Terms{Floor: bound(2), Ceiling: bound(1)})
		},

		"cell 5 has a hold before it is opened": func(r *Record) { r.Hold(5, 1, Hold{1, 1, 1}); r.Open(5, []byte("a"), 1, 1) },
		"cell 5 has a hold of revision 2, and is at revision 3": func(r *Record) {
			r.Open(5, []byte("a"), 1, 3)
			r.Hold(5, 2, Hold{1, 1, 1})
		},
		"cell 5 has a hold of revision 4, and is at revision 3": func(r *Record) {
			r.Open(5, []byte("a"), 1, 3)
			r.Hold(5, 4, Hold{1, 1, 1})
		},
		"cell 5 has the hold 4 at revision 3, before it was made": func(r *Record) {
			r.Open(5, []byte("a"), 1, 3)
			r.Hold(5, 3, Hold{4, 1, 1})
		},
		"cell 5 has the end of a hold of revision 2, and is at revision 3": func(r *Record) {
			r.Open(5, []byte("a"), 1, 3)
			r.Hold(5, 3, Hold{1, 1, 1})
			r.Unhold(5, 2, 1)
		},
		"cell 5 has the hold 2 no more, and never had it": func(r *Record) {
			r.Open(5, []byte("a"), 1, 3)
			r.Hold(5, 3, Hold{1, 1, 1})
			r.Unhold(5, 3, 2)
		},
		"cell 5 has the hold 1 no more, and never had it": func(r *Record) { // it went with its counter
			r.Open(5, []byte("a"), 1, 3)
			r.Hold(5, 3, Hold{1, 1, 1})
			r.Drop(5, 4)
			r.Open(5, []byte("a"), 1, 5)
			r.Unhold(5, 5, 1)
		},

		"a session has the number 0":        func(r *Record) { r.Session(0) },
		`idempotency key "a b" is not val`:  func(r *Record) { r.Key([]byte("a b"), Kept{}) },
		"the code 100, which means nothing": func(r *Record) { r.Key([]byte("a"), Kept{Code: 100}) },
		"has the code 101":                  answers(Answer{Number: 1, Lowest: 1, Kept: Kept{Code: 101}}),
		"has two answers to number 3":       answers(Answer{Number: 3, Lowest: 2}, Answer{Number: 3, Lowest: 3}),
		"two answers to number 130":         answers(Answer{Number: 130, Lowest: 3}, Answer{Number: 131, Lowest: 130}, Answer{Number: 130, Lowest: 130}),
		"from 2 on, and from 3 on before":   answers(Answer{Number: 3, Lowest: 3}, Answer{Number: 4, Lowest: 2}),
		"an answer to number 130, and rem":  answers(Answer{Number: 130, Lowest: 2}),
	}
	for message, make := range tests {
		mem := disktest.New()
		j, _, _ := mustOpen(t, mem)
		var r Record
		r.Reset(1)
		make(&r)
		must(t, j.Append(&r))
		must(t, j.Seal())
		must(t, j.Close())
		if err := Check(mem, dir, unheard); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("want %q: %v", message, err)
		}
	}
}

// The same on the operating system's files, as it is used.
func TestOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	b := newBook()
	j, _, err := Open(disk.OS, dir, b, Options{SegmentSize: small})
	must(t, err)
	if _, _, err := Open(disk.OS, dir, newBook(), Options{}); !errors.Is(err, disk.ErrLocked) {
		t.Errorf("second open: %v", err)
	}
	fill(t, j, b, rng(1), 4)
	must(t, b.snapshot(j, 1))
	fill(t, j, b, rng(2), 6)
	must(t, j.Seal())
	must(t, j.Close())
	must(t, Check(disk.OS, dir, unheard))
	got := newBook()
	j, rec, err := Open(disk.OS, dir, got, Options{SegmentSize: small})
	must(t, err)
	if !got.equal(b) || !rec.Sealed {
		t.Errorf("recovered %v, %+v", got.cells, rec)
	}
	must(t, j.Close())
	if err := Check(disk.OS, filepath.Join(dir, "none"), unheard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("check of nothing: %v", err)
	}
}
