package uuid

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// example is the one in RFC 9562, appendix A.6.
const (
	example     = "017F22E2-79B0-7CC3-98C4-DC0C0C07398F"
	exampleTime = 0x017F22E279B0
)

func TestTime(t *testing.T) {
	for _, c := range []struct {
		key string
		ms  int64
	}{
		{example, exampleTime},
		{strings.ToLower(example), exampleTime},
		{"017f22E2-79b0-7cC3-98c4-dC0c0C07398f", exampleTime},
		{"00000000-0000-7000-8000-000000000000", 0},
		{"00000000-0001-7000-9000-000000000000", 1},
		{"ffffffff-ffff-7fff-bfff-ffffffffffff", 1<<48 - 1},
		{"FFFFFFFF-FFFF-7FFF-AFFF-FFFFFFFFFFFF", 1<<48 - 1},
	} {
		if ms, ok := Time([]byte(c.key)); !ok || ms != c.ms {
			t.Errorf("%s: got %d, %v; want %d", c.key, ms, ok, c.ms)
		}
	}
}

func TestTimeOfWhatIsNone(t *testing.T) {
	for name, key := range map[string]string{
		"empty":             "",
		"short":             example[:35],
		"long":              example + "0",
		"line end":          example + "\n",
		"without dashes":    strings.ReplaceAll(example, "-", ""),
		"braces":            "{" + example + "}",
		"braces, same size": "{" + example[1:35] + "}",
		"urn":               "urn:uuid:" + example,
		"version 4":         "017f22e2-79b0-4cc3-98c4-dc0c0c07398f",
		"version 1":         "017f22e2-79b0-1cc3-98c4-dc0c0c07398f",
		"version 6":         "017f22e2-79b0-6cc3-98c4-dc0c0c07398f",
		"version 8":         "017f22e2-79b0-8cc3-98c4-dc0c0c07398f",
		"variant NCS":       "017f22e2-79b0-7cc3-78c4-dc0c0c07398f",
		"variant Microsoft": "017f22e2-79b0-7cc3-c8c4-dc0c0c07398f",
		"variant reserved":  "017f22e2-79b0-7cc3-f8c4-dc0c0c07398f",
		"nil":               "00000000-0000-0000-0000-000000000000",
		"max":               "ffffffff-ffff-ffff-ffff-ffffffffffff",
		"dash moved":        "017f22e27-9b0-7cc3-98c4-dc0c0c07398f",
		"dash last":         "017f22e2-79b0-7cc3-98c4-dc0c0c07398-",
		"full width digit":  "０17f22e2-79b0-7cc3-98c4-dc0c0c07398",
	} {
		if ms, ok := Time([]byte(key)); ok {
			t.Errorf("%s: %q was read as %d", name, key, ms)
		}
	}
}

// TestTimeLooksAtEveryByte puts every byte into every place.
func TestTimeLooksAtEveryByte(t *testing.T) {
	for i := range Size {
		for c := range 256 {
			key := []byte(strings.ToLower(example))
			key[i] = byte(c)
			ms, ok := Time(key)
			if want, wanted := naive(string(key)); ok != wanted || ms != want {
				t.Fatalf("%q: got %d, %v; want %d, %v", key, ms, ok, want, wanted)
			}
		}
	}
}

// naive is Time, written another way.
func naive(key string) (int64, bool) {
	parts := strings.Split(key, "-")
	if len(parts) != 5 {
		return 0, false
	}
	for i, size := range []int{8, 4, 4, 4, 12} {
		if _, err := hex.DecodeString(parts[i]); err != nil || len(parts[i]) != size {
			return 0, false
		}
	}
	if parts[2][0] != '7' || !strings.Contains("89abAB", parts[3][:1]) {
		return 0, false
	}
	ms, err := strconv.ParseInt(parts[0]+parts[1], 16, 64)
	return ms, err == nil
}

func FuzzTime(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("017f22e2-79b0-4cc3-98c4-dc0c0c07398f"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, key []byte) {
		before := bytes.Clone(key)
		ms, ok := Time(key)
		if want, wanted := naive(string(key)); ok != wanted || ms != want {
			t.Fatalf("%q: got %d, %v; want %d, %v", key, ms, ok, want, wanted)
		}
		if !bytes.Equal(key, before) {
			t.Fatal("the key was changed")
		}
	})
}

func TestTimeAllocatesNothing(t *testing.T) {
	key := []byte(example)
	if n := testing.AllocsPerRun(100, func() { Time(key) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNewV7(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where the clock stands still
		seen := make(map[UUID]bool)
		varied := make([]byte, len(UUID{}))
		first := NewV7()
		for range 1000 {
			u := NewV7()
			ms, ok := Time([]byte(u.String()))
			if !ok || ms != time.Now().UnixMilli() {
				t.Fatalf("%s: read as %d, %v; want %d", u, ms, ok, time.Now().UnixMilli())
			}
			if seen[u] {
				t.Fatalf("%s came twice", u)
			}
			seen[u] = true
			for i := range u {
				varied[i] |= u[i] ^ first[i]
			}
		}
		want := []byte{0, 0, 0, 0, 0, 0, 0x0f, 0xff, 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		if !bytes.Equal(varied, want) {
			t.Errorf("these bits vary: %x; want %x", varied, want)
		}
		time.Sleep(time.Hour)
		if next := NewV7().String(); next <= first.String() {
			t.Errorf("an hour later: %s is not above %s", next, first)
		}
	})
}

func TestString(t *testing.T) {
	var u UUID
	if _, err := hex.Decode(u[:], []byte(strings.ReplaceAll(example, "-", ""))); err != nil {
		t.Fatal(err)
	}
	if got := u.String(); got != strings.ToLower(example) {
		t.Errorf("got %s", got)
	}
}
