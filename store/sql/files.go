package sqlstore

import (
	"os"
	"sync/atomic"
)

// files are the files of an SQLite database while it is open. SQLite goes on
// writing into a file that somebody has removed or replaced, and such a write
// is lost. So each commit is followed by a check. It opens no file: that would
// end SQLite's locks.
type files struct {
	name   string
	opened map[string]os.FileInfo
	damage atomic.Pointer[error] // that SQLite has found in them, or nil
}

const ownerSuffix = "-owner"

// links returns the number of names that the file has, or less if it is
// unknown.
func (f *files) links() uint64 {
	info, err := os.Stat(f.name)
	if err != nil {
		return 0
	}
	return linksOf(info)
}

// open notes which files SQLite has opened. A driver may keep them elsewhere
// than in the file system of the host: then there is nothing to check.
func (f *files) open() {
	f.opened = make(map[string]os.FileInfo)
	for _, suffix := range []string{"", "-wal", ownerSuffix} {
		if info, err := os.Stat(f.name + suffix); err == nil {
			f.opened[f.name+suffix] = info
		}
	}
}

// check returns an error if the files are damaged, if one is not the one that
// SQLite has open, or if the database is empty: it never is once SQLite has
// opened it.
func (f *files) check() error {
	if damage := f.damage.Load(); damage != nil {
		return *damage
	}
	for name, opened := range f.opened {
		now, err := os.Stat(name)
		if err != nil || !os.SameFile(now, opened) || name == f.name && now.Size() == 0 {
			return failed("SQLite: " + name + ": the file was removed, replaced or emptied while it was open: put it back, or start the process again")
		}
	}
	return nil
}
