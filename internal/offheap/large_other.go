//go:build !linux

package offheap

func (m *Memory) scattered() {}
