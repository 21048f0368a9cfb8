package resp

import (
	"context"
	"fmt"
	"strconv"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

const (
	// maxScan is the most counters that one SCAN looks at; COUNT is a hint.
	maxScan = 4096

	// maxKeys is up to how many counters KEYS lists them: it holds up all other
	// clients of its loop meanwhile, some 0.1 µs for each.
	maxKeys = 100_000

	errTooManyKeys = "ERR KEYS is refused where there are more than 100000 counters, use SCAN"
)

func runDBSize(s *Session, dst []byte, _ [][]byte) []byte {
	return wire.AppendInt(dst, int64(s.p.directory.Count()))
}

// scanning is what SCAN was asked.
type scanning struct {
	cursor  uint64
	count   int64
	pattern []byte // nil for all
	strings bool   // counters are wanted, which are of the type string
}

func runScan(s *Session, dst []byte, args [][]byte) []byte {
	q, refusal := scanningOf(args)
	if refusal != "" {
		return wire.AppendError(dst, refusal)
	}
	// A listing gives up only with its context, which never ends here.
	found, next, err := s.p.directory.List(context.Background(), "", q.cursor, int(min(q.count, maxScan)))
	if err != nil {
		return wire.AppendError(dst, "ERR "+err.Error())
	}
	names := found[:0]
	for _, c := range found {
		if q.strings && (q.pattern == nil || match(q.pattern, c.Name, false)) {
			names = append(names, c)
		}
	}
	dst = wire.AppendArray(dst, 2)
	dst = wire.AppendBulk(dst, strconv.FormatUint(next, 10))
	return appendNames(dst, names)
}

func appendNames(dst []byte, counters []cuenta.Counter) []byte {
	dst = wire.AppendArray(dst, len(counters))
	for _, c := range counters {
		dst = wire.AppendBulk(dst, c.Name)
	}
	return dst
}

func scanningOf(args [][]byte) (q scanning, refusal string) {
	cursor, err := strconv.ParseUint(string(args[1]), 10, 64)
	if err != nil {
		return q, "ERR invalid cursor"
	}
	q = scanning{cursor: cursor, count: 10, strings: true}
	for i := 2; i < len(args); i += 2 {
		if i+1 == len(args) {
			return q, errSyntax
		}
		value := args[i+1]
		switch option := args[i]; {
		case isWord(option, "count"):
			n, isInt := wire.ParseInt(value)
			switch {
			case !isInt:
				return q, errInteger
			case n < 1:
				return q, errSyntax
			}
			q.count = n
		case isWord(option, "match"):
			q.pattern = value
		case isWord(option, "type"):
			q.strings = isWord(value, "string")
		default:
			return q, errSyntax
		}
	}
	return q, ""
}

func runKeys(s *Session, dst []byte, args [][]byte) []byte {
	if s.p.directory.Count() > maxKeys {
		return wire.AppendError(dst, errTooManyKeys)
	}
	var names []cuenta.Counter
	for cursor, seen := uint64(0), 0; ; {
		found, next, err := s.p.directory.List(context.Background(), "", cursor, maxScan)
		if err != nil {
			return wire.AppendError(dst, fmt.Sprintf("ERR %v", err))
		}
		for _, c := range found {
			if match(args[1], c.Name, false) {
				names = append(names, c)
			}
		}
		seen += len(found)
		switch {
		case seen > maxKeys+maxScan: // they became more while they were listed
			return wire.AppendError(dst, errTooManyKeys)
		case next == 0:
			return appendNames(dst, names)
		}
		cursor = next
	}
}
