package plug_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug"
)

func newCache(t *testing.T) *cache.Cache {
	t.Helper()
	c, err := cache.New(cache.Options{MaxBytes: 1 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// adapter gives the methods of all adapters the same names.
type adapter struct {
	t   *testing.T
	get func(id string) ([]byte, error)
	put func(id string, data []byte, ttl time.Duration) error
	end func(id string) error

	noID error // of a put under an empty ID
	late error // of a put after an end
}

var adapters = map[string]func(*testing.T, *cache.Cache) adapter{
	"SCS": func(t *testing.T, c *cache.Cache) adapter {
		return scsAdapter(t, plug.SCS(c, "p"))
	},
	"IterableSCS": func(t *testing.T, c *cache.Cache) adapter {
		return scsAdapter(t, &plug.IterableSCS(c, "p").SCSStore)
	},
	"Fiber": func(t *testing.T, c *cache.Cache) adapter {
		s := plug.Fiber(c, "p")
		return adapter{t: t, get: s.Get, put: s.Set, end: s.Delete}
	},
	"FastHTTP": func(t *testing.T, c *cache.Cache) adapter {
		p := plug.FastHTTP(c, "p")
		return adapter{
			t:   t,
			get: func(id string) ([]byte, error) { return p.Get([]byte(id)) },
			put: func(id string, data []byte, ttl time.Duration) error {
				buffer := []byte(id)
				defer clear(buffer) // the server uses its buffers again
				return p.Save(buffer, data, ttl)
			},
			end:  func(id string) error { return p.Destroy([]byte(id)) },
			noID: cache.ErrInvalid,
			late: plug.ErrEnded,
		}
	},
}

func scsAdapter(t *testing.T, s *plug.SCSStore) adapter {
	return adapter{
		t: t,
		get: func(id string) ([]byte, error) {
			data, found, err := s.Find(id)
			assert.Equal(t, data != nil, found)
			return data, err
		},
		put: func(id string, data []byte, ttl time.Duration) error {
			return s.Commit(id, data, time.Now().Add(ttl))
		},
		end:  s.Delete,
		noID: cache.ErrInvalid,
	}
}

// forEachAdapter runs test on each adapter, with a clock that only time.Sleep
// advances.
func forEachAdapter(t *testing.T, test func(*testing.T, *cache.Cache, adapter)) {
	for name, newAdapter := range adapters {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCache(t)
				test(t, c, newAdapter(t, c))
			})
		})
	}
}

func (a adapter) mustPut(id, data string, ttl time.Duration) {
	a.t.Helper()
	require.NoError(a.t, a.put(id, []byte(data), ttl))
}

func (a adapter) assertHas(id, want string) {
	a.t.Helper()
	data, err := a.get(id)
	assert.NoError(a.t, err)
	assert.Equal(a.t, want, string(data))
}

func (a adapter) assertHasNot(id string) {
	a.t.Helper()
	data, err := a.get(id)
	assert.NoError(a.t, err)
	assert.Nil(a.t, data)
}

func TestAdapters_get(t *testing.T) {
	forEachAdapter(t, func(t *testing.T, _ *cache.Cache, a adapter) {
		a.mustPut("id", "data", time.Minute)
		a.assertHas("id", "data")
		for _, id := range []string{"", "unknown", "\x00", "../../etc", strings.Repeat("x", 1<<17)} {
			a.assertHasNot(id)
		}
	})
}

func TestAdapters_put_replaces_data_and_TTL(t *testing.T) {
	forEachAdapter(t, func(t *testing.T, _ *cache.Cache, a adapter) {
		a.mustPut("id", "old", time.Second)
		a.mustPut("id", "new", time.Minute)
		time.Sleep(time.Minute - time.Nanosecond)
		a.assertHas("id", "new")
		time.Sleep(time.Nanosecond)
		a.assertHasNot("id")
	})
}

func TestAdapters_put_with_a_past_expiry(t *testing.T) {
	forEachAdapter(t, func(t *testing.T, c *cache.Cache, a adapter) {
		for _, ttl := range []time.Duration{-1, math.MinInt64} {
			a.mustPut("id", "data", time.Minute)
			a.mustPut("id", "data", ttl)
			a.assertHasNot("id")
			assert.Zero(t, c.Len())
		}
	})
}

func TestAdapters_put_with_the_longest_TTL(t *testing.T) {
	forEachAdapter(t, func(t *testing.T, _ *cache.Cache, a adapter) {
		a.mustPut("id", "data", math.MaxInt64)
		time.Sleep(48 * time.Hour)
		a.assertHas("id", "data")
	})
}

func TestAdapters_put_without_an_ID(t *testing.T) {
	forEachAdapter(t, func(t *testing.T, c *cache.Cache, a adapter) {
		assert.ErrorIs(t, a.put("", []byte("data"), time.Minute), a.noID)
		assert.Zero(t, c.Len())
	})
}

func TestAdapters_put_too_large(t *testing.T) {
	forEachAdapter(t, func(t *testing.T, _ *cache.Cache, a adapter) {
		assert.ErrorIs(t, a.put("id", make([]byte, 2<<20), time.Minute), cache.ErrTooLarge)
	})
}

func TestAdapters_share_no_buffer(t *testing.T) {
	forEachAdapter(t, func(t *testing.T, _ *cache.Cache, a adapter) {
		data := []byte("data")
		require.NoError(t, a.put("id", data, time.Minute))
		copy(data, "XXXX")
		got, _ := a.get("id")
		require.Equal(t, "data", string(got))
		copy(got, "YYYY")
		a.assertHas("id", "data")
	})
}

func TestAdapters_end(t *testing.T) {
	forEachAdapter(t, func(t *testing.T, c *cache.Cache, a adapter) {
		assert.NoError(t, a.end(""))
		assert.Zero(t, c.Len())
		a.mustPut("id", "data", time.Minute)
		for _, id := range []string{"id", "id", "unknown"} {
			assert.NoError(t, a.end(id))
			a.assertHasNot("id")
		}
	})
}

func TestAdapters_end_outlasts_a_late_put(t *testing.T) {
	forEachAdapter(t, func(t *testing.T, _ *cache.Cache, a adapter) {
		a.mustPut("id", "data", time.Minute)
		require.NoError(t, a.end("id"))
		assert.ErrorIs(t, a.put("id", []byte("late"), time.Minute), a.late)
		a.assertHasNot("id")
	})
}

func TestAdapters_on_a_closed_cache(t *testing.T) {
	forEachAdapter(t, func(t *testing.T, c *cache.Cache, a adapter) {
		a.mustPut("id", "data", time.Minute)
		require.NoError(t, c.Close())
		a.assertHasNot("id")
		assert.ErrorIs(t, a.put("id", []byte("data"), time.Minute), cache.ErrClosed)
		assert.NoError(t, a.end("id"))
	})
}

func TestAdapters_panic_without_a_cache(t *testing.T) {
	assert.Panics(t, func() { plug.SCS(nil, "p") })
	assert.Panics(t, func() { plug.IterableSCS(nil, "p") })
	assert.Panics(t, func() { plug.Fiber(nil, "p") })
	assert.Panics(t, func() { plug.FastHTTP(nil, "p") })
}

// Adapters of different kinds share no session under one prefix.
func TestAdapters_of_different_kinds(t *testing.T) {
	c := newCache(t)
	for name, newAdapter := range adapters {
		newAdapter(t, c).mustPut(name, "data", time.Minute)
		for other, newOther := range adapters {
			if other != name {
				newOther(t, c).assertHasNot(name)
			}
		}
	}
}
