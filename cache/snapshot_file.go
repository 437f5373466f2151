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

// SaveFile saves the entries to the file at path, in the format of Save. If
// SaveFile, the process or the machine fails at any moment, the file is
// complete: the old one or the new one.
//
// SaveFile first writes path+".tmp". A failure may leave that file behind, and
// the next SaveFile removes it, so two processes must not save to one path.
// Only the owner can read the file, even if others could read the old one: its
// values are as secret as those in memory. If path or path+".tmp" is a symbolic
// link, SaveFile replaces the link and leaves its target unchanged. Entries
// that are deleted later stay in the file, so load sessions from it only once.
//
// The error wraps ErrClosed or is an error of the system.
func (c *Cache) SaveFile(path string) error {
	if c.closed.Load() {
		return ErrClosed
	}
	c.saving.Lock()
	defer c.saving.Unlock()
	p := c.begin(opSave, c.storedEntries())
	defer p.end()
	save := func(w io.Writer) error { return c.save(w, p) }
	if err := replaceFile(systemDisk{}, path, save); err != nil {
		return fmt.Errorf("cache: saving a snapshot to a file: %w", err)
	}
	return nil
}

// replaceFile replaces the file at path by the output of write. After it
// returns nil, the new file survives a failure of the machine.
func replaceFile(d disk, path string, write func(io.Writer) error) error {
	temporary := path + ".tmp"
	err := writeFile(d, temporary, write)
	if err == nil {
		err = d.rename(temporary, path)
	}
	if err != nil {
		_ = d.remove(temporary) // a failure leaves it for the next SaveFile
		return err
	}
	return d.syncDir(filepath.Dir(path))
}

// writeFile creates a file. Its contents are on the disk when writeFile
// returns.
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

// disk is the part of a file system that replaceFile needs. Tests have a disk
// that loses everything not synced.
type disk interface {
	create(path string) (diskFile, error) // fails if path exists
	rename(from, to string) error
	remove(path string) error
	syncDir(path string) error // makes the directory's names durable
}

type diskFile interface {
	io.WriteCloser
	Sync() error // makes the contents durable
}

type systemDisk struct{}

func (systemDisk) create(path string) (diskFile, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (systemDisk) rename(from, to string) error { return os.Rename(from, to) }

func (systemDisk) remove(path string) error { return os.Remove(path) }

// syncDir does nothing on Windows, which makes renames durable by itself.
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

// LoadFile loads the entries of a file that SaveFile wrote, like Load. The
// error wraps fs.ErrNotExist if the file does not exist, as before the first
// SaveFile.
func (c *Cache) LoadFile(path string) (int, error) {
	if c.closed.Load() {
		return 0, ErrClosed
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("cache: loading a snapshot from a file: %w", err)
	}
	defer f.Close()
	return c.Load(f)
}
