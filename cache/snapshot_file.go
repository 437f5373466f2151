package cache

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// SaveFile saves the entries to the file at path, as Save does. If it fails, or
// the process or the machine does at any moment, the file is the one that was
// there before, or the new one, and whole.
//
// It writes path+".tmp" first, which a failure may leave behind and the next
// SaveFile removes; so no two processes may save to one path. Only the owner may
// read the file, even if others could read the one before: the values in it are as
// secret as in memory. If path or path+".tmp" is a symbolic link, the link itself
// is replaced, and the file that it leads to stays as it is. An entry that is
// deleted after it was saved is still in the file, so load sessions from it only
// once.
func (c *Cache) SaveFile(path string) error {
	if c.closed.Load() {
		return ErrClosed
	}
	c.saving.Lock()
	defer c.saving.Unlock()
	if err := replaceFile(systemDisk{}, path, c.Save); err != nil {
		return fmt.Errorf("cache: saving to a file: %w", err)
	}
	return nil
}

// replaceFile puts what write writes in place of the file at path. When it
// returns nil, that is what a failure of the machine leaves there.
func replaceFile(d disk, path string, write func(io.Writer) error) error {
	temporary := path + ".tmp"
	err := writeFile(d, temporary, write)
	if err == nil {
		err = d.rename(temporary, path)
	}
	if err != nil {
		_ = d.remove(temporary) // or the next one does
		return err
	}
	return d.syncDir(filepath.Dir(path))
}

// writeFile makes a file whose contents are on the disk when it returns.
func writeFile(d disk, path string, write func(io.Writer) error) (err error) {
	if err := d.remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := d.create(path)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	w := bufio.NewWriterSize(f, frameBytes)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

// disk is what replacing a file takes. Tests have one that loses what was not
// synced.
type disk interface {
	create(path string) (diskFile, error) // fails if there is something
	rename(from, to string) error
	remove(path string) error
	syncDir(path string) error // makes the names in it last
}

type diskFile interface {
	io.WriteCloser
	Sync() error // makes the contents last
}

type systemDisk struct{}

func (systemDisk) create(path string) (diskFile, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (systemDisk) rename(from, to string) error { return os.Rename(from, to) }

func (systemDisk) remove(path string) error { return os.Remove(path) }

// Windows does so by itself.
func (systemDisk) syncDir(path string) error {
	if runtime.GOOS == "windows" || runtime.GOOS == "js" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// LoadFile loads the entries of a file that SaveFile wrote, as Load does. If
// there is no file, as before the first SaveFile, the error wraps
// fs.ErrNotExist.
func (c *Cache) LoadFile(path string) (int, error) {
	if c.closed.Load() {
		return 0, ErrClosed
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("cache: loading from a file: %w", err)
	}
	defer f.Close()
	return c.Load(f)
}
