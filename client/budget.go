package client

import (
	"math/rand/v2"
	"sync"
	"time"
)

// budget is a token bucket of retries.
type budget struct {
	Budget

	mu     sync.Mutex
	tokens float64
	filled time.Time
}

func newBudget(b Budget, now time.Time) *budget {
	return &budget{Budget: b, tokens: b.Burst, filled: now}
}

// earn puts in what a call brings.
func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.tokens+b.Ratio, b.Burst)
}

// spend takes one retry out, or reports that there is none.
func (b *budget) spend(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if since := now.Sub(b.filled); since > 0 {
		b.tokens = min(b.tokens+since.Seconds()*b.PerSecond, b.Burst)
		b.filled = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// backoff is the pause before a retry, after the given attempt, from 0: full
// jitter, so that clients that failed together do not come back together.
func (o *Options) backoff(attempt int) time.Duration {
	most := o.MaxBackoff
	if shifted := o.MinBackoff << min(attempt, 32); shifted>>min(attempt, 32) == o.MinBackoff {
		most = min(most, shifted)
	}
	return rand.N(most) + 1
}
