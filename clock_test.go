package holdfast_test

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// database holds the entries that several processes share. Its clock decides
// when they end.
type database struct {
	mu      sync.Mutex
	entries map[string]stored
}

type stored struct {
	value []byte
	ends  time.Time // on the clock of the database
}

// connection is the Store of one process.
type connection struct {
	*database
	ahead    time.Duration // of the process's clock before the database's
	ownClock bool          // Now is the process's clock, which is wrong
}

// now returns the database's time.
func (c *connection) now() time.Time { return time.Now().Add(-c.ahead) }

func (c *connection) Now() time.Time {
	if c.ownClock {
		return time.Now()
	}
	return c.now()
}

func (c *connection) get(id string) ([]byte, bool) {
	e, ok := c.entries[id]
	if !ok || !c.now().Before(e.ends) {
		return nil, false
	}
	return bytes.Clone(e.value), true
}

func (c *connection) Get(_ context.Context, id string, _ holdfast.ReadMode) ([]byte, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	value, found := c.get(id)
	return value, found, nil
}

func (c *connection) Set(_ context.Context, id string, value []byte, ttl time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[id] = stored{bytes.Clone(value), c.now().Add(ttl)}
	return nil
}

func (c *connection) Touch(_ context.Context, id string, ttl time.Duration) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	value, found := c.get(id)
	if found {
		c.entries[id] = stored{value, c.now().Add(ttl)}
	}
	return found, nil
}

// Update calls fn again if fn, which may use the store, has changed the entry.
func (c *connection) Update(_ context.Context, id string, fn func([]byte, bool) (cache.Change, error)) error {
	for {
		c.mu.Lock()
		old, found := c.get(id)
		c.mu.Unlock()
		change, err := fn(bytes.Clone(old), found)
		if err != nil {
			return err
		}
		c.mu.Lock()
		now, still := c.get(id)
		if still != found || !bytes.Equal(now, old) {
			c.mu.Unlock()
			continue
		}
		if value, ttl, stores := change.Stores(); stores {
			c.entries[id] = stored{bytes.Clone(value), c.now().Add(ttl)}
		} else if change.Removes() {
			delete(c.entries, id)
		}
		c.mu.Unlock()
		return nil
	}
}

func (c *connection) ScanValues(_ context.Context, prefix []byte) iter.Seq2[cache.Entry, error] {
	return func(yield func(cache.Entry, error) bool) {
		c.mu.Lock()
		entries := maps.Clone(c.entries)
		c.mu.Unlock()
		for id, e := range entries {
			ttl := e.ends.Sub(c.now())
			if ttl > 0 && bytes.HasPrefix(e.value, prefix) && !yield(cache.Entry{ID: id, Value: e.value, TTL: ttl}, nil) {
				return
			}
		}
	}
}

func (c *connection) Watch(string, func()) (stop func()) { return func() {} }

// cluster is a database and the processes that use it, whose clocks disagree.
// All processes have the same client.
type cluster struct {
	*database
	ownClock bool // the control: the stores do not mend that
	cookie   *http.Cookie
}

func newCluster(ownClock bool) *cluster {
	return &cluster{&database{entries: map[string]stored{}}, ownClock, nil}
}

// process runs act in a process whose clock is ahead, when the database's clock
// is at. A bubble is a process, since it has a clock of its own. Each begins at
// the same time.
func (c *cluster) process(t *testing.T, ahead, at time.Duration, more pages, act func(t *testing.T, m *holdfast.Manager, store *meddling, client *directClient)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(at + ahead)
		store := &meddling{Store: &connection{c.database, ahead, c.ownClock}}
		manager, client := userSite(t, holdfast.Options{Store: store, IdleTimeout: time.Hour, AbsoluteLifetime: 5 * time.Hour}, more)
		client.cookie = c.cookie
		act(t, manager, store, client)
		c.cookie = client.cookie
	})
}

// visit requests a page of such a process.
func (c *cluster) visit(t *testing.T, ahead, at time.Duration, path string) (text string) {
	c.process(t, ahead, at, nil, func(_ *testing.T, _ *holdfast.Manager, _ *meddling, client *directClient) { text = client.visit(path) })
	return text
}

