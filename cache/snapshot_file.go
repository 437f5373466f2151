package cache

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// SaveFile saves the entries to the file at path, as Save does. If it fails, or
// the process or the machine does at any moment, the file is the one that was
// there before, or the new one, and whole.
//
// It writes path+".tmp" first, which a failure may leave behind and the next
// SaveFile overwrites; so no two processes may save to one path. Only the owner
// may read the file: the values in it are as secret as in memory.
func (c *Cache) SaveFile(path string) error {
	c.saving.Lock()
	defer c.saving.Unlock()
	temporary := path + ".tmp"
	if err := c.saveTo(temporary); err != nil {
		os.Remove(temporary)
		return fmt.Errorf("cache: saving to a file: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		os.Remove(temporary)
		return fmt.Errorf("cache: saving to a file: %w", err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("cache: saving to a file: %w", err)
	}
	return nil
}

// saveTo saves to a file whose contents are on the disk when it returns.
func (c *Cache) saveTo(path string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	w := bufio.NewWriterSize(f, frameBytes)
	if err := c.Save(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

// syncFolder makes the names in a folder last. Windows does so by itself.
func syncFolder(path string) error {
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
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("cache: loading from a file: %w", err)
	}
	defer f.Close()
	return c.Load(f)
}
