package resp

import (
	"reflect"
	"strings"
	"testing"
)

func TestDecodeReply(t *testing.T) {
	for said, want := range map[string]Reply{
		"+OK\r\n":             {Kind: '+', Text: []byte("OK")},
		"+\r\n":               {Kind: '+', Text: []byte{}},
		"-ERR no\r\n":         {Kind: '-', Text: []byte("ERR no")},
		":-12\r\n":            {Kind: ':', N: -12},
		"$2\r\n13\r\n":        {Kind: '$', Text: []byte("13")},
		"$0\r\n\r\n":          {Kind: '$', Text: []byte{}},
		"$4\r\na\r\nb\r\n":    {Kind: '$', Text: []byte("a\r\nb")},
		"$-1\r\n":             {Kind: '$', Null: true},
		"*-1\r\n":             {Kind: '*', Null: true},
		"*0\r\n":              {Kind: '*'},
		"*2\r\n:1\r\n$-1\r\n": {Kind: '*', Parts: []Reply{{Kind: ':', N: 1}, {Kind: '$', Null: true}}},
		"*1\r\n*1\r\n+a\r\n":  {Kind: '*', Parts: []Reply{{Kind: '*', Parts: []Reply{{Kind: '+', Text: []byte("a")}}}}},
		"$2\r\n13\r\nnext":    {Kind: '$', Text: []byte("13")},
	} {
		got, size, err := DecodeReply([]byte(said))
		if err != nil || size != len(strings.TrimSuffix(said, "next")) || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as %+v of %d bytes, %v; want %+v", said, got, size, err, want)
		}
		for i := range size {
			if _, n, err := DecodeReply([]byte(said[:i])); n != 0 || err != nil {
				t.Errorf("%q, which is not whole, is read as %d bytes, %v", said[:i], n, err)
			}
		}
	}
}

func TestDecodeNoReply(t *testing.T) {
	for _, said := range []string{
		"\n", "\r\n", "+\n", "+OK\n", "OK\r\n", ":\r\n", ":x\r\n", ":+1\r\n", ":01\r\n", ":99999999999999999999\r\n",
		"$x\r\n", "$-2\r\n", "$9223372036854775807\r\n", "$1\r\nxyz", "*-2\r\n", "*9223372036854775807\r\n", "*1\r\n\n",
		"*1\r\n*1\r\n*1\r\n:1\r\n", "%1\r\n", "_\r\n", "+" + strings.Repeat("x", MaxLine), "HTTP/1.1 400 Bad Request\r\n",
	} {
		if r, size, err := DecodeReply([]byte(said)); err != ErrReply || size != 0 {
			t.Errorf("%.40q is read as %+v of %d bytes, %v", said, r, size, err)
		}
	}
	if r, size, err := DecodeReply([]byte("*2147483647\r\n:1\r\n")); size != 0 || err != nil || cap(r.Parts) > 1 {
		t.Errorf("room for %d parts of which one has come; %d, %v", cap(r.Parts), size, err)
	}
}

// FuzzReply: what is read as a reply is written as it came, and no less of it is read.
func FuzzReply(f *testing.F) {
	for _, said := range []string{"+OK\r\n", "-ERR no\r\n", ":1\r\n", "$2\r\n13\r\n", "$-1\r\n", "*2\r\n:1\r\n*1\r\n$0\r\n\r\n", "*-1\r\n", "%1\r\n"} {
		f.Add([]byte(said))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		r, size, err := DecodeReply(said)
		if size == 0 || err != nil {
			if size != 0 {
				t.Fatalf("%q: %d bytes, %v", said, size, err)
			}
			return
		}
		if again := appendReply(nil, r); string(again) != string(said[:size]) {
			t.Fatalf("%q is read as %+v, which is %q", said[:size], r, again)
		}
		if _, n, err := DecodeReply(said[:size-1]); n != 0 || err != nil {
			t.Fatalf("without its last byte %q is read as %d bytes, %v", said[:size], n, err)
		}
	})
}

func appendReply(dst []byte, r Reply) []byte {
	switch {
	case r.Null && r.Kind == '*':
		return AppendNullArray(dst, V2)
	case r.Null:
		return AppendNull(dst, V2)
	case r.Kind == ':':
		return AppendInt(dst, r.N)
	case r.Kind == '$':
		return AppendBulk(dst, r.Text)
	case r.Kind == '*':
		dst = AppendArray(dst, len(r.Parts))
		for _, part := range r.Parts {
			dst = appendReply(dst, part)
		}
		return dst
	}
	return append(append(append(dst, r.Kind), r.Text...), "\r\n"...)
}
