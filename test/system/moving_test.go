package system

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// did runs a command that must succeed.
func (s *server) did(stdin string, args ...string) (stdout string) {
	s.t.Helper()
	stdout, exit := s.cuenta(stdin, args...)
	if exit != 0 {
		s.t.Fatalf("cuenta %v: exit status %d: %s", args, exit, stdout)
	}
	return stdout
}

func TestImportAndExport(t *testing.T) {
	s := serve(t, "--log-level", "error")
	if out := s.did("visitas,13\n\"a,\"\"b\"\"\",-4\n", "import", "-"); !strings.HasPrefix(out, "2 counters imported in ") {
		t.Errorf("import printed %q", out)
	}
	for range 2 {
		s.did("visitas,2\n", "import", "--add", "--as", "monday", "-")
	}
	const want = "name,value\nvisitas,15\n\"a,\"\"b\"\"\",-4\n"
	if out := s.did("", "export"); out != want {
		t.Errorf("export printed %q, want %q", out, want)
	}
	if out := s.did("", "get", "visitas", "--remote", s.fronts["rpc"]); out != "15\n" {
		t.Errorf("get printed %q", out)
	}
	out, exit := s.cuenta("a,1\nb\n", "import", "--remote", s.fronts["rpc"], "-")
	if exit != 1 || !strings.Contains(out, "line 2: want name,value\n") || !strings.Contains(out, "1 counters imported") {
		t.Errorf("exit status %d: %s", exit, out)
	}
	s.did("", "stop", "resp")
	if out, exit := s.cuenta("a,1\n", "import", "-"); exit != 1 || !strings.Contains(out, "`cuenta start resp`") {
		t.Errorf("exit status %d: %s", exit, out)
	}
}

// restored starts a server on what a backup is restored to.
func restored(t *testing.T, from *server, backup string) *server {
	t.Helper()
	s := &server{t: t, dir: shortDir(t), flags: from.flags}
	from.did("", "restore", backup, s.data())
	s.start()
	t.Cleanup(s.kill)
	return s
}

// TestBackupWhileItCounts takes backups while clients count and the server is
// killed at last. Each has all that was acknowledged before it was begun, and
// nothing that was never sent.
func TestBackupWhileItCounts(t *testing.T) {
	s := serve(t, "--log-level", "error")
	const counters = 4
	var acked [counters]atomic.Int64
	var counting sync.WaitGroup
	stop := make(chan struct{})
	for i := range counters {
		c := s.client("tcp")
		counting.Go(func() {
			defer c.close()
			for {
				select {
				case <-stop:
					return
				default:
				}
				n, err := c.do(fmt.Sprintf("inc.1 @c%d", i))
				if err != nil {
					return // the server was killed
				}
				acked[i].Store(n)
			}
		})
	}
	type copied struct {
		dir           string
		before, after [counters]int64
	}
	var copies []copied
	look := func() (values [counters]int64) {
		for i := range acked {
			values[i] = acked[i].Load()
		}
		return values
	}
	for i := range 3 {
		c := copied{dir: filepath.Join(s.dir, fmt.Sprint("backup", i)), before: look()}
		s.did("", "backup", c.dir)
		c.after = look()
		copies = append(copies, c)
	}
	s.kill()
	close(stop)
	counting.Wait()
	last := copied{dir: filepath.Join(s.dir, "killed"), before: look()}
	s.did("", "backup", last.dir)
	last.after = last.before
	for _, c := range append(copies, last) {
		s.did("", "check", c.dir)
		r := restored(t, s, c.dir)
		at := r.client("tcp")
		for i := range counters {
			// What was under way at the end counts as well.
			n, err := at.do(fmt.Sprintf("inc.0 @c%d", i))
			if err != nil || n < c.before[i] || n > c.after[i]+1 {
				t.Errorf("%s: c%d is %d, %v; acknowledged were %d before and %d after", c.dir, i, n, err, c.before[i], c.after[i])
			}
		}
		at.close()
		r.kill()
	}
}

// TestRestoreBeginsANewHistory remembers keys, and refuses sessions.
func TestRestoreBeginsANewHistory(t *testing.T) {
	s := serve(t, "--log-level", "error")
	ctx := context.Background()
	c := goRedis(t, s, 2)
	session, err := c.Do(ctx, "CUENTA.SESSION").Text()
	if err != nil {
		t.Fatal(err)
	}
	once := []any{"CUENTA.ONCE", "key-1", "INCRBY", "a", 5}
	if n, err := c.Do(ctx, once...).Int64(); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := c.Do(ctx, "CUENTA.SEQ", session, 1, "INCRBY", "a", 1).Int64(); n != 6 || err != nil {
		t.Fatal(n, err)
	}
	backup := filepath.Join(s.dir, "backup")
	s.did("", "backup", backup)
	r := restored(t, s, backup)
	c = goRedis(t, r, 2)
	if n, err := c.Do(ctx, once...).Int64(); n != 5 || err != nil {
		t.Errorf("a repeat by its key: %d, %v", n, err)
	}
	for _, number := range []int{1, 2} {
		if err := c.Do(ctx, "CUENTA.SEQ", session, number, "INCRBY", "a", 1).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOSESSION") {
			t.Errorf("number %d of a session of before: %v", number, err)
		}
	}
	if n, err := c.Get(ctx, "a").Int64(); n != 6 || err != nil {
		t.Errorf("a is %d, %v", n, err)
	}
	if out, exit := s.cuenta("", "restore", backup, r.data()); exit != 1 || !strings.Contains(out, "is not empty") {
		t.Errorf("exit status %d: %s", exit, out)
	}
}

// TestKilledBackup kills backups at moments all through. What is left is the whole,
// or nothing, or says of itself that it is not finished.
func TestKilledBackup(t *testing.T) {
	s := serve(t, "--log-level", "error")
	var text strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "counter-with-a-longer-name-%06d,%d\n", i, i)
	}
	s.did(text.String(), "import", "-")
	began := time.Now()
	s.did("", "backup", filepath.Join(s.dir, "whole"))
	took := time.Since(began)
	const kills = 12
	unfinished := 0
	for i := range kills {
		dir := filepath.Join(s.dir, fmt.Sprint("killed", i))
		cmd := exec.Command(executable, "backup", dir, "--data", s.data())
		cmd.Dir = s.dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(took * time.Duration(i) / kills) // which moment it is does not matter
		_ = cmd.Process.Signal(syscall.SIGKILL)     // it may be done already
		_ = cmd.Wait()
		if _, err := os.Stat(filepath.Join(dir, "UNFINISHED")); err == nil {
			unfinished++
			for _, args := range [][]string{{"check", dir}, {"restore", dir, dir + "-restored"}, {"backup", dir + "-again", "--data", dir}, {"serve", "--data", dir}} {
				if out, exit := s.cuenta("", args...); exit != 1 || !strings.Contains(out, "never finished") {
					t.Errorf("cuenta %v: exit status %d: %s", args, exit, out)
				}
			}
			continue
		}
		names, err := os.ReadDir(dir)
		if errors.Is(err, os.ErrNotExist) || err == nil && len(names) == 0 {
			continue
		}
		if out := s.did("", "check", dir); !strings.Contains(out, "100000 counters") {
			t.Errorf("a copy that looks whole: %s", out)
		}
	}
	t.Logf("%d of %d backups were killed while they were written", unfinished, kills)
}
