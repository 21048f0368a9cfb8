// Package accept is how fronts go on accepting: what is worth another try, and after
// which rest.
package accept

import (
	"errors"
	"syscall"
	"time"
)

// The rest after an error, which doubles with each error in a row.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// Until calls accept until stopping is closed, and returns nil then, or the first error
// that is not worth another try. Before another try it calls told, and rests.
func Until(stopping <-chan struct{}, accept func() error, told func(err error, pause time.Duration)) error {
	for pause := time.Duration(0); ; {
		err := accept()
		switch {
		case closed(stopping):
			return nil
		case err == nil:
			pause = 0
		case passing(err):
			pause = min(max(2*pause, minPause), maxPause)
			told(err, pause)
			rest(pause, stopping)
		default:
			return err
		}
	}
}

// passing reports whether an error is worth another try: a client that gave up first,
// or a machine short of something that may come back.
func passing(err error) bool {
	for _, e := range []error{
		syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EINTR,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// rest ends early when stopping is closed.
func rest(d time.Duration, stopping <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-stopping:
	}
}
