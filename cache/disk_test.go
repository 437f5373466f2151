package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A power cut keeps any subset of the changes that were not synced. Of a file's
// contents these are the writes since its Sync, the latest perhaps by half; of
// the names in a directory, the changes since its sync. The tests cut at every
// operation of SaveFile and check every disk that can result.

const diskPath = "folder/sessions"

func TestPowerCut(t *testing.T) {
	t.Run("leaves the old file or new", func(t *testing.T) {
		before, after := generation(t, 1), generation(t, 2)
		cuts := forEachCut(t, diskWith(t, before), after, func(cut int, saved bool, left *testDisk) {
			got := left.contents(diskPath)
			isNew := bytes.Equal(got, after)
			require.True(t, isNew || bytes.Equal(got, before), "a cut at operation %d left neither", cut)
			require.True(t, isNew || !saved, "a cut after SaveFile returned nil brought the old file back")
		})
		require.Greater(t, cuts, 7, "create, several writes, sync, close, rename and sync of the folder")
	})

	// A power cut leaves no file or the new one.
	t.Run("in the first SaveFile", func(t *testing.T) {
		first := generation(t, 1)
		forEachCut(t, newTestDisk(), first, func(cut int, saved bool, left *testDisk) {
			if left.names[diskPath] == nil {
				require.False(t, saved, "a cut after SaveFile returned nil took the file away")
				return
			}
			require.True(t, bytes.Equal(left.contents(diskPath), first), "a cut at operation %d left half a file", cut)
		})
	})

	// SaveFile works on every disk that a cut may leave.
	t.Run("before another SaveFile", func(t *testing.T) {
		after := generation(t, 3)
		forEachCut(t, diskWith(t, generation(t, 1)), generation(t, 2), func(cut int, _ bool, left *testDisk) {
			require.NoError(t, save(left, after))
			for _, left := range left.afterCut() {
				require.True(t, bytes.Equal(left.contents(diskPath), after), "after a cut at operation %d", cut)
			}
		})
	})
}

// SaveFile reports an operation that fails, and leaves one whole file.
func TestDiskFailure(t *testing.T) {
	before, after := generation(t, 1), generation(t, 2)
	for fail := 1; ; fail++ {
		d := diskWith(t, before)
		d.failAt = fail
		err := save(d, after)
		if d.operations < fail {
			return
		}
		assert.ErrorIs(t, err, errDisk, "operation %d failed", fail)
		assert.Equal(t, []string{diskPath}, slices.Collect(maps.Keys(d.names)), "operation %d failed", fail)
		got := d.contents(diskPath)
		assert.True(t, bytes.Equal(got, before) || bytes.Equal(got, after), "operation %d failed", fail)
	}
}

// generation returns a snapshot that takes several writes.
func generation(t *testing.T, n byte) []byte {
	c := openCache(t, Options{MaxBytes: 1 << 20})
	for i := range 3 {
		require.NoError(t, c.Set(fmt.Sprint(i), bytes.Repeat([]byte{n}, 50_000+int(n)), NoExpiry))
	}
	var stream bytes.Buffer
	require.NoError(t, c.Save(&stream))
	return stream.Bytes()
}

