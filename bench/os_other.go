//go:build !linux

package main

import (
	"os"
	"os/exec"
	"runtime/metrics"
	"sync/atomic"
	"syscall"
)

func endWithParent(*exec.Cmd) {}

// The signals are SIGSTOP and SIGCONT of macOS and the BSDs. Windows ignores
// them: background work goes on.
func pause(p *os.Process)  { _ = p.Signal(syscall.Signal(17)) }
func resume(p *os.Process) { _ = p.Signal(syscall.Signal(19)) }

func machineMemory() int64 { return 8 << 30 }

var peak atomic.Int64

// resident returns the bytes of memory that the Go runtime holds, the nearest
// portable figure to the resident set. It lacks memory that a cache maps
// itself.
func resident() int64 {
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

// peakResident returns the maximum that resident has returned.
func peakResident() int64 {
	resident()
	return peak.Load()
}
