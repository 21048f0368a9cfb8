package ring

import (
	"bytes"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// Whatever comes as a greeting, what passes is what this program would have sent:
// a server's may be padded with anything.
func FuzzGreetings(f *testing.F) {
	f.Add(AppendGreeting(nil))
	f.Add(AppendWelcome(nil, Welcome{InFlight: 4096, Cells: true}))
	f.Add(AppendWelcome(nil, Welcome{Code: cuenta.Busy}))
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Fuzz(func(t *testing.T, m []byte) {
		if ParseGreeting(m) == cuenta.OK && !bytes.Equal(m, AppendGreeting(nil)) {
			t.Errorf("%x passes as a program's greeting", m)
		}
		w, err := ParseWelcome(m)
		if err != nil {
			return
		}
		if again := AppendWelcome(nil, w); len(m) != len(again) || !bytes.Equal(m[:18], again[:18]) {
			t.Errorf("%x was read as %+v", m, w)
		}
		if w.Code >= cuenta.NumCodes || w.Code == cuenta.OK && w.InFlight == 0 {
			t.Errorf("%x was read as %+v", m, w)
		}
	})
}
