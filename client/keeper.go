package client

import (
	"context"
	"sync"
)

// connection is one connection of a transport that shares it among its callers.
type connection interface {
	ended() bool   // nothing more can be asked on it
	end(err error) // what is under way on it fails with err; once it has returned, nothing of it runs
}

// keeper keeps a connection, and makes another one when it has ended.
type keeper[C connection] struct {
	dial   func(context.Context) (C, error)
	making chan struct{} // held by who makes one

	mu     sync.Mutex
	conn   C
	made   bool // conn is one
	closed bool
}

func newKeeper[C connection](dial func(context.Context) (C, error)) *keeper[C] {
	return &keeper[C]{dial: dial, making: make(chan struct{}, 1)}
}

// get returns the connection, or makes one.
func (k *keeper[C]) get(ctx context.Context) (C, error) {
	if conn, ok, err := k.current(); ok || err != nil {
		return conn, err
	}
	var none C
	select {
	case k.making <- struct{}{}:
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
	defer func() { <-k.making }()
	if conn, ok, err := k.current(); ok || err != nil {
		return conn, err
	}
	k.discard()
	conn, err := k.dial(ctx)
	if err != nil {
		return none, err
	}
	if !k.put(conn) {
		conn.end(ErrClosed)
		return none, ErrClosed
	}
	return conn, nil
}

// current returns the connection if there is one that has not ended.
func (k *keeper[C]) current() (conn C, ok bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return conn, false, ErrClosed
	}
	if !k.made || k.conn.ended() {
		return conn, false, nil
	}
	return k.conn, true, nil
}

// discard waits until nothing runs any more of the connection that has ended.
func (k *keeper[C]) discard() {
	k.mu.Lock()
	conn, made := k.conn, k.made
	k.mu.Unlock()
	if made {
		conn.end(ErrClosed)
	}
}

func (k *keeper[C]) put(conn C) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed {
		k.conn, k.made = conn, true
	}
	return !k.closed
}

func (k *keeper[C]) close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.discard()
}
