package resp

import (
	"bytes"
	"testing"
)

func BenchmarkDecode(b *testing.B) {
	for name, one := range map[string]string{
		"INCR": "*2\r\n$4\r\nINCR\r\n$16\r\nkey:000000012345\r\n",
		"SEQ":  "*5\r\n$10\r\nCUENTA.SEQ\r\n$16\r\n7c0ffee123456789\r\n$7\r\n1000000\r\n$4\r\nINCR\r\n$16\r\nkey:000000012345\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			buf := bytes.Repeat([]byte(one), 128)
			d := Decoder{Known: true}
			b.ReportAllocs()
			for b.Loop() {
				for at := 0; at < len(buf); {
					args, n, err := d.Next(buf[at:])
					if err != nil || n == 0 || len(args) < 2 {
						b.Fatal(err)
					}
					at += n
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/128, "ns/cmd")
		})
	}
}
