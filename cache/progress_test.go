package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slowly is a reader and a writer that call watch before they do anything.
type slowly struct {
	io.Reader
	io.Writer
	watch func()
}

func (s slowly) Read(b []byte) (int, error) {
	s.watch()
	return s.Reader.Read(b)
}

func (s slowly) Write(b []byte) (int, error) {
	s.watch()
	return s.Writer.Write(b)
}

// sized is a reader of which the length is known.
type sized struct {
	slowly
	n int
}

func (s sized) Len() int { return s.n }

const progressEntries = 5000

func filled(t *testing.T, o Options) *Cache {
	c := openCache(t, o)
	for i := range progressEntries {
		require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 100), time.Hour))
	}
	return c
}

func streamOf(t *testing.T, c *Cache) []byte {
	var stream bytes.Buffer
	require.NoError(t, c.Save(&stream))
	return stream.Bytes()
}

// Each operation is in Running from its beginning to its end, and what is done
// grows from 0 to the total.
func TestProgress(t *testing.T) {
	all := func(c *Cache, watch func()) error {
		for range c.All() {
			watch()
		}
		return nil
	}
	for name, test := range map[string]struct {
		want Progress
		run  func(c *Cache, stream []byte, watch func()) error
	}{
		"Save": {Progress{Operation: "save", Unit: "entries", Total: progressEntries}, func(c *Cache, _ []byte, watch func()) error {
			return c.Save(slowly{Writer: io.Discard, watch: watch})
		}},
		"Load": {Progress{Operation: "load", Unit: "bytes"}, func(c *Cache, stream []byte, watch func()) error {
			_, err := c.Load(slowly{Reader: bytes.NewReader(stream), watch: watch})
			return err
		}},
		"Load of known length": {Progress{Operation: "load", Unit: "bytes", Total: -1}, func(c *Cache, stream []byte, watch func()) error {
			_, err := c.Load(sized{slowly{Reader: bytes.NewReader(stream), watch: watch}, len(stream)})
			return err
		}},
		"All": {Progress{Operation: "scan", Unit: "entries", Total: progressEntries}, func(c *Cache, _ []byte, watch func()) error {
			return all(c, watch)
		}},
		"ScanValues": {Progress{Operation: "scan", Unit: "entries", Total: progressEntries}, func(c *Cache, _ []byte, watch func()) error {
			for range c.ScanValues(nil) {
				watch()
			}
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := filled(t, Options{Shards: 4})
				stream := streamOf(t, c)
				if test.want.Total < 0 {
					test.want.Total = int64(len(stream))
				}
				test.want.Started = time.Now()
				var done []int64
				require.NoError(t, test.run(c, stream, func() {
					time.Sleep(time.Second)
					running := c.Stats().Running
					require.Len(t, running, 1)
					done = append(done, running[0].Done)
					test.want.Done = running[0].Done
					assert.Equal(t, test.want, running[0])
				}))
				assert.Nil(t, c.Stats().Running)
				assert.True(t, slices.IsSorted(done), "%d", done)
				assert.Greater(t, len(slices.Compact(done)), 5, "%d", done)
			})
		})
	}
}

func TestProgress_SetMaxBytes(t *testing.T) {
	for name, shards := range map[string]int{"one shard": 1, "eight shards": 8} {
		t.Run(name, func(t *testing.T) {
			var c *Cache
			var seen []Progress
			c = filled(t, Options{MaxBytes: 1 << 20, Shards: shards, MaxValue: 1000, OnEvict: func(string, EvictionReason) {
				if now := c.Stats().Running; len(now) > 0 {
					seen = append(seen, now...)
				}
			}})
			require.NoError(t, c.SetMaxBytes(200<<10))
			assert.Nil(t, c.Stats().Running)

			require.NotEmpty(t, seen)
			done := map[int64]bool{}
			for i, p := range seen {
				require.Equal(t, Progress{"resize", "bytes", p.Done, 824 << 10, seen[0].Started}, p)
				require.GreaterOrEqual(t, p.Done, seen[max(0, i-1)].Done)
				done[p.Done] = true
			}
			assert.Greater(t, len(done), 4)

			require.NoError(t, c.SetMaxBytes(2<<20))
			assert.Nil(t, c.Stats().Running)
			assert.ErrorIs(t, c.SetMaxBytes(1), ErrInvalid)
			assert.Nil(t, c.Stats().Running)
		})
	}

	// The second half of the progress is that of moving entries.
	t.Run("moving", func(t *testing.T) {
		c := filled(t, Options{MaxBytes: 1 << 20, MaxValue: 1000, Shards: 1})
		s := &c.shards[0]
		_, _, err := c.aim(500 << 10)
		require.NoError(t, err)
		moving, before := 0, 0.0
		for done := false; !done; {
			done, _, _, err = c.fitStep(s)
			require.NoError(t, err)
			share := s.shrunk()
			require.GreaterOrEqual(t, share, before)
			require.LessOrEqual(t, share, 1.0)
			if share > max(0.5, before) && share < 1 {
				moving++
			}
			before = share
		}
		assert.Equal(t, 1.0, before)
		assert.Greater(t, moving, 3)
	})

	// SetMaxBytes goes on in another goroutine, and so does its progress.
	t.Run("OnEvict ends the goroutine", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ended := false
			c := filled(t, Options{MaxBytes: 1 << 20, MaxValue: 1000, Shards: 1, OnEvict: func(string, EvictionReason) {
				if !ended {
					ended = true
					runtime.Goexit()
				}
			}})
			go c.SetMaxBytes(200 << 10)
			synctest.Wait()
			assert.True(t, ended)
			assert.EqualValues(t, 200<<10, c.Stats().MaxBytes)
			assert.Nil(t, c.Stats().Running)
		})
	})
}

