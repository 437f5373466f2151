package proc

import (
	"bytes"
	"os"
	"strconv"
)

// Resident returns the bytes of physical memory that this process occupies.
func Resident() int64 { return statusBytes("VmRSS:") }

// PeakResident returns the most that Resident has ever been.
func PeakResident() int64 { return statusBytes("VmHWM:") }

// statusBytes reads one line such as "VmRSS:	 1234 kB"; it returns 0 if there
// is none.
func statusBytes(field string) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if words := bytes.Fields(line); len(words) == 3 && string(words[0]) == field {
			kilobytes, _ := strconv.ParseInt(string(words[1]), 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}
