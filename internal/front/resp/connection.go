package resp

import (
	"math"
	"strconv"
	"strings"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// The commands on the connection itself.

const errWrongPass = "WRONGPASS invalid username-password pair or user is disabled."

func runPing(s *Session, dst []byte, args [][]byte) []byte {
	switch len(args) {
	case 1:
		return append(dst, "+PONG\r\n"...)
	case 2:
		return wire.AppendBulk(dst, args[1])
	}
	return wire.AppendError(dst, wrongArity("ping"))
}

func runEcho(_ *Session, dst []byte, args [][]byte) []byte { return wire.AppendBulk(dst, args[1]) }

func controlQuit(s *Session, _ *cuenta.Batch, _ [][]byte, _ int) {
	s.ended = true
	s.reply(ok)
}

func controlReset(s *Session, _ *cuenta.Batch, args [][]byte, _ int) {
	s.discard()
	s.later(runReset, args)
}

func runReset(s *Session, dst []byte, _ [][]byte) []byte {
	s.version = wire.V2
	s.client.setName("")
	return wire.AppendSimple(dst, "RESET")
}

func runSelect(s *Session, dst []byte, args [][]byte) []byte {
	n, isInt := wire.ParseInt(args[1])
	switch {
	case !isInt:
		return wire.AppendError(dst, errInteger)
	case n < math.MinInt32 || n > math.MaxInt32:
		return wire.AppendError(dst, "ERR value is out of range, value must between -2147483648 and 2147483647")
	case n != 0:
		return wire.AppendError(dst, "ERR DB index is out of range")
	}
	return append(dst, ok...)
}

func runAuth(s *Session, dst []byte, args [][]byte) []byte {
	switch {
	case len(args) > 3:
		return wire.AppendError(dst, errSyntax)
	case len(args) == 2:
		return wire.AppendError(dst, "ERR AUTH <password> called without any password configured for the default user. "+
			"Are you sure your configuration is correct?")
	case string(args[1]) != "default":
		return wire.AppendError(dst, errWrongPass)
	}
	return append(dst, ok...)
}

func runHello(s *Session, dst []byte, args [][]byte) []byte {
	version := s.version
	if len(args) > 1 {
		n, isInt := wire.ParseInt(args[1])
		switch {
		case !isInt:
			return wire.AppendError(dst, "ERR Protocol version is not an integer or out of range")
		case n != int64(wire.V2) && n != int64(wire.V3):
			return wire.AppendError(dst, "NOPROTO unsupported protocol version")
		}
		version = wire.Version(n)
	}
	for i := 2; i < len(args); i++ {
		switch option, more := args[i], len(args)-1-i; {
		case isWord(option, "auth") && more >= 2:
			if string(args[i+1]) != "default" {
				return wire.AppendError(dst, errWrongPass)
			}
			i += 2
		case isWord(option, "setname") && more >= 1:
			if !s.client.setName(string(args[i+1])) {
				return wire.AppendError(dst, errClientName)
			}
			i++
		default:
			return wire.AppendError(dst, "ERR Syntax error in HELLO option '"+string(shown(option, len(option)))+"'")
		}
	}
	s.version = version
	return s.appendHello(dst)
}

// appendHello answers as a Redis, because there are clients that ask for one.
func (s *Session) appendHello(dst []byte) []byte {
	pair := func(key, value string) {
		dst = wire.AppendBulk(dst, key)
		dst = wire.AppendBulk(dst, value)
	}
	number := func(key string, n int64) {
		dst = wire.AppendBulk(dst, key)
		dst = wire.AppendInt(dst, n)
	}
	dst = wire.AppendMap(dst, s.version, 7)
	pair("server", "redis")
	pair("version", redisVersion)
	number("proto", int64(s.version))
	number("id", int64(s.client.id))
	pair("mode", "standalone")
	pair("role", "master")
	dst = wire.AppendBulk(dst, "modules")
	return wire.AppendArray(dst, 0)
}

func runTime(s *Session, dst []byte, _ [][]byte) []byte {
	now := s.p.now().UnixMicro()
	dst = wire.AppendArray(dst, 2)
	dst = wire.AppendBulk(dst, strconv.FormatInt(now/1e6, 10))
	return wire.AppendBulk(dst, strconv.FormatInt(now%1e6, 10))
}

// runHelp lists the subcommands of a container from the table.
func runHelp(s *Session, dst []byte, args [][]byte) []byte {
	c := s.p.commands.lookup(args[0])
	dst = wire.AppendArray(dst, 1+2*len(c.subs))
	dst = wire.AppendSimple(dst, strings.ToUpper(c.name)+" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for _, sub := range c.subs {
		line := strings.ToUpper(sub.name)
		if sub.syntax != "" {
			line += " " + sub.syntax
		}
		dst = wire.AppendSimple(dst, line)
		dst = wire.AppendSimple(dst, "    "+sub.summary)
	}
	return dst
}
