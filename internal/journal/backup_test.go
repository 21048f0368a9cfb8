package journal

import (
	"context"
	"errors"
	"math"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/lang"
)

const copied = "/copy"

func unseen(int64, int64) {}

// backup makes a backup that must succeed.
func backup(t testing.TB, fs disk.FS, to string) {
	t.Helper()
	must(t, Backup(context.Background(), fs, dir, to, unseen, unheard))
}

// recovered opens what is in a directory of a copy of the file system.
func recovered(t testing.TB, fs *disktest.FS, from string) (*book, Recovery) {
	t.Helper()
	b := newBook()
	j, rec, err := Open(fs.Crash(100, 1), from, b, Options{SegmentSize: small})
	must(t, err)
	must(t, j.Close())
	return b, rec
}

func TestBackupAtEveryMoment(t *testing.T) {
	fs, rnd := disktest.New(), rng(3)
	j, b, first := mustOpen(t, fs)
	var r Record
	for i := range 60 {
		to := path.Join(copied, string(rune('A'+i)))
		backup(t, fs, to)
		got, rec := recovered(t, fs, to)
		if !got.equal(b) || !rec.Sealed || rec.Cut != nil || rec.History != first.History || rec.Sequence != j.Sequence()+1 {
			t.Fatalf("after %d groups: %+v holds %v, want %v", i, rec, got.cells, b.cells)
		}
		b.group(&r, rnd, int64(i+1), 4, 30)
		must(t, appendWhenRoom(j, &r))
		if i%20 == 10 {
			must(t, b.snapshot(j, int64(i)))
		}
	}
	must(t, j.Seal())
	must(t, j.Close())
	backup(t, fs, copied+"/stopped")
	if got, rec := recovered(t, fs, copied+"/stopped"); !got.equal(b) || !rec.Sealed || rec.Sequence != j.Sequence() {
		t.Errorf("of a server that was stopped: %+v", rec)
	}
}

// TestBackupUnderLoad takes backups while groups are appended and snapshots
// replace what is being copied. Each is the state of one moment, no earlier than
// when it was begun.
func TestBackupUnderLoad(t *testing.T) {
	fs, rnd := disktest.New(), rng(4)
	j, b, _ := mustOpen(t, fs)
	var mu sync.Mutex
	grown := sync.NewCond(&mu)
	states := map[uint64]*book{0: b.clone()} // by the sequence of the last record
	acknowledged := uint64(0)
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		defer func() {
			mu.Lock()
			acknowledged = math.MaxUint64 // nothing more is to be waited for
			grown.Broadcast()
			mu.Unlock()
		}()
		var r Record
		for i := int64(1); ; i++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			b.group(&r, rnd, i, 4, 30)
			if err := appendWhenRoom(j, &r); err != nil {
				stopped <- err
				return
			}
			mu.Lock()
			acknowledged = j.Sequence()
			states[acknowledged] = b.clone()
			grown.Broadcast()
			mu.Unlock()
			if i%40 == 0 {
				if err := b.snapshot(j, i); err != nil {
					stopped <- err
					return
				}
			}
		}
	}()
	for i := range 40 {
		mu.Lock()
		before := acknowledged
		mu.Unlock()
		to := path.Join(copied, string(rune('A'+i)))
		backup(t, fs, to)
		got, rec := recovered(t, fs, to)
		// The last record is its own seal. One that was the log's may be before it.
		last := rec.Sequence - 1
		mu.Lock()
		for acknowledged < last {
			grown.Wait()
		}
		want := states[last]
		if want == nil {
			want = states[last-1]
		}
		mu.Unlock()
		if last < before {
			t.Fatalf("backup %d ends with sequence %d, and was begun at %d", i, last, before)
		}
		if want == nil || !got.equal(want) {
			t.Fatalf("backup %d through %d holds %v, want %v", i, last, got.cells, want)
		}
	}
	close(stop)
	must(t, <-stopped)
	must(t, j.Close())
}

