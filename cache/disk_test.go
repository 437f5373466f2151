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

// A power cut leaves any part of what was not synced: of the contents of a file
// the writes since its Sync, each or not, the one under way maybe by half; of the names
// in a folder the changes since its sync, each or not. The tests cut at every
// operation of which SaveFile is made, and look at every disk that is left.

const diskPath = "folder/sessions"

func TestAPowerCutLeavesTheOldFileOrTheNew(t *testing.T) {
	before, after := generation(t, 1), generation(t, 2)
	cuts := forEachCut(t, diskWith(t, before), after, func(cut int, saved bool, left *testDisk) {
		got := left.contents(diskPath)
		isNew := bytes.Equal(got, after)
		require.True(t, isNew || bytes.Equal(got, before), "a cut at operation %d left neither", cut)
		require.True(t, isNew || !saved, "a cut after SaveFile returned nil brought the old file back")
	})
	require.Greater(t, cuts, 7, "create, several writes, sync, close, rename and sync of the folder")
}

func TestAPowerCutDuringTheFirstSaveFileLeavesNoFileOrTheNew(t *testing.T) {
	first := generation(t, 1)
	forEachCut(t, newTestDisk(), first, func(cut int, saved bool, left *testDisk) {
		if left.names[diskPath] == nil {
			require.False(t, saved, "a cut after SaveFile returned nil took the file away")
			return
		}
		require.True(t, bytes.Equal(left.contents(diskPath), first), "a cut at operation %d left half a file", cut)
	})
}

func TestSaveFileWorksOnWhateverACutLeft(t *testing.T) {
	after := generation(t, 3)
	forEachCut(t, diskWith(t, generation(t, 1)), generation(t, 2), func(cut int, _ bool, left *testDisk) {
		require.NoError(t, save(left, after))
		for _, left := range left.afterCut() {
			require.True(t, bytes.Equal(left.contents(diskPath), after), "after a cut at operation %d", cut)
		}
	})
}

func TestAnOperationThatFailsIsReportedAndLeavesOneWholeFile(t *testing.T) {
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

// generation is a snapshot that takes several writes.
func generation(t *testing.T, n byte) []byte {
	c := openCache(t, Options{MaxBytes: 1 << 20})
	for i := range 3 {
		require.NoError(t, c.Set(fmt.Sprint(i), bytes.Repeat([]byte{n}, 50_000+int(n)), NoExpiry))
	}
	var stream bytes.Buffer
	require.NoError(t, c.Save(&stream))
	return stream.Bytes()
}

// save does what SaveFile does, with a snapshot that is at hand.
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

// forEachCut saves the snapshot with a cut at the first operation, the second,
// and so on, until none is left to cut at. It looks at all that each cut leaves
// and returns how many there were.
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

// testDisk is a disk that can be cut from its power.
type testDisk struct {
	names   map[string]*testFile // as programs see them
	synced  map[string]*testFile // as they are after a cut, but for
	changes []func(map[string]*testFile)

	operations int
	cutAt      int // from this operation on nothing is done, and all fails
	failAt     int // this one alone fails
}

type testFile struct {
	disk   *testDisk
	synced []byte
	writes []testWrite // since
	length int
}

// testWrite is a change of a file's contents; with no data it empties the file.
type testWrite struct {
	at   int
	data []byte
}

var errDisk = errors.New("the disk failed")

func newTestDisk() *testDisk {
	return &testDisk{names: map[string]*testFile{}, synced: map[string]*testFile{}}
}

// operation reports whether the next operation is done.
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

// with returns the contents that the file has if of the writes since its Sync
// those have reached the disk.
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

// contents returns what programs read at path.
func (d *testDisk) contents(path string) []byte { return d.names[path].with(d.names[path].writes) }

// afterCut returns all disks that a cut may leave, each with its power on again.
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

// clone copies a disk on which all is synced.
func (d *testDisk) clone() *testDisk {
	c := newTestDisk()
	for path, f := range d.names {
		file := &testFile{disk: c, synced: f.synced, length: f.length}
		c.names[path], c.synced[path] = file, file
	}
	return c
}

// subsets are all subsets of a row, each in the order of the row.
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
