//go:build unix

package sqlstore

import (
	"os"
	"syscall"
)

// linksOf returns the number of names that a file has.
func linksOf(info os.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink)
	}
	return 0
}
