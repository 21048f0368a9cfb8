// Package resp is the Redis protocol, versions 2 and 3, as a pure codec: bytes
// to commands and replies to bytes, and bytes of version 2 to replies for who is
// a client; no input or output.
//
// Commands come as arrays of bulk strings, or inline as a line of words. What a
// client must not say ends its connection with the error that Redis gives. Every
// length is checked against its bound before memory is taken for what it
// announces.
package resp

const (
	// MaxLine bounds an inline command and the line of a length, without their
	// line ends, as in Redis.
	MaxLine = 64 << 10

	// MaxCommand bounds a command, its framing included.
	MaxCommand = 1 << 20

	// MaxArgs bounds the arguments of a command. It leaves room for a value with
	// each of the most keys that one batch can change.
	MaxArgs = 3 << 12

	// A stranger has not sent one valid command yet, and may be anything that
	// found the port. Redis allows ten arguments of 16 KiB before a client has
	// authenticated; here they may be more if they are small, because a client
	// without a password begins with any command.
	maxStrangerBulk    = 16 << 10
	maxStrangerCommand = 10 * maxStrangerBulk
)

// Error is why a connection must close, in Redis' words.
type Error string

func (e Error) Error() string { return "Protocol error: " + string(e) }

const (
	ErrCount          Error = "invalid multibulk length"
	ErrCountLine      Error = "too big mbulk count string"
	ErrCountStranger  Error = "unauthenticated multibulk length"
	ErrLength         Error = "invalid bulk length"
	ErrLengthLine     Error = "too big bulk count string"
	ErrLengthStranger Error = "unauthenticated bulk length"
	ErrQuotes         Error = "unbalanced quotes in request"
	ErrInline         Error = "too big inline request"

	// ErrEnd has no counterpart: Redis passes over whatever two bytes follow an
	// argument, so one wrong length would make a name of what was none.
	ErrEnd Error = "expected CRLF after a bulk string"
)

// errDollar is the error for an argument that begins with another byte.
func errDollar(c byte) Error { return "expected '$', got '" + Error([]byte{c}) + "'" }
