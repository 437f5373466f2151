//go:build !unix

package sqlstore

import "os"

// linksOf does not know the number of names that a file has.
func linksOf(os.FileInfo) uint64 { return 0 }