const hour = time.Hour

// Sessions end at the same time in all processes.
func TestStoreTime_lifetimes(t *testing.T) {
	for name, ownClock := range map[string]bool{"one time": false, "own clocks": true} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(ownClock)
			c.visit(t, 0, 0, "/login?user=ada")
			var seen []string
			for i := range 5 { // each use restarts the idle timeout of an hour
				ahead := hour * time.Duration(1-i%2)
				seen = append(seen, c.visit(t, ahead, time.Duration(i+1)*(hour-1), "/who"))
			}
			for _, at := range []time.Duration{5*hour - 1, 5 * hour} { // the absolute lifetime
				seen = append(seen, c.visit(t, hour, at, "/who"), c.visit(t, 0, at, "/who"))
			}
			exact := []string{"ada", "ada", "ada", "ada", "ada", "ada", "ada", "", ""}
			if ownClock {
				assert.NotEqual(t, exact, seen)
			} else {
				assert.Equal(t, exact, seen)
			}
		})
	}
}

func TestStoreTime_idle_timeout(t *testing.T) {
	c := newCluster(false)
	c.visit(t, hour, 0, "/login?user=ada")
	assert.Equal(t, "ada", c.visit(t, 0, hour-1, "/who"))
	assert.Empty(t, c.visit(t, hour, 2*hour-1, "/who"))
}

// EndUser ends a session that gets a new ID after each listing, though its user
// logged in with another process. That process's clock is ahead so little that
// a Manager takes no session for one of the future.
func TestStoreTime_EndUser(t *testing.T) {
	for name, test := range map[string]struct {
		ahead    time.Duration
		ownClock bool
		left     string
	}{
		"one time":             {30 * time.Second, false, ""},
		"one time, hour ahead": {hour, false, ""},
		"own clocks":           {30 * time.Second, true, "ada"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(test.ownClock)
			c.visit(t, test.ahead, 0, "/login?user=ada")
			c.process(t, 0, time.Second, nil, func(t *testing.T, m *holdfast.Manager, store *meddling, client *directClient) {
				var regenerate func()
				regenerate = func() {
					client.visit("/regenerate")
					store.afterListing = regenerate
				}
				store.afterListing = regenerate
				_, err := m.EndUser(t.Context(), "ada")
				assert.NoError(t, err)
				assert.Equal(t, test.left, client.visit("/who"))
			})
		})
	}
}

// The time of SetExpires, and all times that are read back, are on the clock of
// their process.
func TestStoreTime_local_clock(t *testing.T) {
	const login, expires = 10 * time.Minute, 30 * time.Minute
	for name, ownClock := range map[string]bool{"one time": false, "own clocks": true} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(ownClock)
			exact := true
			expect := func(ahead, want time.Duration, got time.Time) {
				start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
				exact = exact && assert.ObjectsAreEqual(want, got.Sub(start)-ahead)
			}
			c.process(t, hour, login, pages{"/begin": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				assert.NoError(t, s.Login("ada"))
				s.SetExpires(time.Now().Add(expires - login))
				expect(hour, expires, s.Expires())
			}}, func(_ *testing.T, _ *holdfast.Manager, _ *meddling, client *directClient) { client.visit("/begin") })
			for _, at := range []time.Duration{login, 20 * time.Minute, expires - 1} {
				for _, ahead := range []time.Duration{0, hour} {
					c.process(t, ahead, at, nil, func(t *testing.T, m *holdfast.Manager, _ *meddling, client *directClient) {
						exact = exact && client.visit("/who") == "ada"
						infos, err := m.Sessions(t.Context(), "ada")
						assert.NoError(t, err)
						for _, info := range infos {
							expect(ahead, login, info.Created)
							expect(ahead, expires, info.Expires)
							expect(ahead, at, info.LastSeen)
						}
					})
				}
			}
			for _, ahead := range []time.Duration{0, hour} {
				exact = exact && c.visit(t, ahead, expires, "/who") == ""
			}
			assert.Equal(t, !ownClock, exact)
		})
	}
}