// racing is a file system in which something happens before some of its calls.
type racing struct {
	disk.FS
	before func(call, name string)
}

func (r *racing) OpenRead(name string) (disk.File, error) {
	r.before("open", path.Base(name)[:len(segmentPrefix)])
	return r.FS.OpenRead(name)
}

func (r *racing) List(name string) ([]string, error) {
	r.before("list", name)
	return r.FS.List(name)
}

// TestBackupWhileASnapshotIsReplaced removes what was listed before it is opened:
// the snapshot, a segment, or the first segments before they are listed.
func TestBackupWhileASnapshotIsReplaced(t *testing.T) {
	for _, race := range []struct{ call, name string }{{"open", "snap"}, {"open", segmentPrefix}, {"list", dir}} {
		for _, begun := range []bool{false, true} {
			fs, rnd := disktest.New(), rng(5)
			j, b, _ := mustOpen(t, fs)
			fill(t, j, b, rnd, 3)
			if begun {
				must(t, b.snapshot(j, 5))
			}
			calls := 0
			backup(t, &racing{fs, func(call, name string) {
				if call != race.call || name != race.name {
					return
				}
				// The first listing finds the snapshot, the second the segments.
				if calls++; calls == 1 && call == "open" || calls == 2 && call == "list" {
					fill(t, j, b, rnd, j.Stats().Active+2)
					must(t, b.snapshot(j, 6))
				}
			}}, copied)
			if got, _ := recovered(t, fs, copied); !got.equal(b) {
				t.Errorf("%v: it holds %v, want %v", race, got.cells, b.cells)
			}
			must(t, j.Close())
		}
	}
}

// TestBackupOfTooLittle misses what no snapshot has replaced.
func TestBackupOfTooLittle(t *testing.T) {
	mem, _, _ := sampleSnapshot(t)
	must(t, mem.Remove(segmentFiles(t, mem)[0]))
	var damage *DamageError
	if err := Backup(t.Context(), mem, dir, copied, unseen, unheard); !errors.As(err, &damage) || !strings.Contains(err.Error(), "missing") {
		t.Error(err)
	}
}

func TestBackupOfDamage(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, mem *disktest.FS, files []string){
		"a record": func(t *testing.T, mem *disktest.FS, files []string) {
			last := files[len(files)-1]
			flip(t, mem, last, records(load(t, mem, last))[0]+recordHead)
		},
		"a record of a sealed segment": func(t *testing.T, mem *disktest.FS, files []string) {
			flip(t, mem, files[0], headSize+recordHead)
		},
		"a seal": func(t *testing.T, mem *disktest.FS, files []string) {
			at := records(load(t, mem, files[0]))
			flip(t, mem, files[0], at[len(at)-2]+1)
		},
		"a header": func(t *testing.T, mem *disktest.FS, files []string) { flip(t, mem, files[1], 20) },
	} {
		mem, _, _ := sampleLog(t, false)
		spoil(t, mem, segmentFiles(t, mem))
		err := Backup(t.Context(), mem, dir, copied, unseen, unheard)
		var damage *DamageError
		if !errors.As(err, &damage) || !strings.HasPrefix(damage.File, dir) && name != "a record of a sealed segment" {
			t.Errorf("%s: %v", name, err)
		}
		if names, err := mem.List(copied); err != nil || len(names) > 0 {
			t.Errorf("%s: %q is left, %v", name, names, err)
		}
	}
}

// TestBackupOfAKilledServer leaves out what was never finished.
func TestBackupOfAKilledServer(t *testing.T) {
	mem, before, _ := sampleLog(t, false)
	files := segmentFiles(t, mem)
	last := files[len(files)-1]
	at := records(load(t, mem, last))
	patch(t, mem, last, at[len(at)-2]+recordHead, 0xff)
	backup(t, mem, copied)
	if got, rec := recovered(t, mem, copied); !got.equal(before) || !rec.Sealed {
		t.Errorf("%+v holds %v, want %v", rec, got.cells, before.cells)
	}
}

