package fronttest

import "time"

// Eventually waits until a state is reached that nobody announces, and reports whether
// it was.
func Eventually(reached func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if reached() {
			return true
		}
	}
	return reached()
}
