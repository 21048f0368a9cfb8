package resp

import (
	"math/rand/v2"
	"strings"
)

// randomLines makes commands of two clients. What is deleted is never watched: a
// counter that is made and removed again counts as changed in Redis only.
func randomLines(seed uint64, n int) (lines []line) {
	r := rand.New(rand.NewPCG(seed, 7))
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	key := func() string { return pick("a", "b", "c") }
	number := func() string {
		return pick("0", "1", "-1", "5", "100", "9223372036854775807", "-9223372036854775808", "4611686018427387904")
	}
	for range n {
		var words string
		switch r.IntN(19) {
		case 0:
			words = "INCR " + key()
		case 1:
			words = "DECR " + key()
		case 2:
			words = "INCRBY " + key() + " " + number()
		case 3:
			words = "DECRBY " + key() + " " + number()
		case 4:
			words = "GET " + key()
		case 5:
			words = "SET " + key() + " " + number() + pick("", " NX", " XX", " GET", " NX GET", " XX GET", " KEEPTTL", " NX XX", " EXAT 4102444800", " GET PXAT 4102444800001", " NX EXAT 4102444801")
		case 6:
			words = "MSET " + key() + " " + number() + " " + key() + " " + number()
		case 7:
			words = "MGET " + key() + " x " + key()
		case 8:
			words = pick("DEL ", "UNLINK ", "GETDEL ") + "x"
		case 9:
			words = pick("INCR ", "SETNX x 1 ", "EXISTS ", "TYPE ", "STRLEN ") + "x"
		case 10, 11:
			words = "MULTI"
		case 12:
			words = "EXEC"
		case 13:
			words = pick("DISCARD", "UNWATCH", "EXEC", "PING", "FOO", "INCR")
		case 14:
			words = "WATCH " + key()
		case 16:
			words = "GETEX " + key() + pick("", " PERSIST", " EXAT 4102444800", " PXAT 4102444800001")
		case 17:
			words = pick("EXPIREAT a 4102444800", "EXPIREAT b 4102444801", "PEXPIREAT a 4102444800001", "PEXPIREAT b 4102444799999") + pick("", " NX", " XX", " GT", " LT", " XX LT", " LT XX")
		case 18:
			words = pick("PEXPIRETIME ", "EXPIRETIME ", "PERSIST ") + key()
		case 15:
			words = pick("GETSET ", "SETNX ", "INCRBY ") + key() + " " + number()
		}
		lines = append(lines, line{source: words, client: pick("a", "a", "b"), stream: said(strings.Fields(words)...)})
	}
	return lines
}
