//go:build !unix

package proc

import "os"

// Where a process cannot be stopped, its background work goes on.

func pause(*os.Process)  {}
func resume(*os.Process) {}