// save does the same as SaveFile, with a given snapshot.
func save(d disk, snapshot []byte) error {
	return replaceFile(d, diskPath, func(w io.Writer) error {
		for part := range slices.Chunk(snapshot, 10_000) {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	})
}

func diskWith(t *testing.T, snapshot []byte) *testDisk {
	d := newTestDisk()
	require.NoError(t, save(d, snapshot))
	left := d.afterCut()
	require.Len(t, left, 1, "all is synced")
	return left[0]
}

// forEachCut saves the snapshot with a cut at the first operation, the second
// and so on, until the save completes. It calls look for every disk that a cut
// may leave, and returns the number of cuts.
func forEachCut(t *testing.T, d *testDisk, snapshot []byte, look func(cut int, saved bool, left *testDisk)) int {
	for cut := 1; ; cut++ {
		d := d.afterCut()[0]
		d.cutAt = cut
		err := save(d, snapshot)
		for _, left := range d.afterCut() {
			look(cut, err == nil, left)
		}
		if d.operations < cut {
			require.NoError(t, err)
			return cut
		}
	}
}

// testDisk is a disk whose power a test can cut.
type testDisk struct {
	names   map[string]*testFile         // as programs see them
	synced  map[string]*testFile         // as a cut leaves them, before any of changes
	changes []func(map[string]*testFile) // since the directory's sync

	operations int
	cutAt      int // this operation and all later ones fail without an effect
	failAt     int // this operation alone fails
}

type testFile struct {
	disk   *testDisk
	synced []byte
	writes []testWrite // since the file's Sync
	length int
}

// testWrite is a change of a file's contents. Without data it empties the file.
type testWrite struct {
	at   int
	data []byte
}

var errDisk = errors.New("the disk failed")

func newTestDisk() *testDisk {
	return &testDisk{names: map[string]*testFile{}, synced: map[string]*testFile{}}
}

// operation counts an operation and reports whether it succeeds.
func (d *testDisk) operation() bool {
	d.operations++
	return d.operations != d.failAt && (d.cutAt == 0 || d.operations < d.cutAt)
}

func (d *testDisk) change(change func(map[string]*testFile)) {
	change(d.names)
	d.changes = append(d.changes, change)
}

func (d *testDisk) create(path string) (diskFile, error) {
	if !d.operation() {
		return nil, errDisk
	}
	if d.names[path] != nil {
		return nil, fs.ErrExist
	}
	f := &testFile{disk: d}
	d.change(func(names map[string]*testFile) { names[path] = f })
	return f, nil
}

func (d *testDisk) rename(from, to string) error {
	if !d.operation() {
		return errDisk
	}
	f := d.names[from]
	d.change(func(names map[string]*testFile) { delete(names, from); names[to] = f })
	return nil
}

func (d *testDisk) remove(path string) error {
	if !d.operation() {
		return errDisk
	}
	if d.names[path] == nil {
		return fs.ErrNotExist
	}
	d.change(func(names map[string]*testFile) { delete(names, path) })
	return nil
}

func (d *testDisk) syncDir(string) error {
	if !d.operation() {
		return errDisk
	}
	d.synced, d.changes = maps.Clone(d.names), nil
	return nil
}

// Write writes half of p if it fails.
func (f *testFile) Write(p []byte) (int, error) {
	var err error
	if !f.disk.operation() {
		p, err = p[:len(p)/2], errDisk
	}
	if f.disk.cutAt == 0 || f.disk.operations <= f.disk.cutAt {
		f.writes = append(f.writes, testWrite{f.length, bytes.Clone(p)})
		f.length += len(p)
	}
	return len(p), err
}

func (f *testFile) Sync() error {
	if !f.disk.operation() {
		return errDisk
	}
	f.synced, f.writes = f.with(f.writes), nil
	return nil
}

func (f *testFile) Close() error {
	if !f.disk.operation() {
		return errDisk
	}
	return nil
}

// with returns the file's contents if only the given writes since its Sync
// reached the disk.
func (f *testFile) with(writes []testWrite) []byte {
	contents := bytes.Clone(f.synced)
	for _, w := range writes {
		if w.data == nil {
			contents = nil
			continue
		}
		contents = append(contents, make([]byte, max(0, w.at+len(w.data)-len(contents)))...)
		copy(contents[w.at:], w.data)
	}
	return contents
}

// contents returns the bytes that a program reads at path.
func (d *testDisk) contents(path string) []byte { return d.names[path].with(d.names[path].writes) }

// afterCut returns all disks that a cut may leave, with the power on again.
func (d *testDisk) afterCut() []*testDisk {
	var all []*testDisk
	for changes := range subsets(d.changes) {
		names := maps.Clone(d.synced)
		for _, change := range changes {
			change(names)
		}
		left := []*testDisk{newTestDisk()}
		for path, file := range names {
			var more []*testDisk
			for writes := range subsets(file.writes) {
				contents := file.with(writes)
				for _, d := range left {
					d := d.clone()
					f := &testFile{disk: d, synced: contents, length: len(contents)}
					d.names[path], d.synced[path] = f, f
					more = append(more, d)
				}
			}
			left = more
		}
		all = append(all, left...)
	}
	return all
}

// clone copies a disk without unsynced changes.
func (d *testDisk) clone() *testDisk {
	c := newTestDisk()
	for path, f := range d.names {
		file := &testFile{disk: c, synced: f.synced, length: f.length}
		c.names[path], c.synced[path] = file, file
	}
	return c
}

// subsets yields all subsets of a slice, each in the slice's order.
func subsets[T any](all []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for mask := range 1 << len(all) {
			var some []T
			for i := range all {
				if mask>>i&1 != 0 {
					some = append(some, all[i])
				}
			}
			if !yield(some) {
				return
			}
		}
	}
}
