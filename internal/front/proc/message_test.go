package proc

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
)

func TestRequestsTravelWhole(t *testing.T) {
	name := []byte(strings.Repeat("n", cuenta.MaxName))
	for _, want := range []cuenta.Request{
		{Op: cuenta.Get, Counter: []byte{}, Identity: cuenta.Identity{Key: []byte{}}},
		{Op: cuenta.Add, N: -1 << 63, Counter: []byte("ñandú"), Identity: cuenta.Identity{Key: []byte("7f3a-19")}},
		{Op: cuenta.Reset, N: 1<<63 - 1, Counter: name, Identity: cuenta.Identity{Key: []byte(strings.Repeat("k", 128))}},
	} {
		m := appendRequest(nil, 0xfedcba98, uint8(want.Op), &want)
		if len(m) > shm.MaxMessage || len(m) > maxRequest {
			t.Errorf("%d bytes", len(m))
		}
		var got request
		if err := parseRequest(m, &got); err != nil {
			t.Fatalf("%v: %v", want.Op, err)
		}
		if got.tag != 0xfedcba98 || got.kind != uint8(want.Op) || !reflect.DeepEqual(got.Request, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestAnswersTravelWhole(t *testing.T) {
	for _, want := range []cuenta.Result{
		{},
		{Code: cuenta.Overflow, Cell: 1<<32 - 1, Generation: 1<<32 - 2, Value: -1 << 63, Revision: 1<<64 - 1},
		{Cell: 3, Generation: 1, Value: 13, Revision: 4},
	} {
		m := appendAnswer(nil, 77, &want)
		if len(m) != answerSize {
			t.Errorf("%d bytes", len(m))
		}
		var got cuenta.Result
		if tag, err := parseAnswer(m, &got); err != nil || tag != 77 || got != want {
			t.Errorf("got %+v with tag %d (%v), want %+v", got, tag, err, want)
		}
	}
	if _, err := parseAnswer(make([]byte, answerSize-1), new(cuenta.Result)); err == nil {
		t.Error("half an answer was taken")
	}
}

// One change each to an honest message.
func TestLiesAreSeen(t *testing.T) {
	honest := appendRequest(nil, 1, uint8(cuenta.Add), &cuenta.Request{N: 4, Counter: []byte("visitas"), Identity: cuenta.Identity{Key: []byte("k")}})
	hello := appendRequest(nil, 1, kindHello, &cuenta.Request{Counter: []byte("127.0.0.1:9")})
	change := func(m []byte, at int, b byte) []byte {
		m = bytes.Clone(m)
		m[at] = b
		return m
	}
	for name, m := range map[string][]byte{
		"empty":                {},
		"less than a head":     honest[:requestHead-1],
		"a head alone":         honest[:requestHead],
		"a byte short":         honest[:len(honest)-1],
		"a byte long":          append(bytes.Clone(honest), 0),
		"kind 0":               change(honest, 4, 0),
		"unknown kind":         change(honest, 4, 4),
		"name too long":        change(honest, 5, 8),
		"identity too long":    change(honest, 6, 200),
		"identity over bound":  appendRequest(nil, 1, 1, &cuenta.Request{Identity: cuenta.Identity{Key: bytes.Repeat([]byte("k"), 129)}}),
		"padding":              change(honest, 7, 1),
		"bad name":             change(honest, requestHead, ' '),
		"hello without a peer": appendRequest(nil, 1, kindHello, &cuenta.Request{}),
		"hello with identity":  change(change(hello, 5, 10), 6, 1),
		"hello with a newline": change(hello, requestHead, '\n'),
		"hello too long":       appendRequest(nil, 1, kindHello, &cuenta.Request{Counter: bytes.Repeat([]byte("p"), maxPeer+1)}),
	} {
		var r request
		if err := parseRequest(m, &r); !errors.Is(err, errLie) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, m := range [][]byte{honest, hello} {
		if err := parseRequest(m, new(request)); err != nil {
			t.Error(err)
		}
	}
}

// Whatever a worker sends, what gets through is a request that a front may make.
func FuzzParseRequest(f *testing.F) {
	f.Add(appendRequest(nil, 1, uint8(cuenta.Add), &cuenta.Request{N: 4, Counter: []byte("visitas"), Identity: cuenta.Identity{Key: []byte("k")}}))
	f.Add(appendRequest(nil, 1, kindHello, &cuenta.Request{Counter: []byte("[::1]:9")}))
	f.Fuzz(func(t *testing.T, m []byte) {
		var r request
		if parseRequest(m, &r) != nil {
			return
		}
		if len(r.Counter) > 0 && !cuenta.ValidName(r.Counter) {
			t.Fatalf("a counter named %q", r.Counter)
		}
		if r.kind != kindHello && (r.Op < cuenta.Get || r.Op > cuenta.Reset) {
			t.Fatalf("operation %d", r.Op)
		}
		if again := appendRequest(nil, r.tag, r.kind, &r.Request); !bytes.Equal(again, m) {
			t.Fatalf("%x was read as %x", m, again)
		}
	})
}
