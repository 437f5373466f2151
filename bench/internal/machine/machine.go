// Package machine tells on what kind of machine the benchmark runs, without
// telling on which.
package machine

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Processor returns the processor's model, or its architecture where that
// cannot be found out.
func Processor() string {
	if model := field("/proc/cpuinfo", "model name", ":"); model != "" {
		return model
	}
	return runtime.GOARCH
}

// Memory returns the bytes of physical memory; where that cannot be found out,
// 8 GiB.
func Memory() int64 {
	words := strings.Fields(field("/proc/meminfo", "MemTotal", ":"))
	if len(words) > 0 {
		if kilobytes, err := strconv.ParseInt(words[0], 10, 64); err == nil {
			return kilobytes << 10
		}
	}
	return 8 << 30
}

// System returns the operating system and the architecture.
func System() string {
	system := runtime.GOOS + "/" + runtime.GOARCH
	if name := strings.Trim(field("/etc/os-release", "PRETTY_NAME", "="), `"`); name != "" {
		system = name + ", " + system
	}
	return system
}

// field returns what stands behind the name and the separator in the first
// such line of the file; empty if there is none.
func field(file, name, separator string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, ok := strings.Cut(lines.Text(), separator)
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
