package cuenta

// SeriesMark, behind a counter's name, makes the name of the counter whose value is the
// series of its tickets; see [Terms.Ident].
const SeriesMark = "/#"

// Series returns the name of the counter whose value is the series of a counter's
// tickets. Where it is longer than [MaxName] the counter can have none.
func Series(counter []byte) []byte {
	if len(counter) == 0 {
		counter = []byte(DefaultCounter)
	}
	return append(counter[:len(counter):len(counter)], SeriesMark...)
}

// Renumber returns what an All spans that begins the numbers of a counter's tickets
// anew: the counter is reset, and what is added to its series forgets who has which.
func Renumber(counter []byte) [2]Request {
	return [2]Request{
		{Op: Reset, Counter: counter},
		{Op: Add, Counter: Series(counter), N: 1},
	}
}

// Renumbers reports whether requests, but for identities, are those of [Renumber].
func Renumbers(span []Request) bool {
	plain := func(r *Request, op Op) bool { return r.Op == op && r.If == Always && r.Terms == nil }
	return len(span) == 2 && plain(&span[0], Reset) && plain(&span[1], Add) && span[1].N == 1 &&
		string(span[1].Counter) == string(Series(span[0].Counter))
}
