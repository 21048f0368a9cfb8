//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// machine is where a run took place.
type machine struct {
	processor, system, kernel, memory, disk string
	sync                                    time.Duration // median of a write and fdatasync of 4 KiB
}

func machineOf(dir string) (machine, error) {
	m := machine{
		processor: fmt.Sprintf("%d × %s", runtime.NumCPU(), valueIn("/proc/cpuinfo", "model name", ":")),
		system:    strings.Trim(valueIn("/etc/os-release", "PRETTY_NAME", "="), `"`),
		memory:    memorySize(),
	}
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return m, err
	}
	m.kernel = strings.TrimSpace(string(release))
	if m.disk, err = diskOf(dir); err != nil {
		return m, err
	}
	m.sync, err = syncTime(dir)
	return m, err
}

// valueIn finds a line "name separator value" of a file of the system.
func valueIn(path, name, separator string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, separator); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// memorySize is that of the machine, in GiB; the system tells it in KiB.
func memorySize() string {
	text := strings.TrimSuffix(valueIn("/proc/meminfo", "MemTotal", ":"), " kB")
	kib, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return fmt.Sprintf("%.0f GiB", kib/(1<<20))
}

// diskOf tells the file system of a directory and the device under it.
func diskOf(dir string) (string, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		return "", err
	}
	device := fmt.Sprintf("%d:%d", (st.Dev>>8)&0xfff, st.Dev&0xff)
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	defer mounts.Close() // opened for reading only: nothing can be lost
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		dash := slices.Index(fields, "-")
		if len(fields) < 3 || fields[2] != device || dash < 0 || len(fields) < dash+3 {
			continue
		}
		text := fields[dash+1] + " on " + fields[dash+2]
		model, err := os.ReadFile(filepath.Join("/sys/dev/block", device, "device/model"))
		if err == nil {
			text += " (" + strings.TrimSpace(string(model)) + ")"
		}
		return text, nil
	}
	return "unknown (device " + device + ")", nil
}

// syncTime measures what a durable write costs at least: all durable servers here pay it.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0, err
	}
	times := make([]time.Duration, 200)
	block := make([]byte, 4096)
	for i := range times {
		began := time.Now()
		_, err := f.Write(block)
		if err = errors.Join(err, syscall.Fdatasync(int(f.Fd()))); err != nil {
			return 0, errors.Join(err, f.Close())
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[len(times)/2], f.Close()
}