func TestCopiesNeedAnEmptyDirectory(t *testing.T) {
	mem, _, want := sampleLog(t, true)
	must(t, mem.MkdirAll(copied))
	must(t, disktest.WriteFile(mem, copied+"/mine", []byte("mine")))
	for name, copy := range map[string]func() error{
		"backup":  func() error { return Backup(t.Context(), mem, dir, copied, unseen, unheard) },
		"restore": func() error { return Restore(t.Context(), mem, dir, copied, unseen, unheard) },
		"itself":  func() error { return Backup(t.Context(), mem, dir, dir, unseen, unheard) },
		"nothing": func() error { return Backup(t.Context(), mem, copied, "/other", unseen, unheard) },
		"missing": func() error { return Restore(t.Context(), mem, "/nowhere", "/other", unseen, unheard) },
	} {
		if err := copy(); err == nil {
			t.Errorf("%s went well", name)
		}
	}
	if names, err := mem.List(copied); err != nil || !slices.Equal(names, []string{"mine"}) {
		t.Errorf("%q, %v", names, err)
	}
	if got, _ := recovered(t, mem, dir); !got.equal(want) {
		t.Error("the data directory has changed")
	}
}

func TestCopiesStop(t *testing.T) {
	mem, _, _ := sampleSnapshot(t)
	for _, copy := range []func(context.Context, disk.FS, string, string, func(int64, int64), lang.Teller) error{Backup, Restore} {
		ctx, cancel := context.WithCancel(t.Context())
		err := copy(ctx, mem, dir, copied, func(done, total int64) {
			if done > total {
				t.Errorf("%d of %d bytes", done, total)
			}
			cancel()
		}, unheard)
		if names, _ := mem.List(copied); !errors.Is(err, context.Canceled) || len(names) > 0 {
			t.Errorf("%v, %q", err, names)
		}
	}
}

// copyings are the two ways to make a copy, of the same directory.
var copyings = map[string]func(fs disk.FS) error{
	"backup":  func(fs disk.FS) error { return Backup(context.Background(), fs, dir, copied, unseen, unheard) },
	"restore": func(fs disk.FS) error { return Restore(context.Background(), fs, dir, copied, unseen, unheard) },
}

// TestPowerCutAtEveryCallOfACopy cuts the power at every call that a copy makes.
// What is there then is the whole copy, or nothing that anybody opens.
func TestPowerCutAtEveryCallOfACopy(t *testing.T) {
	for name, copy := range copyings {
		for _, keep := range []int{0, 50, 100} {
			mem, want, _ := sampleSnapshot(t)
			var crashed []*disktest.FS
			mem.OnCall(func(disktest.Call) error {
				crashed = append(crashed, mem.Crash(keep, uint64(len(crashed))))
				return nil
			})
			must(t, copy(mem))
			mem.OnCall(nil)
			crashed = append(crashed, mem.Crash(0, 0))
			whole := 0
			for i, fs := range crashed {
				names, err := fs.List(copied)
				if err != nil || len(names) == 0 {
					continue
				}
				got := newBook()
				j, rec, err := Open(fs, copied, got, Options{SegmentSize: small})
				var unfinished *UnfinishedError
				switch {
				case errors.As(err, &unfinished):
					if err := Check(fs, copied, unheard); !errors.As(err, &unfinished) {
						t.Errorf("%s, cut at call %d: the check says %v", name, i, err)
					}
				case err != nil:
					t.Errorf("%s, cut at call %d: %v", name, i, err)
				default:
					whole++
					must(t, j.Close())
					if got.clients = want.clients; !got.equal(want) || !rec.Sealed {
						t.Errorf("%s, cut at call %d: it holds %v, want %v", name, i, got.cells, want.cells)
					}
				}
			}
			if whole == 0 || whole > 4 {
				t.Errorf("%s: %d of %d copies are whole", name, whole, len(crashed))
			}
		}
	}
}

