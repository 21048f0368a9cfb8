package text

import (
	"math/big"
	"regexp"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// The same language as Decode's, read in another way: by the words of a line and
// a table of what each verb may be followed by.
var (
	grammar  = regexp.MustCompile(`(?s)^(inc|dec|res|con|ing|ret|bal|tra|lim|exp|ttl)\.([0-9]+)((?: [^ ]+)*)$`)
	optional = map[string]string{
		"inc": "@ id min max sat ttl", "dec": "@ id min max sat ttl", "res": "@ id min max sat ttl", "con": "@ id",
		"ing": "@ id min max sat ttl", "ret": "@ id min max sat ttl", "bal": "@ id", "tra": "@ @@ id min",
		"lim": "@ id min max", "exp": "@ id if", "ttl": "@ id",
	}
	shapes = map[string]*regexp.Regexp{
		"id": regexp.MustCompile(`^[!-~]{1,128}$`), "min": regexp.MustCompile(`^-?[0-9]+$`), "max": regexp.MustCompile(`^-?[0-9]+$`),
		"ttl": regexp.MustCompile(`^[0-9]+$`), "if": regexp.MustCompile(`^(none|any|later|sooner)$`), "sat": regexp.MustCompile(`^$`),
	}
	whens = map[string]cuenta.ExpiryCondition{
		"none": cuenta.ExpiryIfNone, "any": cuenta.ExpiryIfAny, "later": cuenta.ExpiryIfLater, "sooner": cuenta.ExpiryIfSooner,
	}
)

func naive(line []byte) (requests []cuenta.Request, ok bool) {
	m := grammar.FindSubmatch(line)
	if m == nil || len(line) > MaxLine {
		return nil, false
	}
	n, _ := new(big.Int).SetString(string(m[2]), 10)
	said, ok := naiveOptions(string(m[1]), string(m[3]))
	if !n.IsInt64() || !ok {
		return nil, false
	}
	if requests, ok = meaning(string(m[1]), n.Int64(), said); !ok {
		return nil, false
	}
	return requests, true
}

// naiveOptions returns the options by their names.
func naiveOptions(verb, text string) (said map[string]string, ok bool) {
	said = make(map[string]string)
	for _, word := range strings.Split(text, " ")[1:] {
		name, value, found := strings.Cut(word, "=")
		if rest, isCounter := strings.CutPrefix(word, "@"); isCounter {
			name, value = "@", rest
			if _, second := said["@"]; second && verb == "tra" {
				name = "@@"
			}
		} else if found == (name == "sat") {
			return nil, false
		}
		_, repeated := said[name]
		shape := shapes[name]
		if repeated || !strings.Contains(" "+optional[verb]+" ", " "+name+" ") ||
			shape != nil && !shape.MatchString(value) || shape == nil && !cuenta.ValidName([]byte(value)) {
			return nil, false
		}
		said[name] = value
	}
	return said, true
}

// meaning returns the requests of a command whose words are all in order.
func meaning(verb string, n int64, said map[string]string) ([]cuenta.Request, bool) {
	r := cuenta.Request{Counter: []byte(said["@"]), Identity: cuenta.Identity{Key: []byte(said["id"])}}
	terms, ok := naiveTerms(verb, n, said)
	switch verb {
	case "con", "bal", "lim", "ttl", "res":
		ok = ok && n == 0
		r.Op = map[string]cuenta.Op{"con": cuenta.Get, "bal": cuenta.Get, "lim": cuenta.Limit, "ttl": cuenta.Describe, "res": cuenta.Reset}[verb]
	case "exp":
		r.Op = cuenta.Expire
	case "tra":
		_, one := said["@"]
		to, two := said["@@"]
		if !ok || n == 0 || !one || !two || said["@"] == to {
			return nil, false
		}
		return []cuenta.Request{
			{Op: cuenta.All, Span: 3, Identity: r.Identity}, {Op: cuenta.Get, Counter: r.Counter},
			{Op: cuenta.Add, N: -n, Counter: r.Counter, Terms: terms}, {Op: cuenta.Add, N: n, Counter: []byte(to)},
		}, true
	default:
		r.Op, r.N = cuenta.Add, n
		if verb == "dec" || verb == "ret" {
			r.N = -n
		}
		if n == 0 {
			r.Op = cuenta.Get
			for name := range said {
				ok = ok && (name == "@" || name == "id")
			}
			terms = nil
		}
	}
	r.Terms = terms
	return []cuenta.Request{r}, ok
}

func naiveTerms(verb string, n int64, said map[string]string) (*cuenta.Terms, bool) {
	t, given, ok := new(cuenta.Terms), false, true
	bound := func(name string, b *cuenta.Bound, otherwise string) {
		value, set := said[name]
		if !set {
			value, set = otherwise, otherwise != ""
		}
		if !set {
			return
		}
		at, isNumber := new(big.Int).SetString(value, 10)
		given, ok = true, ok && isNumber && at.IsInt64()
		*b = cuenta.Bound{Set: true, At: at.Int64()}
	}
	floor := ""
	if verb == "ret" || verb == "tra" {
		floor = "0"
	}
	bound("min", &t.Floor, floor)
	bound("max", &t.Ceiling, "")
	if _, t.Clamp = said["sat"]; t.Clamp {
		given = true
	}
	seconds := func(text string) {
		s, _ := new(big.Int).SetString(text, 10)
		given, ok = true, ok && s.Cmp(big.NewInt(9223372036)) <= 0
		t.Expiry.Kind, t.Expiry.Time = cuenta.ExpireAfter, s.Int64()*1e9
	}
	if text, set := said["ttl"]; set {
		seconds(text)
		ok = ok && t.Expiry.Time > 0
	}
	if verb == "exp" {
		seconds(big.NewInt(n).String())
		t.Expiry.If = whens[said["if"]]
		if n == 0 {
			t.Expiry.Kind = cuenta.NoExpiry
		}
	}
	given = given || verb == "lim" || verb == "ttl"
	ok = ok && (!t.Floor.Set || !t.Ceiling.Set || t.Floor.At <= t.Ceiling.At)
	if !given {
		return nil, ok
	}
	return t, ok
}
