package server

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cuenta-server/cuenta"
)

// writeAddresses writes front name → bound address as a JSON object. It appears
// whole or not at all, so that whoever waits for it may read it at once.
func writeAddresses(path string, fronts []*front) error {
	bound := map[string]string{}
	for _, f := range fronts {
		if s := f.status(); s.State == cuenta.Running {
			bound[f.name] = s.Address
		}
	}
	text, err := json.MarshalIndent(bound, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing the addresses file %s: %w", path, err)
	}
	_, err = tmp.Write(append(text, '\n'))
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name()) // the first error tells more
		return fmt.Errorf("writing the addresses file %s: %w", path, err)
	}
	return nil
}
