package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"

	"connectrpc.com/connect"

	"github.com/cuenta-server/cuenta"
)

// Requests may be packed by gzip, and the answers of RPCs are where the client
// takes that. The end of what gzip has packed tells its size: so much of the budget
// is taken for it, and unpacking ends there, whatever else may come out.

const (
	packedBy = "gzip"

	// packFrom is the smallest answer, in bytes, that is packed: below, hardly a
	// packet is saved.
	packFrom = 2 << 10
)

// packing is what the RPC services have in common.
var packing = connect.WithHandlerOptions(
	connect.WithCompression(packedBy, newMessageUnpacker, newPacker),
	connect.WithCompressMinBytes(packFrom),
)

func newPacker() connect.Compressor {
	w, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic("api: " + err.Error())
	}
	return w
}

// unpacker unpacks what was read whole.
type unpacker struct {
	from gzip.Reader
	left int64 // of the size that it shall have
}

// Reset begins with another source.
func (u *unpacker) Reset(source io.Reader) error {
	u.left = 0
	if whole, ok := source.(*bytes.Buffer); ok {
		u.left = min(sizeOf(whole.Bytes()), maxBody)
	}
	return u.from.Reset(source)
}

// Read implements [io.Reader].
func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.from.Read(p[:min(int64(len(p)), u.left+1)])
	if u.left -= int64(n); u.left < 0 {
		u.left = 0
		return 0, refuse(cuenta.TooLarge, "unpacked the body is larger than it says, or over %d bytes", maxBody)
	}
	return n, err
}

// Close implements [io.Closer].
func (u *unpacker) Close() error { return u.from.Close() }

// messageUnpacker is an unpacker for connect-go.
type messageUnpacker struct{ unpacker }

func newMessageUnpacker() connect.Decompressor { return new(messageUnpacker) }

// Read implements [connect.Decompressor].
func (u *messageUnpacker) Read(p []byte) (int, error) {
	n, err := u.unpacker.Read(p)
	if refused, ok := errors.AsType[*refusal](err); ok {
		return n, connectError(context.Background(), refused)
	}
	return n, err
}

// sizeOf is how many bytes were packed, as the end of them tells (RFC 1952, section
// 2.3.1).
func sizeOf(packed []byte) int64 {
	if len(packed) < 4 {
		return 0
	}
	return int64(binary.LittleEndian.Uint32(packed[len(packed)-4:]))
}

// unpackedSize is how many bytes a body says that it has unpacked; 0 if it is not
// packed.
func unpackedSize(h http.Header, body []byte) (size int64) {
	if !strings.HasPrefix(h.Get("Content-Type"), "application/grpc") {
		if strings.EqualFold(h.Get("Content-Encoding"), packedBy) {
			return sizeOf(body)
		}
		return 0
	}
	// Messages of gRPC have a flag that tells whether they are packed, and a length.
	for len(body) >= 5 {
		packed, length := body[0]&1 == 1, int64(binary.BigEndian.Uint32(body[1:]))
		body = body[5:]
		if length > int64(len(body)) {
			break // it is refused without being unpacked
		}
		if packed {
			size += sizeOf(body[:length])
		}
		body = body[length:]
	}
	return size
}

// unpack returns the body of a request to one of the routes.
func unpack(h http.Header, body []byte) ([]byte, *refusal) {
	switch by := strings.ToLower(h.Get("Content-Encoding")); {
	case by == "" || by == "identity" || len(body) == 0:
		return body, nil
	case by != packedBy:
		refused := refuse(cuenta.Unsupported, "a body may be packed by gzip, and by nothing else")
		refused.status = http.StatusUnsupportedMediaType
		return nil, refused
	}
	var u unpacker
	err := u.Reset(bytes.NewBuffer(body))
	if err == nil {
		body, err = io.ReadAll(&u)
	}
	if refused, ok := errors.AsType[*refusal](err); ok {
		return nil, refused
	} else if err != nil {
		return nil, refuse(cuenta.Syntax, "the body is not packed by gzip as its header says")
	}
	return body, nil
}
