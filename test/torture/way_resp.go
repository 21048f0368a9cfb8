//go:build linux

package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cuenta-server/cuenta"
)

// commands is the Redis protocol as an existing client speaks it, without
// identities.
type commands struct{ client *redis.Client }

func newCommands(e *entrances) way {
	return &commands{redis.NewClient(&redis.Options{
		Addr: e.address[cuenta.FrontRESP], MaxRetries: -1, PoolSize: 1, ContextTimeoutEnabled: true,
		DialerRetries: 1, MinIdleConns: 0,
	})}
}

func (w *commands) exchange(ctx context.Context, b *bundle) ([]answer, error) {
	p := w.client.Pipeline()
	if b.together {
		p = w.client.TxPipeline()
	}
	sent := make([]redis.Cmder, len(b.requests))
	for i := range b.requests {
		sent[i] = inRedis(ctx, p, &b.requests[i])
	}
	_, failed := p.Exec(ctx)
	var answers []answer
	for i, cmd := range sent {
		a, err := fromRedis(cmd, &b.requests[i])
		if err != nil {
			return answers, err
		}
		answers = append(answers, a)
	}
	if _, answered := errors.AsType[redis.Error](failed); failed != nil && !answered {
		return answers, failed
	}
	return answers, nil
}

func (w *commands) close() {
	_ = w.client.Close() // nothing more is to be heard from it
}

func inRedis(ctx context.Context, p redis.Pipeliner, r *cuenta.Request) redis.Cmder {
	name := string(r.Counter)
	if name == "" {
		name = cuenta.DefaultCounter
	}
	switch r.Op {
	case cuenta.Add:
		return p.IncrBy(ctx, name, r.N)
	case cuenta.Set:
		return p.Set(ctx, name, r.N, 0)
	default:
		return p.Get(ctx, name)
	}
}

// fromRedis reads a reply; an error says that there is none.
func fromRedis(cmd redis.Cmder, r *cuenta.Request) (answer, error) {
	err := cmd.Err()
	if errors.Is(err, redis.Nil) {
		return value(0), nil
	}
	if refused, answered := errors.AsType[redis.Error](err); answered {
		code, known := codeInRedis(refused.Error())
		if !known {
			return answer{}, strange(refused.Error())
		}
		return answer{Result: cuenta.Result{Code: code}}, nil
	}
	if err != nil {
		return answer{}, err
	}
	switch c := cmd.(type) {
	case *redis.IntCmd:
		return value(c.Val()), nil
	case *redis.StringCmd:
		n, err := strconv.ParseInt(c.Val(), 10, 64)
		if err != nil {
			return answer{}, strange(c.Val())
		}
		return value(n), nil
	}
	return value(r.N), nil // SET says OK
}

// codeInRedis goes by the first word, as clients of Redis do.
func codeInRedis(said string) (cuenta.Code, bool) {
	word, _, _ := strings.Cut(said, " ")
	switch {
	case word == "TRYAGAIN":
		return cuenta.Busy, true
	case word == "MISCONF" && strings.Contains(said, "full"):
		return cuenta.Full, true
	case word == "MISCONF":
		return cuenta.Failed, true
	case strings.Contains(said, "overflow"):
		return cuenta.Overflow, true
	}
	return 0, false
}
