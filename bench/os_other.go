//go:build !linux

package main

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

func endWithParent(*exec.Cmd) {}

// The signals are SIGSTOP and SIGCONT of macOS and the BSDs. Windows ignores
// them: background work goes on.
func pause(p *os.Process)  { _ = p.Signal(syscall.Signal(17)) }
func resume(p *os.Process) { _ = p.Signal(syscall.Signal(19)) }

func machineMemory() int64 { return 8 << 30 }

// resident returns the bytes of memory that the Go runtime holds, the nearest
// portable figure to the resident set. It lacks memory that a cache maps
// itself.
func resident() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}

// peakResident returns the present figure: the system reports no peak.
func peakResident() int64 { return resident() }
