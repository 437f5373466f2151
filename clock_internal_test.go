package holdfast

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/record"
)

// A Manager's clock does not follow when the wall clock is set. The tests set
// the Manager's clock instead, since only the difference of the two counts.

// clockSite is a Manager and its client. step sets the wall clock relative to
// the Manager's. Each call of request runs act in a new request.
func clockSite(t *testing.T, c *cache.Cache, step time.Duration) (m *Manager, request func(act func(s *Session))) {
	t.Helper()
	m, err := New(Options{Cache: c})
	require.NoError(t, err)
	m.epoch -= record.Instant(step)
	var cookies []*http.Cookie
	return m, func(act func(s *Session)) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for _, cookie := range cookies {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { act(m.Session(r)) })).ServeHTTP(w, r)
		require.Equal(t, http.StatusOK, w.Code)
		if set := w.Result().Cookies(); len(set) > 0 {
			cookies = set
		}
	}
}

func newTestCache(t *testing.T) *cache.Cache {
	t.Helper()
	c, err := cache.New(cache.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

var steps = map[string]time.Duration{"not": 0, "back": -3 * time.Hour, "forward": 3 * time.Hour}

func TestClockStep_SetExpires(t *testing.T) {
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, request := clockSite(t, newTestCache(t), step)
				end := time.Now().Add(30 * time.Minute)
				isNew := func() (is bool) {
					request(func(s *Session) { is = s.IsNew() })
					return is
				}
				request(func(s *Session) {
					s.Set("a", 1)
					s.SetExpires(end)
					assert.True(t, end.Equal(s.Expires()), s.Expires())
				})
				time.Sleep(30*time.Minute - time.Second)
				assert.False(t, isNew())
				request(func(s *Session) { assert.True(t, end.Equal(s.Expires()), s.Expires()) })
				time.Sleep(time.Second)
				assert.True(t, isNew())
			})
		})
	}
}

func TestClockStep_Created(t *testing.T) {
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, request := clockSite(t, newTestCache(t), step)
				began := time.Now()
				request(func(s *Session) { assert.NoError(t, s.Login("ada")) })
				time.Sleep(10 * time.Minute)
				request(func(s *Session) {
					assert.True(t, began.Equal(s.Created()), s.Created())
					assert.True(t, began.Add(24*time.Hour).Equal(s.Expires()), s.Expires())
				})
				infos, err := m.Sessions(t.Context(), "ada")
				require.NoError(t, err)
				require.Len(t, infos, 1)
				assert.True(t, began.Equal(infos[0].Created), infos[0].Created)
				assert.True(t, began.Add(10*time.Minute).Equal(infos[0].LastSeen), infos[0].LastSeen)
				assert.True(t, began.Add(24*time.Hour).Equal(infos[0].Expires), infos[0].Expires)
			})
		})
	}
}

// A snapshot may come from a process with a wrong clock. A session created in
// the future begins when it is first seen.
func TestFutureSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCache(t)
		wrong, request := clockSite(t, c, -1000*time.Hour)
		request(func(s *Session) { s.Set("a", 1) })
		wrong.epoch -= record.Instant(1000 * time.Hour) // the next process has the right time
		isNew := false
		look := func(s *Session) { isNew = s.IsNew() }
		for range 47 {
			request(look)
			require.False(t, isNew)
			time.Sleep(30 * time.Minute)
		}
		request(func(s *Session) {
			require.False(t, s.IsNew())
			assert.True(t, time.Now().Add(30*time.Minute).Equal(s.Expires()), s.Expires())
		})
		time.Sleep(30 * time.Minute)
		request(look)
		assert.True(t, isNew, "a day after it was first seen, it ends")
	})
}

// The clocks of several instances differ a little. Skew alone causes no write.
func TestFutureSession_clock_skew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCache(t)
		m, request := clockSite(t, c, 0)
		m.epoch += record.Instant(10 * time.Second)
		request(func(s *Session) { s.Set("a", 1) })
		m.epoch -= record.Instant(10 * time.Second)
		created := time.Now().Add(10 * time.Second)
		request(func(s *Session) { assert.True(t, created.Equal(s.Created()), s.Created()) })
		request(func(s *Session) { assert.True(t, created.Equal(s.Created()), s.Created()) })
	})
}
