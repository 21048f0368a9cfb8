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
	grammar  = regexp.MustCompile(`(?s)^(inc|dec|res|con|ing|ret|bal|tra|ren|lim|exp|ttl|cup|tic|val|apa|liq|sol|ext|dis)\.([0-9]+)((?: [^ ]+)*)$`)
	optional = map[string]string{
		"inc": "@ id min max sat ttl", "dec": "@ id min max sat ttl", "res": "@ id min max sat ttl", "con": "@ id",
		"ing": "@ id min max sat ttl", "ret": "@ id min max sat ttl", "bal": "@ id", "tra": "@ @@ id min", "ren": "@ id",
		"lim": "@ id min max total", "exp": "@ id if", "ttl": "@ id", "cup": "@ id max per tipo raf", "tic": "@ id para", "val": "@ id",
		"apa": "@ id ttl baja", "liq": "@ id de sat baja", "sol": "@ id de", "ext": "@ id de", "dis": "@ id baja",
	}
	needed = map[string]string{"cup": "max per", "tic": "para", "apa": "ttl", "liq": "de", "sol": "de", "ext": "de", "tra": "@ @@"}
	shapes = map[string]*regexp.Regexp{
		"id": regexp.MustCompile(`^[!-~]{1,128}$`), "min": regexp.MustCompile(`^-?[0-9]+$`), "max": regexp.MustCompile(`^-?[0-9]+$`),
		"ttl": regexp.MustCompile(`^[0-9]+$`), "if": regexp.MustCompile(`^(none|any|later|sooner|any-sooner)$`), "sat": regexp.MustCompile(`^$`),
		"total": regexp.MustCompile(`^$`), "baja": regexp.MustCompile(`^$`), "per": regexp.MustCompile(`^[0-9]+$`), "tipo": regexp.MustCompile(`^(fija|deslizante|continua)$`),
		"raf": regexp.MustCompile(`^[0-9]+$`), "de": regexp.MustCompile(`^[0-9]+$`), "para": regexp.MustCompile(`(?s)^.{1,128}$`),
	}
	kinds = map[string]cuenta.RateKind{
		"": cuenta.FixedWindow, "fija": cuenta.FixedWindow, "deslizante": cuenta.SlidingWindow, "continua": cuenta.Steady,
	}
	whens = map[string]cuenta.ExpiryCondition{
		"none": cuenta.ExpiryIfNone, "any": cuenta.ExpiryIfAny, "later": cuenta.ExpiryIfLater, "sooner": cuenta.ExpiryIfSooner,
		"any-sooner": cuenta.ExpiryIfAnySooner,
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
		} else if found == (name == "sat" || name == "total" || name == "baja") {
			return nil, false
		}
		_, repeated := said[name]
		shape := shapes[name]
		if repeated || !strings.Contains(" "+optional[verb]+" ", " "+name+" ") ||
			shape != nil && !shape.MatchString(value) || (shape == nil || name == "para") && !cuenta.ValidName([]byte(value)) || len(value) > 128 && name == "para" {
			return nil, false
		}
		said[name] = value
	}
	for _, name := range strings.Fields(needed[verb]) {
		if _, given := said[name]; !given {
			return nil, false
		}
	}
	return said, true
}

// meaning returns the requests of a command whose words are all in order.
func meaning(verb string, n int64, said map[string]string) ([]cuenta.Request, bool) {
	r := cuenta.Request{Counter: []byte(said["@"]), Identity: cuenta.Identity{Key: []byte(said["id"])}}
	terms, ok := naiveTerms(verb, n, said)
	switch verb {
	case "con", "bal", "lim", "ttl", "res", "sol", "dis":
		ok = ok && n == 0
		r.Op = map[string]cuenta.Op{"con": cuenta.Get, "bal": cuenta.Get, "lim": cuenta.Limit, "ttl": cuenta.Describe, "res": cuenta.Reset,
			"sol": cuenta.Release, "dis": cuenta.Describe}[verb]
	case "exp":
		r.Op = cuenta.Expire
	case "val":
		r.Op = cuenta.Get
	case "ext":
		ok = ok && n > 0
		r.Op = cuenta.Extend
	case "cup", "liq":
		r.Op, r.N = map[string]cuenta.Op{"cup": cuenta.Take, "liq": cuenta.Settle}[verb], n
	case "tic", "apa":
		ok = ok && n > 0
		r.Op, r.N = map[string]cuenta.Op{"tic": cuenta.Ticket, "apa": cuenta.Hold}[verb], n
	case "ren":
		name := said["@"]
		if name == "" {
			name = "cuenta"
		}
		return []cuenta.Request{
			{Op: cuenta.All, Span: 2, Identity: r.Identity}, {Op: cuenta.Reset, Counter: r.Counter}, {Op: cuenta.Add, N: 1, Counter: []byte(name + "/#")},
		}, n == 0 && len(name) <= 253
	case "tra":
		to := said["@@"]
		if !ok || n == 0 || said["@"] == to {
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
	if _, down := said["baja"]; down && verb != "dis" {
		r.N = -n
	}
	r.Terms = terms
	return []cuenta.Request{r}, ok
}

func naiveTerms(verb string, n int64, said map[string]string) (*cuenta.Terms, bool) {
	if verb == "cup" {
		return naiveRate(said)
	}
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
	if _, t.Total = said["total"]; t.Total {
		given = true
	}
	if id, set := said["de"]; set {
		hold, _ := new(big.Int).SetString(id, 10)
		given, ok = true, ok && hold.Sign() > 0 && hold.IsInt64()
		t.Hold = hold.Uint64()
	}
	if ident, set := said["para"]; set {
		given, t.Ident = true, []byte(ident)
	}
	if verb == "exp" || verb == "ext" {
		seconds(big.NewInt(n).String())
		t.Expiry.If = whens[said["if"]]
		if n == 0 {
			t.Expiry.Kind = cuenta.NoExpiry
		}
	}
	given = given || verb == "lim" || verb == "ttl" || verb == "dis"
	ok = ok && (!t.Floor.Set || !t.Ceiling.Set || t.Floor.At <= t.Ceiling.At)
	if !given {
		return nil, ok
	}
	return t, ok
}

func naiveRate(said map[string]string) (*cuenta.Terms, bool) {
	number := func(name string) *big.Int {
		n, _ := new(big.Int).SetString("0"+strings.TrimPrefix(said[name], "-"), 10)
		if strings.HasPrefix(said[name], "-") {
			n.Neg(n)
		}
		return n
	}
	limit, period, burst := number("max"), number("per"), number("raf")
	_, bursts := said["raf"]
	kind := kinds[said["tipo"]]
	century := big.NewInt(100 * 365 * 86400)
	atOnce := limit
	if bursts {
		atOnce = burst
	}
	long := new(big.Int).Mul(atOnce, period).Cmp(new(big.Int).Mul(limit, century)) > 0
	if !limit.IsInt64() || limit.Sign() <= 0 || period.Sign() <= 0 || period.Cmp(century) > 0 || kind == cuenta.SlidingWindow && limit.BitLen() > 31 ||
		bursts && (kind != cuenta.Steady || burst.Sign() <= 0 || !burst.IsInt64() || long) {
		return nil, false
	}
	return &cuenta.Terms{Rate: cuenta.Rate{Kind: kind, Limit: limit.Int64(), Period: period.Int64() * 1e9, Burst: burst.Int64()}}, true
}
