package journal

import (
	"errors"
	"fmt"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
)

var (
	// ErrWait says that the next segment is still being made.
	ErrWait = errors.New("journal: the next segment is still being made")

	// ErrClosed says that the journal was sealed or closed.
	ErrClosed = errors.New("journal: closed")

	errFull     = cuenta.Full.Err()
	errTooLarge = cuenta.TooLarge.Err()

	// errNoRoom is a broken promise of the caller, who must ask Room first.
	errNoRoom = errors.New("journal: record without room for it")
)

// DamageError says that a file of the data directory does not hold what was
// written there. Nothing is changed on disk when it is found.
type DamageError struct {
	File   string
	Offset int64
	Reason lang.Text
}

// sound is the reason of no damage.
var sound lang.Text

// Reasons that are found in more than one place.
var (
	brokenHold    = lang.Text{ES: "una reserva está incompleta o mal formada", EN: "a hold is incomplete or malformed"}
	brokenTerms   = lang.Text{ES: "las condiciones de un contador están incompletas o mal formadas", EN: "a counter's terms are incomplete or malformed"}
	damagedWithin = lang.Text{
		ES: "el registro de esa posición está dañado, pues le sigue uno entero en la posición %d",
		EN: "the record there is damaged, for a whole one follows at offset %d",
	}
	noSeal   = lang.Text{ES: "no hay sello, aunque el diario sigue en el segmento %d", EN: "there is no seal, though the log goes on in segment %d"}
	tooLarge = lang.Text{ES: "ningún segmento tiene %d bytes", EN: "no segment has %d bytes"}
)

func (e *DamageError) Error() string {
	return fmt.Sprintf("journal: %s is damaged at offset %d: %s; nothing was changed: "+
		"keep a copy of the directory, then restore the file from a backup", e.File, e.Offset, e.Reason.EN)
}

// RefusedError says that something was read as it was written, and that whoever gets it
// back does not take it: what was written makes no sense, or there is no room for it.
type RefusedError struct {
	File   string
	Offset int64
	Part   lang.Text // of the file, that is there
	Err    error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("journal: %s, %s at offset %d: %s", e.File, e.Part.EN, e.Offset, e.Err)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// VersionError says that a file was written by a program whose format is another.
type VersionError struct {
	File    string
	Version uint32
}

func (e *VersionError) Error() string {
	other := "older"
	if e.Version > version {
		other = "newer"
	}
	return fmt.Sprintf("journal: %s has format version %d, and this program reads version %d; "+
		"nothing was changed: use the %s program", e.File, e.Version, version, other)
}

// EmptyError says that a directory holds no data.
type EmptyError struct{ Dir string }

func (e *EmptyError) Error() string { return fmt.Sprintf("journal: %s holds no data", e.Dir) }

// NotEmptyError says that a directory cannot be made what it was to be, as it holds
// something.
type NotEmptyError struct{ Dir string }

func (e *NotEmptyError) Error() string {
	return fmt.Sprintf("journal: %s is not empty: name a directory that is, or one that does not exist", e.Dir)
}

// UnfinishedError says that a directory is a backup, or was restored from one, and
// that this was never finished.
type UnfinishedError struct{ Dir string }

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("journal: %s is a copy that was never finished: remove it, and make another", e.Dir)
}
