package resp

import (
	"bytes"
	"errors"
	"math"
)

// ErrReply says that what a server answers is no reply of version 2.
var ErrReply = errors.New("the server does not answer as the Redis protocol has it")

// maxReplyDepth bounds arrays in arrays.
const maxReplyDepth = 2

// Reply is one reply of a server, in version 2 of the protocol.
type Reply struct {
	Kind  byte // '+', '-', ':', '$' or '*'
	Null  bool
	Text  []byte // of a '+', '-' or '$'; it lies in what was decoded
	N     int64  // of a ':'
	Parts []Reply
}

// DecodeReply reads the reply that buf begins with. Its size is 0 if it is not all
// there yet: the holder comes again with more, and bounds how much that may be.
func DecodeReply(buf []byte) (r Reply, size int, err error) {
	return decodeReply(buf, maxReplyDepth)
}

func decodeReply(buf []byte, depth int) (r Reply, size int, err error) {
	end := bytes.IndexByte(buf, '\n')
	switch {
	case end < 0 && len(buf) > MaxLine:
		return Reply{}, 0, ErrReply
	case end < 0:
		return Reply{}, 0, nil
	case end < 2 || buf[end-1] != '\r':
		return Reply{}, 0, ErrReply
	}
	r, size = Reply{Kind: buf[0], Text: buf[1 : end-1]}, end+1
	if r.Kind == '+' || r.Kind == '-' {
		return r, size, nil
	}
	n, ok := ParseInt(r.Text)
	r.Text = nil
	switch {
	case !ok:
		return Reply{}, 0, ErrReply
	case r.Kind == ':':
		r.N = n
		return r, size, nil
	case n == -1 && (r.Kind == '$' || r.Kind == '*'):
		r.Null = true
		return r, size, nil
	case n < 0 || n > math.MaxInt32:
		return Reply{}, 0, ErrReply
	case r.Kind == '$':
		return r.bulk(buf, size, int(n))
	case r.Kind == '*' && depth > 0:
		return r.array(buf, size, int(n), depth-1)
	}
	return Reply{}, 0, ErrReply
}

// bulk reads n bytes and their line end, which come after the head.
func (r Reply) bulk(buf []byte, head, n int) (Reply, int, error) {
	size := head + n + len("\r\n")
	switch {
	case len(buf) < size:
		return Reply{}, 0, nil
	case buf[size-2] != '\r' || buf[size-1] != '\n':
		return Reply{}, 0, ErrReply
	}
	r.Text = buf[head : head+n]
	return r, size, nil
}

// array reads n replies, which come after the head. Memory is taken for those that are
// there, not for those that are announced.
func (r Reply) array(buf []byte, size, n, depth int) (Reply, int, error) {
	for range n {
		part, more, err := decodeReply(buf[size:], depth)
		if more == 0 {
			return Reply{}, 0, err
		}
		r.Parts, size = append(r.Parts, part), size+more
	}
	return r, size, nil
}
