package text

import (
	"bytes"

	"github.com/cuenta-server/cuenta"
)

const (
	// MaxMalformed is how many malformed lines in a row end a session: its
	// sender speaks something else, and every line costs an answer.
	MaxMalformed = 100

	// The buffer begins small, as most connections are silent most of the time,
	// and doubles while reads fill it. The least must hold an overlong line.
	minBuffer = 1 << 10
	maxBuffer = 1 << 14
)

// Session is the protocol on one stream, as a step machine. Its zero value is
// ready; its fields may be set before the first Decode. The holder reads the stream and calls
//
//	n := read(s.Space()); s.Filled(n)
//	for more := true; more; more = s.Pending() {
//		batch.Requests = batch.Requests[:0]
//		s.Decode(&batch, cuenta.MaxBatch)
//		service.Do(ctx, &batch)               // unless it is empty
//		out = s.AppendAnswers(out[:0], batch.Results)
//		write(out)
//	}
//	if s.Ended() { close }
//
// The requests of many sessions may go into one batch: each appends its own, and
// is given the results of those.
//
// What a session answers depends on the bytes of the stream alone, never on
// how they were cut into reads. An empty line gets no answer: a client that
// ends each command with two line ends and reads one line for each would
// otherwise be one answer behind for ever. A line that the stream ends before
// its line end is never executed.
type Session struct {
	// Client stands for the host at the other end; see [cuenta.Request].
	Client uint32

	buf        []byte
	start, end int // the part of buf that is not decoded yet

	decoder   Decoder
	aside     []aside // of the last Decode
	malformed int     // in the last Decode
	refused   int     // in the last AppendAnswers, by the service
	row       int     // malformed lines in a row, up to now
	ended     bool
}

// aside is a line of the last Decode, after that many of its requests, that is not
// one request which is answered with its value.
type aside struct {
	after int
	line  Line
}

// Space returns the room to read into. It is never empty unless the session is
// [Session.Pending]. It moves what is buffered, so requests decoded earlier
// must not be used any more.
func (s *Session) Space() []byte {
	if s.ended {
		s.start, s.end = 0, 0 // what arrives after the end is thrown away
	}
	rest := s.buf[s.start:s.end]
	if s.end == len(s.buf) && len(s.buf) < maxBuffer {
		s.buf = make([]byte, max(minBuffer, 2*len(s.buf)))
	}
	s.start, s.end = 0, copy(s.buf, rest)
	return s.buf[s.end:]
}

// Filled says that n bytes were read into [Session.Space].
func (s *Session) Filled(n int) { s.end += n }

// Decode takes complete lines and appends their requests to b.Requests, which
// may hold those of others already. It takes no more lines than there is room
// for requests below limit in all, and none whose requests, at most [MaxRequests],
// do not all fit. It returns how many lines are to be answered, which is more than
// there are requests where some ask nothing of the service. Empty lines are not
// counted. The requests are valid until the next Decode or [Session.Space].
func (s *Session) Decode(b *cuenta.Batch, limit int) int {
	s.decoder.Reset()
	s.aside = s.aside[:0]
	s.malformed = 0
	first := len(b.Requests)
	taken := 0
	for taken < limit-first && !s.ended {
		line, size := s.next()
		if size == 0 {
			break
		}
		if len(line) > 0 {
			if !s.decodeLine(line, b, first, limit) {
				break
			}
			taken++
		}
		s.start += size
	}
	return taken
}

// decodeLine reports false, and has done nothing, if there is no room for all of
// the line's requests.
func (s *Session) decodeLine(line []byte, b *cuenta.Batch, first, limit int) bool {
	before := len(b.Requests)
	requests, l := s.decoder.Decode(line, b.Requests)
	if len(requests) > limit {
		return false
	}
	b.Requests = requests
	for i := before; i < len(requests); i++ {
		requests[i].Client = s.Client
	}
	if l.Verdict != Command {
		s.aside = append(s.aside, aside{before - first, l})
	}
	if !l.Bad() {
		s.row = 0
		s.ended = l.Verdict == Quit
		return true
	}
	s.malformed++
	s.row++
	s.ended = l.Verdict == TooLong || l.Verdict == badHTTP || s.row >= MaxMalformed
	return true
}

// next returns the next line without its line end, and its size with it; size
// 0 where more bytes are needed to tell. A line that is already too long is
// returned before its end was seen.
func (s *Session) next() (line []byte, size int) {
	// A line and its CR LF. A line end further away makes no difference.
	window := s.buf[s.start:min(s.end, s.start+MaxLine+2)]
	i := bytes.IndexByte(window, '\n')
	if i < 0 {
		if line = withoutCR(window); len(line) > MaxLine {
			return line, len(window)
		}
		return nil, 0
	}
	return withoutCR(window[:i]), i + 1
}

func withoutCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// AppendAnswers appends the answers to the lines of the last Decode, in their
// order. The results are those of the requests which that Decode appended.
func (s *Session) AppendAnswers(dst []byte, results []cuenta.Result) []byte {
	s.refused = 0
	done := 0
	for _, a := range s.aside {
		dst = s.appendEach(dst, results[done:a.after])
		done = a.after + a.line.Requests()
		of := results[a.after:done]
		if len(of) > 0 && of[0].Code != cuenta.OK {
			s.refused++
		}
		dst = a.line.AppendAnswer(dst, of)
	}
	return s.appendEach(dst, results[done:])
}

func (s *Session) appendEach(dst []byte, results []cuenta.Result) []byte {
	for i := range results {
		if results[i].Code != cuenta.OK {
			s.refused++
		}
		dst = AppendAnswer(dst, &results[i])
	}
	return dst
}

// Refused returns how many lines were refused by the service in the last
// AppendAnswers.
func (s *Session) Refused() int { return s.refused }

// Malformed returns how many lines of the last Decode were malformed.
func (s *Session) Malformed() int { return s.malformed }

// Pending reports whether a Decode would take a line without reading more.
func (s *Session) Pending() bool {
	if s.ended {
		return false
	}
	_, size := s.next()
	return size > 0
}

// Partial reports whether the beginning of a line is buffered, and not more.
func (s *Session) Partial() bool { return !s.ended && s.start < s.end && !s.Pending() }

// Ended reports whether the session is over: after salir, a line that is too
// long, the request line of HTTP, or [MaxMalformed] malformed lines in a row.
// The holder writes the answers that are due and closes the stream.
func (s *Session) Ended() bool { return s.ended }

// Close has nothing to give back.
func (s *Session) Close() {}