// After Load, each shard is sorted in turn.
func TestProgress_sort(t *testing.T) {
	c := filled(t, Options{Shards: 2})
	l := loader{cache: c, into: []int{300, 500}, loaded: 800}
	last := &c.shards[1]
	last.mu.Lock() // sort waits there
	sorted := make(chan struct{})
	go func() {
		l.sort()
		close(sorted)
	}()
	assert.Eventually(t, func() bool {
		running := c.running.now()
		return len(running) == 1 && running[0].Done == 300
	}, time.Minute, time.Millisecond)
	p := c.running.now()[0]
	assert.Equal(t, Progress{"sort", "entries", 300, 800, p.Started}, p)
	last.mu.Unlock()
	<-sorted
	assert.Nil(t, c.Stats().Running)
}

func TestProgress_several(t *testing.T) {
	c := filled(t, Options{})
	var operations []string
	for range c.All() {
		require.NoError(t, c.Save(slowly{Writer: io.Discard, watch: func() {
			for _, p := range c.Stats().Running {
				operations = append(operations, p.Operation)
			}
		}}))
		break
	}
	assert.Equal(t, []string{"scan", "save"}, operations[:2])
	assert.Nil(t, c.Stats().Running)
}

// Nothing is left after an operation that failed, panicked or ended its
// goroutine.
func TestProgress_after_a_failure(t *testing.T) {
	errFailed := errors.New("failed")
	operations := map[string]func(c *Cache, fail func() error) error{
		"Save": func(c *Cache, fail func() error) error { return c.Save(failing(fail)) },
		"Load": func(c *Cache, fail func() error) error {
			_, err := c.Load(failing(fail))
			return err
		},
		"All": func(c *Cache, fail func() error) error {
			for range c.All() {
				return fail()
			}
			return nil
		},
		"ScanValues": func(c *Cache, fail func() error) error {
			for range c.ScanValues(nil) {
				return fail()
			}
			return nil
		},
	}
	for name, run := range operations {
		for way, fail := range map[string]func(c *Cache) error{
			"an error": func(*Cache) error { return errFailed },
			"a panic":  func(*Cache) error { panic(errFailed) },
			"Goexit":   func(*Cache) error { runtime.Goexit(); return nil },
			"Close":    func(c *Cache) error { return errors.Join(c.Close(), errFailed) },
		} {
			t.Run(name+" "+way, func(t *testing.T) {
				c := filled(t, Options{})
				ended := make(chan struct{})
				during := 0
				go func() {
					defer close(ended)
					defer func() { recover() }()
					assert.ErrorIs(t, run(c, func() error {
						during = len(c.Stats().Running)
						return fail(c)
					}), errFailed)
				}()
				<-ended
				assert.Equal(t, 1, during)
				assert.Nil(t, c.Stats().Running)
			})
		}
	}

	t.Run("SaveFile", func(t *testing.T) {
		c := filled(t, Options{})
		assert.Error(t, c.SaveFile(filepath.Join(t.TempDir(), "none", "snapshot")))
		assert.Nil(t, c.Stats().Running)
	})
	t.Run("LoadFile", func(t *testing.T) {
		c := filled(t, Options{})
		path := filepath.Join(t.TempDir(), "snapshot")
		require.NoError(t, os.WriteFile(path, []byte("no snapshot"), 0o600))
		_, err := c.LoadFile(path)
		assert.ErrorIs(t, err, ErrSnapshot)
		assert.Nil(t, c.Stats().Running)
	})
}

// failing is a reader and a writer that fails.
type failing func() error

func (f failing) Read([]byte) (int, error)  { return 0, f() }
func (f failing) Write([]byte) (int, error) { return 0, f() }

func TestProgress_sizeOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("12345"), 0o600))
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	pipe, end := io.Pipe()
	defer end.Close()
	folder, err := os.Open(filepath.Dir(path))
	require.NoError(t, err)
	defer folder.Close()
	assert.EqualValues(t, 5, sizeOf(file))
	assert.EqualValues(t, 3, sizeOf(bytes.NewBufferString("123")))
	assert.Zero(t, sizeOf(pipe))
	assert.Zero(t, sizeOf(folder))
}
