package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/inspect"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// textOf is what an error says to a person in both languages.
func textOf(t *testing.T, err error) lang.Text {
	t.Helper()
	text, both := errors.AsType[lang.Text](err)
	if !both || text.EN != err.Error() || strings.Contains(text.ES+text.EN, "journal:") {
		t.Fatalf("not told to a person: %v", err)
	}
	return text
}

func expectTold(t *testing.T, err error, spanish, english string) {
	t.Helper()
	if got := textOf(t, err); !strings.Contains(got.ES, spanish) || !strings.Contains(got.EN, english) {
		t.Errorf("got %q and %q, want %q and %q", got.ES, got.EN, spanish, english)
	}
}

func TestDirectoryInUse(t *testing.T) {
	c := testConfig(t)
	s := start(t, c)
	defer s.Close()
	_, err := New(c)
	if !errors.Is(err, disk.ErrLocked) {
		t.Fatal(err)
	}
	expectTold(t, err, "el directorio de datos "+c.Data+" está en uso", "the data directory "+c.Data+" is in use")
	holder := "«fuser -v " + filepath.Join(c.Data, "*") + "»"
	if _, _, known := inspect.LockHolder(c.Data); known {
		holder = fmt.Sprintf("(pid %d)", os.Getpid())
	}
	if got := textOf(t, err); !strings.Contains(got.ES, holder) {
		t.Errorf("%q does not tell %q", got.ES, holder)
	}
	other := t.TempDir()
	restored := ExplainData(journal.Restore(t.Context(), disk.OS, c.Data, other, func(_, _ int64) {}, func(lang.Text) error { return nil }), c.Data, other)
	expectTold(t, restored, c.Data+" está en uso", c.Data+" is in use")
}

func TestDirectoriesThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "none")
	err := ExplainData(journal.Check(disk.OS, missing, func(lang.Text) error { return nil }), missing)
	expectTold(t, err, "no existe el directorio de datos "+missing, "there is no data directory "+missing)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not say why", err)
	}
	for _, data := range []string{file, filepath.Join(file, "below")} {
		c := testConfig(t)
		c.Data = data
		_, err := New(c)
		expectTold(t, err, "no se puede usar el directorio de datos "+data, "the data directory "+data+" cannot be used")
	}
	forbidden := &fs.PathError{Op: "open", Path: filepath.Join(dir, "LOCK"), Err: fs.ErrPermission}
	err = ExplainData(fmt.Errorf("journal: it cannot: %w", forbidden), missing, dir)
	expectTold(t, err, dir+" no se puede usar: no hay permiso para "+forbidden.Path, "no permission for "+forbidden.Path)
}

func TestDirectoryThatHoldsSomethingElse(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		err              error
		spanish, english string
	}{
		{&journal.DamageError{File: "log-1", Offset: 279, Reason: lang.Text{ES: "suma", EN: "checksum"}}, "log-1 está dañado en la posición 279: suma; no se cambió nada: guarde una copia", "log-1 is damaged at offset 279: checksum; nothing was changed"},
		{&journal.RefusedError{File: "log-1", Offset: 279, Part: lang.Text{ES: "registro", EN: "record"}, Err: lang.Text{ES: "raro", EN: "odd"}}, "log-1, registro en la posición 279: raro; no se cambió nada", "log-1, record at offset 279: odd; nothing was changed"},
		{&journal.VersionError{File: "log-1", Version: 99}, "log-1 tiene la versión de formato 99", "log-1 has format version 99"},
		{&journal.EmptyError{Dir: dir}, dir + " no contiene datos", dir + " holds no data"},
		{&journal.NotEmptyError{Dir: dir}, dir + " no está vacío", dir + " is not empty"},
		{&journal.UnfinishedError{Dir: dir}, dir + " es una copia que no se terminó", dir + " is a copy that was never finished"},
		{errors.New("journal: something rare"), "something rare", "something rare"},
	} {
		expectTold(t, ExplainData(fmt.Errorf("%w", c.err), dir), c.spanish, c.english)
	}
}

// What is not about the directory stays as it is.
func TestOtherErrorsStay(t *testing.T) {
	elsewhere := &fs.PathError{Op: "open", Path: "/elsewhere", Err: fs.ErrPermission}
	for _, err := range []error{nil, elsewhere, context.Canceled, fmt.Errorf("nothing was restored: %w", context.Canceled)} {
		if got := ExplainData(err, t.TempDir()); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}
