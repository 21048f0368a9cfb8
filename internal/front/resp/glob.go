package resp

// match reports whether text matches a pattern as Redis' patterns go: * for any
// run of bytes, ? for any byte, [a-z] and [^a-z] for one of a set, \ before a
// byte that means itself. fold disregards the case of ASCII letters.
//
// Only the last * is ever reconsidered, because what an earlier one took can
// stay as it is. So the work is at most the product of the lengths.
func match[T []byte | string](pattern []byte, text T, fold bool) bool {
	p, t := 0, 0
	star, resume := -1, 0 // where to go on after the last *, and the text it has not taken
	for t < len(text) {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			star, resume = p, t
			continue
		}
		if p < len(pattern) {
			if matched, size := matchOne(pattern[p:], text[t], fold); matched {
				p += size
				t++
				continue
			}
		}
		if star < 0 {
			return false
		}
		resume++
		p, t = star, resume
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchOne matches one byte with the beginning of a pattern, and returns how
// long that is.
func matchOne(pattern []byte, c byte, fold bool) (matched bool, size int) {
	switch pattern[0] {
	case '?':
		return true, 1
	case '[':
		return matchSet(pattern, c, fold)
	case '\\':
		if len(pattern) > 1 {
			return same(pattern[1], c, fold), 2
		}
	}
	return same(pattern[0], c, fold), 1
}

// matchSet matches one byte with a set. One that is not closed ends with the
// pattern; a range may be the wrong way round.
func matchSet(pattern []byte, c byte, fold bool) (matched bool, size int) {
	i := 1
	negated := i < len(pattern) && pattern[i] == '^'
	if negated {
		i++
	}
	for ; i < len(pattern) && pattern[i] != ']'; i++ {
		switch {
		case pattern[i] == '\\' && i+1 < len(pattern):
			i++
			matched = matched || pattern[i] == c
		case i+2 < len(pattern) && pattern[i+1] == '-':
			low, high, c := pattern[i], pattern[i+2], c
			if fold {
				low, high, c = lower(low), lower(high), lower(c)
			}
			matched = matched || min(low, high) <= c && c <= max(low, high)
			i += 2
		default:
			matched = matched || same(pattern[i], c, fold)
		}
	}
	return matched != negated, min(i+1, len(pattern))
}

func same(a, b byte, fold bool) bool {
	return a == b || fold && lower(a) == lower(b)
}
