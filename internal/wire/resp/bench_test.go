package resp

import (
	"bytes"
	"testing"
)

func BenchmarkDecode(b *testing.B) {
	one := "*2\r\n$4\r\nINCR\r\n$16\r\nkey:000000012345\r\n"
	buf := bytes.Repeat([]byte(one), 128)
	d := Decoder{Known: true}
	b.ReportAllocs()
	for b.Loop() {
		for at := 0; at < len(buf); {
			args, n, err := d.Next(buf[at:])
			if err != nil || n == 0 || len(args) != 2 {
				b.Fatal(err)
			}
			at += n
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/128, "ns/cmd")
}
