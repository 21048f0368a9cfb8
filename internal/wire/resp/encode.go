package resp

import (
	"strconv"
)

// Version is the protocol's version on a connection.
type Version uint8

const (
	V2 Version = 2
	V3 Version = 3
)

// AppendSimple appends a simple string, which must hold no line end.
func AppendSimple(dst []byte, s string) []byte {
	dst = append(dst, '+')
	dst = append(dst, s...)
	return append(dst, '\r', '\n')
}

// AppendError appends an error, its code included. Line ends in it become spaces.
func AppendError(dst []byte, text string) []byte {
	dst = append(dst, '-')
	for i := range len(text) {
		c := text[i]
		if c == '\r' || c == '\n' {
			c = ' '
		}
		dst = append(dst, c)
	}
	return append(dst, '\r', '\n')
}

// AppendInt appends an integer.
func AppendInt(dst []byte, n int64) []byte { return header(dst, ':', n) }

func header(dst []byte, kind byte, n int64) []byte {
	dst = append(dst, kind)
	if 0 <= n && n <= 9 {
		dst = append(dst, byte('0'+n))
	} else {
		dst = strconv.AppendInt(dst, n, 10)
	}
	return append(dst, '\r', '\n')
}

// AppendBulk appends a bulk string.
func AppendBulk[T []byte | string](dst []byte, s T) []byte {
	dst = header(dst, '$', int64(len(s)))
	dst = append(dst, s...)
	return append(dst, '\r', '\n')
}

// AppendBulkInt appends a number as a bulk string.
func AppendBulkInt(dst []byte, n int64) []byte {
	var digits [20]byte
	return AppendBulk(dst, strconv.AppendInt(digits[:0], n, 10))
}

// AppendNull appends the null of the version, which in version 2 is a bulk
// string's.
func AppendNull(dst []byte, v Version) []byte {
	if v == V3 {
		return append(dst, "_\r\n"...)
	}
	return append(dst, "$-1\r\n"...)
}

// AppendNullArray appends the null that stands for an array.
func AppendNullArray(dst []byte, v Version) []byte {
	if v == V3 {
		return append(dst, "_\r\n"...)
	}
	return append(dst, "*-1\r\n"...)
}

// AppendArray appends the header of an array of n elements, which must follow.
func AppendArray(dst []byte, n int) []byte { return header(dst, '*', int64(n)) }

// AppendMap appends the header of a map of n pairs. Version 2 has arrays only.
func AppendMap(dst []byte, v Version, n int) []byte {
	if v == V3 {
		return header(dst, '%', int64(n))
	}
	return AppendArray(dst, 2*n)
}

// AppendSet appends the header of a set of n elements.
func AppendSet(dst []byte, v Version, n int) []byte {
	if v == V3 {
		return header(dst, '~', int64(n))
	}
	return AppendArray(dst, n)
}

// AppendVerbatim appends a text that is to be shown as it is.
func AppendVerbatim(dst []byte, v Version, text []byte) []byte {
	if v != V3 {
		return AppendBulk(dst, text)
	}
	dst = header(dst, '=', int64(len("txt:")+len(text)))
	dst = append(dst, "txt:"...)
	dst = append(dst, text...)
	return append(dst, '\r', '\n')
}
