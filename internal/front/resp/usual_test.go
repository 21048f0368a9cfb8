package resp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// longWay says a stream in words that mean the same but are never taken at one go.
func longWay(stream []byte) []byte {
	stream = bytes.ReplaceAll(stream, []byte("CUENTA.SEQ"), []byte("cuenta.seq"))
	return bytes.ReplaceAll(stream, []byte("\r\nINCR\r\n"), []byte("\r\nincr\r\n"))
}

// heardSession is all that a session makes of a stream, in lower case: what it asks,
// in which batches, what it answers and what is known of it then.
func heardSession(stream []byte, cut, limit int) string {
	var out strings.Builder
	s := newWorld().NewSession("10.1.2.3:4567", "here")
	for _, part := range [][]byte{stream[:cut], stream[cut:]} {
		for len(part) > 0 && !s.Ended() {
			n := copy(s.Space(), part)
			s.Filled(n)
			part = part[n:]
			for more := true; more; more = s.Pending() {
				var b cuenta.Batch
				commands := s.Decode(&b, limit)
				if commands == 0 && s.Pending() {
					commands = s.Decode(&b, cuenta.MaxBatch)
				}
				for i := range b.Requests {
					r := &b.Requests[i]
					fmt.Fprintf(&out, "%v %q %d %d %d %+v %d\n", r.Op, r.Counter, r.N, r.If, r.Span, r.Identity, r.Client)
				}
				results := make([]cuenta.Result, len(b.Requests))
				fmt.Fprintf(&out, "%d: %q, malformed %d\n", commands, s.AppendAnswers(nil, results), s.Malformed())
			}
		}
	}
	last := "none"
	if c := s.client.shown.Load(); c != nil {
		last = c.full
	}
	fmt.Fprintln(&out, last, s.Partial(), s.Ended())
	return strings.ToLower(out.String())
}

// TestUsual: the usual commands are taken at one go, and nothing else is.
func TestUsual(t *testing.T) {
	const id = "7c0ffee123456789"
	s := newWorld().NewSession("10.1.2.3:4567", "here")
	for _, c := range []struct {
		words string
		usual bool
	}{
		{"CUENTA.SEQ " + id + " 1 INCR a", false}, // the first in a session
		{"CUENTA.SEQ " + id + " 2 INCR a", true},
		{"CUENTA.SEQ " + id + " 2 INCR cuenta", true},
		{"CUENTA.SEQ 7c0ffee12345678a 3 INCR a", false}, // another session
		{"CUENTA.SEQ " + id + " 3 INCR a", false},
		{"CUENTA.SEQ " + id + " 9999999999999999999 INCR a", true},
		{"CUENTA.SEQ " + id + " 18446744073709551615 INCR a", false}, // not that many
		{"CUENTA.SEQ " + id + " 18446744073709551616 INCR a", false},
		{"CUENTA.SEQ " + id + " 0 INCR a", false},
		{"CUENTA.SEQ " + id + " 01 INCR a", false},
		{"CUENTA.SEQ " + id + " 4 DECR a", false},
		{"CUENTA.SEQ " + id + " 4 incr a", false},
		{"CUENTA.SEQ " + id + " 4 INCR a\x01", false},
		{"CUENTA.SEQ " + id + " 4 INCR", false},
		{"CUENTA.SEQ " + id + " 4 INCR a b", false},
		{"INCR a", true},
		{"INCR cuenta", true},
		{"incr a", false},
		{"INCR a\x01", false},
		{"INCR", false},
		{"INCR a b", false},
		{"DECR a", false},
		{"CUENTA.SEQ " + id + " 4 INCR a", true}, // whatever came between
		{"CUENTA.SEQ " + id + " 5 LOWEST 3 INCR a", true},
		{"CUENTA.SEQ " + id + " 6 INCR a", true}, // as was to be expected
		{"CUENTA.SEQ " + id + " 7 INCR a\x01", false},
		{"CUENTA.SEQ " + id + " 7 INCR a b", false},
		{"CUENTA.SEQ " + id + " 7 INCR a", true},
		{"CUENTA.SEQ " + id + " 8 LOWEST 9 INCR a", false},
		{"CUENTA.SEQ " + id + " 8 LOWEST 0 INCR a", false},
		{"CUENTA.SEQ " + id + " 8 LOWEST INCR a", false},
		{"CUENTA.SEQ " + id + " 8 lowest 8 INCR a", false},
		{"CUENTA.SEQ " + id + " 8 HIGHEST 8 INCR a", false},
		{"CUENTA.SEQ " + id + " 8 INCR a b c", false},
		{"CUENTA.SEQ " + id + " 8 LOWEST 8 DECR a", false},
		{"CUENTA.SEQ " + id + " 8 LOWEST 8 INCR a b", false},
		{"CUENTA.SEQ " + id + " 9 LOWEST 9 INCR a", true},
		{"CUENTA.SEQ " + id + " 10 INCR a", true},
		{"CUENTA.SEQ " + id + " 11 INCR a", true},
		{"CUENTA.OUTCOME " + id + " 4", false},
		{"MULTI", false},
		{"CUENTA.SEQ " + id + " 5 INCR a", false}, // queued
		{"INCR a", false},
		{"EXEC", false},
		{"CUENTA.SEQ " + id + " 6 INCR a", true},
	} {
		var b cuenta.Batch
		stream := said(strings.Fields(c.words)...)
		if n, size := s.usual(&b, stream, 1); n > 0 != c.usual || n > 0 && (n != 1 || size != len(stream)) {
			t.Errorf("%q: %d bytes of %d are taken, as %d commands", c.words, size, len(stream), n)
		}
		for n := range stream {
			if n, _ := s.usual(&b, stream[:n], 10); n > 0 {
				t.Errorf("%q: taken before it is there", c.words)
			}
		}
		if n, _ := s.usual(&b, stream, 0); n > 0 {
			t.Errorf("%q: taken where there is no room", c.words)
		}
		s.Filled(copy(s.Space(), stream))
		s.Decode(&b, cuenta.MaxBatch)
	}
}

