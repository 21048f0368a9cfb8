package resp

import (
	"math"
	"testing"
)

func TestEncode(t *testing.T) {
	for _, c := range []struct {
		name, got, want string
	}{
		{"simple", string(AppendSimple(nil, "OK")), "+OK\r\n"},
		{"error", string(AppendError(nil, "ERR a\r\nb")), "-ERR a  b\r\n"},
		{"zero", string(AppendInt(nil, 0)), ":0\r\n"},
		{"nine", string(AppendInt(nil, 9)), ":9\r\n"},
		{"ten", string(AppendInt(nil, 10)), ":10\r\n"},
		{"negative", string(AppendInt(nil, -1)), ":-1\r\n"},
		{"least", string(AppendInt(nil, math.MinInt64)), ":-9223372036854775808\r\n"},
		{"bulk", string(AppendBulk(nil, "a\r\nb")), "$4\r\na\r\nb\r\n"},
		{"empty bulk", string(AppendBulk(nil, []byte{})), "$0\r\n\r\n"},
		{"number as bulk", string(AppendBulkInt(nil, math.MinInt64)), "$20\r\n-9223372036854775808\r\n"},
		{"null 2", string(AppendNull(nil, V2)), "$-1\r\n"},
		{"null 3", string(AppendNull(nil, V3)), "_\r\n"},
		{"null array 2", string(AppendNullArray(nil, V2)), "*-1\r\n"},
		{"null array 3", string(AppendNullArray(nil, V3)), "_\r\n"},
		{"array", string(AppendArray(nil, 12)), "*12\r\n"},
		{"map 2", string(AppendMap(nil, V2, 3)), "*6\r\n"},
		{"map 3", string(AppendMap(nil, V3, 3)), "%3\r\n"},
		{"set 2", string(AppendSet(nil, V2, 3)), "*3\r\n"},
		{"set 3", string(AppendSet(nil, V3, 3)), "~3\r\n"},
		{"verbatim 2", string(AppendVerbatim(nil, V2, []byte("a\n"))), "$2\r\na\n\r\n"},
		{"verbatim 3", string(AppendVerbatim(nil, V3, []byte("a\n"))), "=6\r\ntxt:a\n\r\n"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, c.got, c.want)
		}
	}
}

func BenchmarkAppendInt(b *testing.B) {
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendInt(buf[:0], 1234567)
	}
}
