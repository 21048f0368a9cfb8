package config

import (
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// Identities is how long and how much the server remembers of requests that may
// come again.
type Identities struct {
	IdentityMemory uint64        // bytes at most
	KeyRetention   time.Duration // how long idempotency keys are remembered
	SessionIdle    time.Duration // after which idle sessions end
}

func readIdentities(r *reader) Identities {
	return Identities{
		IdentityMemory: read(r, "id-memory", parseSize),
		KeyRetention:   read(r, "key-age", parseAge),
		SessionIdle:    read(r, "session-age", parseAge),
	}
}

// units are those of sizes. The longer names come first: B ends all of them.
var units = []struct {
	name string
	size uint64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"B", 1}}

// minIdentityMemory holds several thousand requests.
const minIdentityMemory = 1 << 20

func parseSize(s string) (uint64, error) {
	number, unit := s, uint64(1)
	for _, u := range units {
		if digits, ok := strings.CutSuffix(s, u.name); ok {
			number, unit = strings.TrimSpace(digits), u.size
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 64)
	over, size := bits.Mul64(n, unit)
	if err != nil || over > 0 || size < minIdentityMemory || size > 1<<44 {
		return 0, lang.Text{
			ES: "se espera un tamaño como 512MiB o 4GiB, de 1MiB a 16TiB",
			EN: "want a size such as 512MiB or 4GiB, 1MiB to 16TiB"}
	}
	return size, nil
}

// maxAge is the longest that anything is remembered.
const maxAge = 366 * 24 * time.Hour

// parseAge reads a time that may be given in days, as 7d.
func parseAge(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d < time.Minute || d > maxAge {
		return 0, lang.Text{
			ES: "se espera un tiempo como 12h o 7d, de 1m a 366d", EN: "want a time such as 12h or 7d, 1m to 366d"}
	}
	return d, nil
}