// TestUsualInARow: the same said over and over is taken at one go, as far as there is room.
func TestUsualInARow(t *testing.T) {
	incr := said("INCR", "a")
	stream := append(bytes.Repeat(incr, 5), said("INCR", "b")...)
	for room := range 8 {
		var b cuenta.Batch
		n, size := newWorld().NewSession("10.1.2.3:4567", "here").usual(&b, stream, room)
		if want := min(room, 5); n != want || size != want*len(incr) || len(b.Requests) != want {
			t.Errorf("room for %d: %d commands of %d bytes, %d requests", room, n, size, len(b.Requests))
		}
	}
}

// TestUsualNumbers: numbers that follow each other are taken at one go, however many
// digits they have, and each is the one that was said.
func TestUsualNumbers(t *testing.T) {
	const id = "7c0ffee123456789"
	for _, from := range []uint64{1, 8, 95, 999, 1<<32 - 2, 1e18 - 2, 1e19 - 4} {
		var stream []byte
		for n := range uint64(6) {
			lowest := []string{}
			if n%4 == 3 {
				lowest = []string{"LOWEST", fmt.Sprint(from + n - 1)}
			}
			words := append(append([]string{"CUENTA.SEQ", id, fmt.Sprint(from + n)}, lowest...), "INCR", fmt.Sprint("k", n))
			stream = append(stream, said(words...)...)
		}
		for room := 1; room < 8; room++ {
			s := newWorld().NewSession("10.1.2.3:4567", "here")
			s.numbered([]byte(id), []byte("1"))
			var b cuenta.Batch
			took, size := s.usual(&b, stream, room)
			want := min(room, 6)
			if from > 1e18 {
				want = min(want, 4) // the others have too many digits
			}
			if next := said("CUENTA.SEQ", id, fmt.Sprint(from+uint64(want)), "INCR", "k"); from < 1e18 && !bytes.HasPrefix(next, s.granted.next) || len(s.granted.next) == 0 != (from > 1e18 && want == 4) {
				t.Errorf("from %d: what is said next after %d is %q", from, want, s.granted.next)
			}
			if took != want || size > len(stream) || want == 6 && size != len(stream) {
				t.Errorf("from %d, room for %d: %d commands of %d bytes are taken", from, room, took, size)
			}
			for n, r := range b.Requests {
				is := cuenta.Identity{Session: 0x7c0ffee123456789, Number: from + uint64(n)}
				if n == 3 {
					is.Lowest = from + 2
				}
				if got := r.Identity; got.Session != is.Session || got.Number != is.Number || got.Lowest != is.Lowest || string(r.Counter) != fmt.Sprint("k", n) {
					t.Errorf("from %d: command %d is %q %+v", from, n, r.Counter, got)
				}
			}
		}
	}
}

