package main

import (
	"cmp"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// endWithParent ends the child with this process. A paused child would not see
// the end of its input, and would keep its memory.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

func pause(p *os.Process)  { _ = p.Signal(syscall.SIGSTOP) }
func resume(p *os.Process) { _ = p.Signal(syscall.SIGCONT) }

// resident returns the bytes of physical memory of this process.
func resident() int64 { return kilobytes(fileField("/proc/self/status", "VmRSS", ":")) }

// peakResident returns the maximum that resident has had.
func peakResident() int64 { return kilobytes(fileField("/proc/self/status", "VmHWM", ":")) }

// kilobytes parses "1234 kB" into bytes; 0 for anything else.
func kilobytes(text string) int64 {
	number, _, _ := strings.Cut(text, " ")
	n, _ := strconv.ParseInt(number, 10, 64)
	return n << 10
}

// machineMemory returns the bytes of physical memory; 8 GiB if unknown.
func machineMemory() int64 {
	return cmp.Or(kilobytes(fileField("/proc/meminfo", "MemTotal", ":")), 8<<30)
}
