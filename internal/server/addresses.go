package server

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
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
		return addressesError(path, err)
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
		return addressesError(path, err)
	}
	return nil
}

func addressesError(path string, err error) error {
	return &told{lang.Text{
		ES: "no se puede escribir el fichero de direcciones %s: %s; elija otro con --addresses",
		EN: "the addresses file %s cannot be written: %s; choose another with --addresses",
	}.Fill(path, lang.System(err)), err}
}
