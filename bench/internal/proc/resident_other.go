//go:build !linux

package proc

import (
	"runtime/metrics"
	"sync/atomic"
)

var peak atomic.Int64

// Resident returns the bytes of memory that the Go runtime holds, the nearest
// portable thing to the resident set. What a cache maps on its own is missing.
func Resident() int64 {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	now := int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
	for old := peak.Load(); now > old && !peak.CompareAndSwap(old, now); old = peak.Load() {
	}
	return now
}

// PeakResident returns the most that Resident has ever returned.
func PeakResident() int64 {
	Resident()
	return peak.Load()
}
