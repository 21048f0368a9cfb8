package config

import "github.com/cuenta-server/cuenta/internal/lang"

// Import is what an import is told besides its source and its server.
type Import struct {
	Format string // empty: what the source is
	Prefix string
	Add    bool
	As     string // empty: the source
	Strict bool
	DryRun bool
}

// Import reads the settings of an import.
func (v Values) Import() (Import, error) {
	i := Import{
		Format: v.flags["format"], Prefix: v.flags["prefix"], As: v.flags["as"],
		Add: v.On("add"), Strict: v.On("strict"), DryRun: v.On("dry-run"),
	}
	if _, named := v.flags["as"]; named && !i.Add {
		return i, lang.Text{ES: "--as es para --add", EN: "--as is for --add"}
	}
	return i, nil
}

// Format returns the format that the command line names, or the default one.
func (v Values) Format(standard string) string {
	if format, given := v.flags["format"]; given {
		return format
	}
	return standard
}

// Data reads the data directory.
func (v Values) Data() (string, error) {
	r := reader{values: v}
	data := read(&r, "data", parsePath)
	return data, r.err
}