// TestEveryCallOfACopyFails leaves nothing, or what nobody opens.
func TestEveryCallOfACopyFails(t *testing.T) {
	broken := errors.New("broken")
	for name, copy := range copyings {
		for n := 1; ; n++ {
			mem, _, _ := sampleSnapshot(t)
			mem.FailNth(n, func(disktest.Call) bool { return true }, broken)
			err := copy(mem)
			if err == nil {
				break // there are fewer calls
			}
			if !errors.Is(err, broken) {
				t.Fatalf("%s, call %d: %v", name, n, err)
			}
			names, err := mem.List(copied)
			if err != nil || len(names) == 0 {
				continue
			}
			var unfinished *UnfinishedError
			if _, _, err := Open(mem, copied, newBook(), Options{SegmentSize: small}); !errors.As(err, &unfinished) && !slices.Contains(names, lockName) {
				t.Errorf("%s, call %d: %q is left and opens with %v", name, n, names, err)
			}
		}
	}
}

func TestRestore(t *testing.T) {
	for name, sample := range map[string]func() (*disktest.FS, *book){
		"a log":      func() (*disktest.FS, *book) { mem, _, b := sampleLog(t, true); return mem, b },
		"unsealed":   func() (*disktest.FS, *book) { mem, _, b := sampleLog(t, false); return mem, b },
		"a snapshot": func() (*disktest.FS, *book) { mem, b, _ := sampleSnapshot(t); return mem, b },
		"nothing yet": func() (*disktest.FS, *book) {
			mem := disktest.New()
			j, b, _ := mustOpen(t, mem)
			must(t, j.Close())
			return mem, b
		},
	} {
		mem, want := sample()
		_, before := recovered(t, mem, dir)
		backup(t, mem, "/backup")
		must(t, Restore(t.Context(), mem, "/backup", copied, unseen, unheard))
		got, rec := recovered(t, mem, copied)
		if rec.History == before.History || rec.History == 0 || !rec.Sealed || rec.Time != before.Time || rec.Sequence < before.Sequence {
			t.Errorf("%s: %+v, before %+v", name, rec, before)
		}
		if len(got.sessions) > 0 || len(got.answers) > 0 || rec.Sessions > 0 {
			t.Errorf("%s: %d sessions were restored", name, len(got.sessions))
		}
		got.sessions, got.answers = want.sessions, want.answers
		if !got.equal(want) {
			t.Errorf("%s: it holds %v, want %v", name, got.cells, want.cells)
		}
		// It goes on as any other.
		must(t, Restore(t.Context(), mem, copied, "/again", unseen, unheard))
		if twice, _ := recovered(t, mem, "/again"); !twice.equal(&book{got.cells, got.gone, got.floor, got.holds, twice.clients}) {
			t.Errorf("%s: restored again it holds %v, want %v", name, twice.cells, want.cells)
		}
	}
}

func TestRestoreOfDamage(t *testing.T) {
	mem, _, name := sampleSnapshot(t)
	patch(t, mem, name, headSize+blockHead+3, 0xff)
	var damage *DamageError
	if err := Restore(t.Context(), mem, dir, copied, unseen, unheard); !errors.As(err, &damage) {
		t.Error(err)
	}
	if _, err := mem.List(copied); err == nil {
		t.Error("something was made")
	}
}

// TestRestoreOfADirectoryInUse is refused; a backup of it is what to restore.
func TestRestoreOfADirectoryInUse(t *testing.T) {
	mem := disktest.New()
	j, _, _ := mustOpen(t, mem)
	if err := Restore(t.Context(), mem, dir, copied, unseen, unheard); !errors.Is(err, disk.ErrLocked) {
		t.Error(err)
	}
	must(t, j.Close())
}
