package transfer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// Formats of files.
const (
	CSV   = "csv"   // name,value
	JSONL = "jsonl" // a JSON object on each line
	Env   = "env"   // NAME=value
)

// Formats lists them.
var Formats = []string{CSV, JSONL, Env}

// maxLine is the longest line that is looked at. It holds a page of 1000 counters
// as the API lists them.
const maxLine = 1 << 20

// lines is a file whose lines stand alone: one that cannot be read harms no other.
type lines struct {
	file  *os.File // nil if it is not ours to close
	in    *bufio.Reader
	parse func(line []byte, entries []Entry) []Entry
	line  int64
	found []Entry // still to be handed on

	done  atomic.Int64 // bytes
	total int64
}

// OpenFile opens a file of the format; an empty one is found out from its name
// and its first byte. The name - stands for stdin.
func OpenFile(name, format string, stdin io.Reader) (Source, error) {
	s := &lines{}
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			s.total = info.Size()
		}
		s.file, stdin = f, f
	}
	s.in = bufio.NewReaderSize(stdin, 64<<10)
	begin, err := s.in.Peek(5)
	if err != nil && err != io.EOF {
		return nil, errors.Join(err, s.Close())
	}
	if format == "" {
		format = formatOf(name, begin)
	}
	if isRedisFile(name, begin) {
		return nil, errors.Join(errRedisFile, s.Close())
	}
	switch format {
	case CSV:
		s.parse = parseCSV
	case JSONL:
		s.parse = parseJSON
	case Env:
		s.parse = parseEnv
	}
	return s, nil
}

// formatOf finds out the format of a file.
func formatOf(name string, begin []byte) string {
	switch base := strings.ToLower(filepath.Base(name)); filepath.Ext(base) {
	case ".csv":
		return CSV
	case ".json", ".jsonl", ".ndjson":
		return JSONL
	case ".env":
		return Env
	}
	if bytes.HasPrefix(bytes.TrimLeft(begin, " \t\r\n\ufeff"), []byte("{")) {
		return JSONL
	}
	return CSV
}

// isRedisFile reports whether it is what a Redis keeps on disk. There are as many
// formats of that as versions of Redis, and one program that reads all.
func isRedisFile(name string, begin []byte) bool {
	return string(begin) == "REDIS" || string(begin) == "*2\r\n$" || filepath.Ext(name) == ".aof"
}

var errRedisFile = lang.Text{
	ES: "es un fichero de Redis: arranque con él un redis-server (--dir y --dbfilename dicen cuál) e importe de redis://localhost",
	EN: "it is a file of a Redis: start a redis-server on it (--dir and --dbfilename name it) and import from redis://localhost"}

// Close closes the file.
func (s *lines) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// Progress counts bytes.
func (s *lines) Progress() (done, total int64) { return s.done.Load(), s.total }

func (s *lines) Read(ctx context.Context, entries []Entry) (int, error) {
	n := 0
	for {
		copied := copy(entries[n:], s.found)
		n, s.found = n+copied, s.found[copied:]
		if n == len(entries) {
			return n, nil
		}
		if err := ctx.Err(); err != nil {
			return n, err
		}
		if err := s.next(); err != nil {
			return n, err
		}
	}
}

var errLong = lang.Text{ES: "la línea pasa de %d bytes", EN: "the line is over %d bytes"}.Fill(maxLine)

// next reads a line and what is on it.
func (s *lines) next() error {
	line, size, err := s.readLine()
	if err != nil && (err != io.EOF || size == 0) {
		return err
	}
	s.line++
	s.done.Add(int64(size))
	if s.line == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	s.found = s.found[:0]
	switch {
	case size > maxLine:
		s.found = append(s.found, Entry{Wrong: errLong})
	case len(bytes.TrimSpace(line)) > 0 && !(s.line == 1 && string(line) == header):
		s.found = s.parse(line, s.found)
	}
	for i := range s.found {
		s.found[i].Line, s.found[i].Item = s.line, i
	}
	return nil
}

// readLine returns a line with its end, and its size; of one that is too long not all.
func (s *lines) readLine() (line []byte, size int, err error) {
	line, err = s.in.ReadSlice('\n')
	if size = len(line); err != bufio.ErrBufferFull {
		return line, size, err
	}
	line = bytes.Clone(line)
	for err == bufio.ErrBufferFull {
		var more []byte
		more, err = s.in.ReadSlice('\n')
		if size += len(more); size <= maxLine {
			line = append(line, more...)
		}
	}
	return line, size, err
}

// header is the first line of an export as CSV.
const header = "name,value"

var (
	errFields = lang.Text{ES: "se espera nombre,valor", EN: "want name,value"}
	errQuotes = lang.Text{ES: "unas comillas no se cierran en la línea", EN: "a quote is not closed on the line"}
	errValue  = lang.Text{
		ES: "%q no es un entero de -9223372036854775808 a 9223372036854775807",
		EN: "%q is no integer from -9223372036854775808 to 9223372036854775807"}
)

// parseCSV reads name,value. A field may be in quotes, and in them a doubled quote
// is one (RFC 4180); but it ends on its line, as every name does.
func parseCSV(line []byte, entries []Entry) []Entry {
	name, rest, err := field(line)
	var value string
	if err == nil && len(rest) == 0 {
		err = errFields
	}
	if err == nil {
		value, rest, err = field(rest[1:])
	}
	if err == nil && len(rest) > 0 {
		err = errFields
	}
	if err != nil {
		return append(entries, Entry{Wrong: err.(lang.Text)})
	}
	return append(entries, entryOf(name, strings.TrimSpace(value)))
}

// field reads a field up to the comma behind it, or the end.
func field(line []byte) (text string, rest []byte, err error) {
	if len(line) == 0 || line[0] != '"' {
		end := bytes.IndexByte(line, ',')
		if end < 0 {
			end = len(line)
		}
		if bytes.IndexByte(line[:end], '"') >= 0 {
			return "", nil, errFields // perhaps the rest of a name that began on the line before
		}
		return string(line[:end]), line[end:], nil
	}
	var b strings.Builder
	for rest = line[1:]; ; {
		end := bytes.IndexByte(rest, '"')
		if end < 0 {
			return "", nil, errQuotes
		}
		b.Write(rest[:end])
		if rest = rest[end+1:]; len(rest) == 0 || rest[0] == ',' {
			return b.String(), rest, nil
		}
		if rest[0] != '"' {
			return "", nil, errFields
		}
		b.WriteByte('"')
		rest = rest[1:]
	}
}

// entryOf is a counter if the value is one.
func entryOf(name, value string) Entry {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return Entry{Name: name, Wrong: errValue.Fill(shorten(value))}
	}
	return Entry{Name: name, Value: n}
}

// shorten keeps a message on its line.
func shorten(s string) string {
	if len(s) > 60 {
		return s[:60] + "..."
	}
	return s
}
