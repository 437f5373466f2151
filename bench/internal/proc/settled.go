package proc

import "runtime/debug"

// Settled returns the resident set once the garbage has gone back to the
// system.
func Settled() int64 {
	debug.FreeOSMemory()
	return Resident()
}