// FuzzUsual: what is taken at one go means what it means the long way.
func FuzzUsual(f *testing.F) {
	seq := func(words string) string {
		return string(said(strings.Fields("CUENTA.SEQ 7c0ffee123456789 " + words)...))
	}
	first := seq("1 LOWEST 1 INCR a")
	for _, stream := range []string{
		first + seq("2 INCR a") + seq("3 INCR key:000000012345") + seq("18446744073709551615 INCR b"),
		first + seq("2 INCR a") + seq("3 LOWEST 2 INCR a") + seq("4 INCR b") + seq("4 INCR b") + seq("5 INCR a b") + seq("6 LOWEST 7 INCR a") + seq("7 LOWEST INCR a"),
		first + seq("8 INCR a") + seq("9 INCR a") + seq("10 INCR a") + seq("11 LOWEST 9 INCR a") + seq("11 INCR a") + seq("99 INCR a") + seq("100 INCR a"),
		first + "PING\r\n" + seq("2 INCR a"), // and CLIENT LIST tells of the last one
		first + seq("0 INCR a") + seq("2 INCR") + seq("2 INCR a b") + seq("2 GET a") + seq("x INCR a") + seq("2 INCR a"),
		first + "*1\r\n$5\r\nMULTI\r\n" + seq("2 INCR a") + seq("3 incr a") + "*1\r\n$4\r\nEXEC\r\n" + seq("4 INCR a"),
		first + seq("2 INCR a") + "PING\r\n" + seq("3 DECRBY a 2") + strings.Replace(seq("4 INCR a"), "89", "8a", 1) + seq("5 INCR a"),
		first + seq("2 INCR "+strings.Repeat("n", 99)) + seq("3 INCR "+strings.Repeat("n", 100)) + strings.Replace(seq("4 INCR a"), "a\r\n", "ab\n", 1),
	} {
		for _, cut := range []int{0, len(first) + 20, len(first) + 70} {
			f.Add([]byte(stream), uint16(cut), uint8(2))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, cut uint16, limit uint8) {
		if len(stream) > 1<<12 {
			t.Skip()
		}
		at := min(int(cut), len(stream))
		got, want := heardSession(stream, at, int(limit)), heardSession(longWay(stream), at, int(limit))
		if got != want {
			t.Fatalf("at one go:\n%s\nthe long way:\n%s", got, want)
		}
	})
}

// TestSameAgain says one thing over and over, with others between, in pieces of every
// size.
func TestSameAgain(t *testing.T) {
	words := []string{
		"INCR a", "INCR a", "INCR a", "INCR b", "INCR b", "GET b", "INCR b", "INCR bb", "INCR bb", "INCR ab", "INCR ab", "INCR bb", "DECR bb", "INCR bb",
		"PING", "INCR bb", "INCR bb", "SET bb 7", "INCR bb", "INCR a", "MULTI", "INCR a", "INCR a", "EXEC", "INCR a", "INCR a",
	}
	var stream []byte
	for _, w := range words {
		stream = append(stream, said(strings.Fields(w)...)...)
	}
	want := heardSession(longWay(stream), 0, cuenta.MaxBatch)
	for cut := range stream {
		if got := heardSession(stream, cut, cuenta.MaxBatch); cut == 0 && got != want {
			t.Errorf("at one go:\n%s\nthe long way:\n%s", got, want)
		} else if long := heardSession(longWay(stream), cut, cuenta.MaxBatch); got != long {
			t.Fatalf("cut at %d:\n%s\nthe long way:\n%s", cut, got, long)
		}
	}
}
