//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/cuenta-server/cuenta"
)

// startCuenta starts a server of the Redis protocol alone, durable, as it is by default;
// the flags may say otherwise.
func (w *workshop) startCuenta(ctx context.Context, name string, flags ...string) (*contestant, error) {
	addresses := w.path(name + ".json")
	// One that was killed could not remove it.
	if err := os.Remove(addresses); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	p, err := w.start(name, nil, w.cuenta, append([]string{"serve", "--data", w.path(name), "--resp", "127.0.0.1:0", "--addresses", addresses,
		"--udp", "off", "--tcp", "off", "--proc", "off", "--web", "off", "--rpc", "off", "--log-level", "warn"}, flags...)...)
	if err != nil {
		return nil, err
	}
	c := &contestant{name: "Cuenta", note: "write and fdatasync before every answer", process: p, redis: true, ours: true}
	err = p.await(ctx, func() error {
		text, err := os.ReadFile(addresses)
		if err != nil {
			return err
		}
		var bound map[string]string
		if err := json.Unmarshal(text, &bound); err != nil {
			return err
		}
		c.rings, c.web = bound[cuenta.FrontSHM], bound[cuenta.FrontWeb]
		if c.address = bound[cuenta.FrontRESP]; c.address == "" {
			return fmt.Errorf("%s names no resp front", addresses)
		}
		return ping(c.address)
	})
	return c, err
}
