package server

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/inspect"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// ExplainData tells in a person's language why a data directory, or one of those that a
// command works on, cannot be used: what happened, to what, and what to do. What is
// about something else stays as it is.
func ExplainData(err error, dirs ...string) error {
	if err == nil {
		return nil
	}
	text, known := dataText(err, dirs)
	if !known {
		// The reader knows of no journal, only of the directory.
		said, ours := strings.CutPrefix(err.Error(), "journal: ")
		if !ours {
			return err
		}
		text = lang.Text{ES: said, EN: said}
	}
	return &told{text, err}
}

func dataText(err error, dirs []string) (lang.Text, bool) {
	if text, known := contentText(err); known {
		return text, true
	}
	if errors.Is(err, disk.ErrLocked) {
		return lockedText(dirs), true
	}
	file, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return lang.Text{}, false
	}
	dir, ok := dirOf(file.Path, dirs)
	if !ok {
		return lang.Text{}, false
	}
	isDir := filepath.Clean(file.Path) == filepath.Clean(dir)
	switch {
	case disk.IsFull(err):
		return lang.Text{
			ES: "el disco del directorio de datos %s está lleno; haga sitio e inténtelo otra vez",
			EN: "the disk of the data directory %s is full; make room and try again",
		}.Fill(dir), true
	case errors.Is(err, fs.ErrPermission):
		return lang.Text{
			ES: "el directorio de datos %s no se puede usar: no hay permiso para %s; hágalo con el usuario que lo tiene, o dele el directorio a este",
			EN: "the data directory %s cannot be used: there is no permission for %s; do it as the user who owns it, or give the directory to this one",
		}.Fill(dir, file.Path), true
	case isDir && errors.Is(err, fs.ErrNotExist):
		return lang.Text{
			ES: "no existe el directorio de datos %s; «cuenta info» dice cuál usa un servidor",
			EN: "there is no data directory %s; `cuenta info` tells which one a server uses",
		}.Fill(dir), true
	}
	return lang.Text{
		ES: "no se puede usar el directorio de datos %s: %s: %s; compruebe que es un directorio y que su disco funciona",
		EN: "the data directory %s cannot be used: %s: %s; see that it is a directory and that its disk works",
	}.Fill(dir, file.Path, lang.System(file.Err)), true
}

// contentText is about what a directory holds.
func contentText(err error) (lang.Text, bool) {
	if damaged, ok := errors.AsType[*journal.DamageError](err); ok {
		return lang.Text{
			ES: "%s está dañado en la posición %d: %s; no se cambió nada: guarde una copia del directorio y recupere el fichero de una copia de seguridad",
			EN: "%s is damaged at offset %d: %s; nothing was changed: keep a copy of the directory, then restore the file from a backup",
		}.Fill(damaged.File, damaged.Offset, damaged.Reason), true
	}
	if refused, ok := errors.AsType[*journal.RefusedError](err); ok {
		return lang.Text{
			ES: "%s, %s en la posición %d: %s; no se cambió nada",
			EN: "%s, %s at offset %d: %s; nothing was changed",
		}.Fill(refused.File, refused.Part, refused.Offset, refused.Err), true
	}
	if other, ok := errors.AsType[*journal.VersionError](err); ok {
		return lang.Text{
			ES: "%s tiene la versión de formato %d, que este programa no lee; no se cambió nada: use el programa que lo escribió, o uno de su versión",
			EN: "%s has format version %d, which this program does not read; nothing was changed: use the program that wrote it, or one of its version",
		}.Fill(other.File, other.Version), true
	}
	if begun, ok := errors.AsType[*journal.UnfinishedError](err); ok {
		return lang.Text{
			ES: "%s es una copia que no se terminó: bórrela y haga otra",
			EN: "%s is a copy that was never finished: remove it, and make another",
		}.Fill(begun.Dir), true
	}
	if empty, ok := errors.AsType[*journal.EmptyError](err); ok {
		return lang.Text{
			ES: "%s no contiene datos; indique el directorio de una copia o de un servidor",
			EN: "%s holds no data; name the directory of a backup, or of a server",
		}.Fill(empty.Dir), true
	}
	if full, ok := errors.AsType[*journal.NotEmptyError](err); ok {
		return lang.Text{
			ES: "%s no está vacío; indique un directorio que lo esté, o que no exista",
			EN: "%s is not empty; name a directory that is, or one that does not exist",
		}.Fill(full.Dir), true
	}
	return lang.Text{}, false
}

// lockedText says who has the directory, as far as that can be known.
func lockedText(dirs []string) lang.Text {
	for _, dir := range dirs {
		if pid, name, known := inspect.LockHolder(dir); known {
			return lang.Text{
				ES: "el directorio de datos %s está en uso: lo tiene %s (pid %d); termine ese proceso o use otro directorio",
				EN: "the data directory %s is in use: %s (pid %d) holds it; end that process, or use another directory",
			}.Fill(dir, nameOr(name), pid)
		}
	}
	where := strings.Join(dirs, ", ")
	return lang.Text{
		ES: "el directorio de datos %s está en uso: lo tiene otro proceso, que «fuser -v %s» da a conocer; termínelo o use otro directorio",
		EN: "the data directory %s is in use: another process holds it, which `fuser -v %s` tells; end that, or use another directory",
	}.Fill(where, filepath.Join(dirs[len(dirs)-1], "*"))
}

func nameOr(name string) any {
	if name == "" {
		return lang.Text{ES: "un proceso", EN: "a process"}
	}
	return name
}

// dirOf returns the directory that a file is in, or that it is, or that is in it.
func dirOf(file string, dirs []string) (string, bool) {
	isIn := func(file, dir string) bool {
		way, err := filepath.Rel(dir, file)
		return err == nil && filepath.IsLocal(way)
	}
	for _, dir := range dirs {
		if isIn(file, dir) || isIn(dir, file) {
			return dir, true
		}
	}
	return "", false
}
