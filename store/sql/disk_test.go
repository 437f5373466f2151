package sqlstore_test

import (
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ncruces/go-sqlite3/vfs"
	"github.com/stretchr/testify/require"
)

// disk is a file system for SQLite that knows which writes have reached the
// disk: those before the latest sync of their file. A power failure may lose or
// tear any other.
type disk struct {
	vfs.VFSFilename
	name  string
	syncs atomic.Int64 // of the WAL
	lies  atomic.Bool  // a sync does nothing

	gate    sync.RWMutex // held by a test to let syncs wait
	waiting atomic.Int64 // the syncs that have begun

	mu    sync.Mutex
	files map[string]*content
}

// content is a file on the disk, and the changes that have not reached it.
type content struct {
	synced  []byte
	changes []change
}

type change struct {
	offset int64
	data   []byte // nil cuts the file off at offset
}

func (c change) apply(to []byte) []byte {
	if c.data == nil {
		return append(to, make([]byte, max(0, int(c.offset)-len(to)))...)[:c.offset]
	}
	end := int(c.offset) + len(c.data)
	to = append(to, make([]byte, max(0, end-len(to)))...)
	copy(to[c.offset:], c.data)
	return to
}

var disks atomic.Int64

func newDisk(t testing.TB) *disk {
	d := &disk{
		VFSFilename: vfs.Find("").(vfs.VFSFilename), name: fmt.Sprint("disk", disks.Add(1)), files: make(map[string]*content),
	}
	vfs.Register(d.name, d)
	t.Cleanup(func() { vfs.Unregister(d.name) })
	return d
}

// open opens a file on the disk.
func (d *disk) open(t testing.TB, file string) *sql.DB {
	return openFile(t, "sqlite3", file+"?vfs="+d.name+"&_pragma=wal_autocheckpoint(50)")
}

func (d *disk) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	file, flags, err := d.VFSFilename.OpenFilename(name, flags)
	if err != nil || name == nil {
		return file, flags, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	path := name.String()
	if d.files[path] == nil {
		d.files[path] = new(content)
	}
	return &diskFile{File: file, disk: d, path: path, wal: flags&vfs.OPEN_WAL != 0}, flags, nil
}

func (d *disk) Delete(path string, syncFolder bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, path)
	return d.VFSFilename.Delete(path, syncFolder)
}

func (d *disk) change(path string, c change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.files[path]; f != nil {
		f.changes = append(f.changes, c)
	}
}

type diskFile struct {
	vfs.File
	disk *disk
	path string
	wal  bool
}

func (f *diskFile) SharedMemory() vfs.SharedMemory {
	if shared, ok := f.File.(vfs.FileSharedMemory); ok {
		return shared.SharedMemory()
	}
	return nil
}

func (f *diskFile) WriteAt(p []byte, offset int64) (int, error) {
	n, err := f.File.WriteAt(p, offset)
	f.disk.change(f.path, change{offset, append([]byte{}, p[:n]...)})
	return n, err
}

func (f *diskFile) Truncate(size int64) error {
	f.disk.change(f.path, change{offset: size})
	return f.File.Truncate(size)
}

func (f *diskFile) Sync(flags vfs.SyncFlag) error {
	d := f.disk
	if f.wal {
		d.waiting.Add(1)
		d.gate.RLock()
		defer d.gate.RUnlock()
		d.syncs.Add(1)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.files[f.path]; c != nil && !d.lies.Load() {
		for _, change := range c.changes {
			c.synced = change.apply(c.synced)
		}
		c.changes = nil
	}
	return nil // the real disk need not wait
}

// fail writes the files as they are after a power failure to a new folder, and
// returns the name of the file there that had that name. Everything that is in
// the files now and was not synced is lost, torn or kept by chance.
func (d *disk) fail(t testing.TB, file string) string {
	d.mu.Lock()
	left := make(map[string][]byte)
	for path, c := range d.files {
		text := slices.Clone(c.synced)
		keep := rand.IntN(4) // of 3
		for _, change := range c.changes {
			if rand.IntN(3) >= keep {
				continue
			}
			if change.data != nil && rand.IntN(4) == 0 {
				const sector = 512
				change.data = change.data[:rand.IntN(len(change.data)/sector+1)*sector]
			}
			text = change.apply(text)
		}
		left[path] = text
	}
	d.mu.Unlock()
	folder, err := os.MkdirTemp(filepath.Dir(file), "")
	require.NoError(t, err)
	for path, text := range maps.All(left) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, filepath.Base(path)), text, 0o600))
	}
	return filepath.Join(folder, filepath.Base(file))
}
