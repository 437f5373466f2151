package ginplug_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	ginplug "github.com/holdfast-go/holdfast/plug/gin"
)

var key = bytes.Repeat([]byte("k"), 32)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	m.Run()
}

func newStore(t *testing.T) *ginplug.Store {
	t.Helper()
	c, err := cache.New(cache.Options{MaxBytes: 1 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	store, err := ginplug.NewStore(c, "shop", key)
	require.NoError(t, err)
	return store
}

// visit makes one request with the cookie, which may be nil. It returns the
// last cookie that the response sets, or nil.
func visit(t *testing.T, store sessions.Store, cookie *http.Cookie, handler func(sessions.Session)) *http.Cookie {
	t.Helper()
	router := gin.New()
	router.Use(sessions.Sessions("session", store))
	router.GET("/", func(c *gin.Context) {
		session := sessions.Default(c)
		handler(session)
		assert.NoError(t, session.Save())
	})
	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	if cookie != nil {
		r.AddCookie(cookie)
	}
	router.ServeHTTP(w, r)
	if cookies := w.Result().Cookies(); len(cookies) > 0 {
		return cookies[len(cookies)-1]
	}
	return nil
}

func TestSave_then_get(t *testing.T) {
	store := newStore(t)
	cookie := visit(t, store, nil, func(s sessions.Session) { s.Set("user", "alice") })
	visit(t, store, cookie, func(s sessions.Session) {
		assert.Equal(t, "alice", s.Get("user"))
	})
}

func TestOptions_of_new_sessions(t *testing.T) {
	store := newStore(t)
	store.Options(sessions.Options{Path: "/shop", MaxAge: 60, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	cookie := visit(t, store, nil, func(s sessions.Session) { s.Set("user", "alice") })
	assert.Equal(t, "/shop", cookie.Path)
	assert.Equal(t, 60, cookie.MaxAge)
	assert.True(t, cookie.HttpOnly)
	assert.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
}

func TestOptions_without_MaxAge(t *testing.T) {
	store := newStore(t)
	store.Options(sessions.Options{Path: "/"})
	cookie := visit(t, store, nil, func(s sessions.Session) { s.Set("user", "alice") })
	assert.Zero(t, cookie.MaxAge)
	visit(t, store, cookie, func(s sessions.Session) {
		assert.Equal(t, "alice", s.Get("user"))
	})
}

func TestBrowserSession_lives_for_a_day(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		store.Options(sessions.Options{Path: "/"})
		cookie := visit(t, store, nil, func(s sessions.Session) { s.Set("user", "alice") })
		time.Sleep(24*time.Hour - time.Nanosecond)
		assert.Equal(t, "alice", userOf(t, store, cookie))
		time.Sleep(time.Nanosecond)
		assert.Nil(t, userOf(t, store, cookie))
	})
}

// A call of the session's Options without a MaxAge sets it to 0. As in
// gin-contrib's memstore, this logs nobody out.
func TestBrowserSession_by_the_sessions_options(t *testing.T) {
	store := newStore(t)
	cookie := visit(t, store, nil, func(s sessions.Session) { s.Set("user", "alice") })
	cookie = visit(t, store, cookie, func(s sessions.Session) {
		s.Options(sessions.Options{Path: "/", HttpOnly: true})
	})
	assert.Zero(t, cookie.MaxAge)
	assert.Equal(t, "alice", userOf(t, store, cookie))
}

// As in gin-contrib's memstore, the rest of the request finds no values, and a
// message to the user who logged out does not log the user in again.
func TestEnd_at_a_negative_MaxAge(t *testing.T) {
	store := newStore(t)
	before := visit(t, store, nil, func(s sessions.Session) { s.Set("user", "alice") })
	after := visit(t, store, before, func(s sessions.Session) {
		s.Options(sessions.Options{Path: "/", MaxAge: -1})
		assert.NoError(t, s.Save())
		assert.Nil(t, s.Get("user"))
		s.Options(sessions.Options{Path: "/", MaxAge: 60})
		s.AddFlash("bye")
	})
	assert.Nil(t, userOf(t, store, before))
	visit(t, store, after, func(s sessions.Session) {
		assert.Nil(t, s.Get("user"))
		assert.Equal(t, []any{"bye"}, s.Flashes())
	})
}

// gin-contrib's redis store ends a session at MaxAge 0.
func TestEnd_at_MaxAge_0(t *testing.T) {
	store := newStore(t)
	store.BrowserSessionTTL = 0
	cookie := visit(t, store, nil, func(s sessions.Session) { s.Set("user", "alice") })
	visit(t, store, cookie, func(s sessions.Session) {
		s.Options(sessions.Options{Path: "/", MaxAge: 0})
	})
	assert.Nil(t, userOf(t, store, cookie))
}

// userOf returns the user in the session that the cookie names.
func userOf(t *testing.T, store sessions.Store, cookie *http.Cookie) (user any) {
	t.Helper()
	visit(t, store, cookie, func(s sessions.Session) { user = s.Get("user") })
	return user
}

func TestRenew_keeps_the_values(t *testing.T) {
	store := newStore(t)
	before := visit(t, store, nil, func(s sessions.Session) { s.Set("basket", "tea") })
	after := visit(t, store, before, func(s sessions.Session) {
		assert.NoError(t, ginplug.Renew(s))
	})
	require.NotNil(t, after)
	visit(t, store, after, func(s sessions.Session) {
		assert.Equal(t, "tea", s.Get("basket"))
	})
	visit(t, store, before, func(s sessions.Session) {
		assert.Nil(t, s.Get("basket"))
	})
}

func TestRenew_of_a_foreign_session(t *testing.T) {
	var foreign struct{ sessions.Session }
	assert.ErrorIs(t, ginplug.Renew(foreign), errors.ErrUnsupported)
}

func TestMaxLength(t *testing.T) {
	store := newStore(t)
	store.MaxLength(100)
	visit(t, store, nil, func(s sessions.Session) {
		s.Set("large", strings.Repeat("x", 100))
		assert.ErrorIs(t, s.Save(), ginplug.ErrTooLong)
		s.Clear()
	})
}

func TestKeys_that_are_unusable(t *testing.T) {
	c, err := cache.New(cache.Options{})
	require.NoError(t, err)
	defer c.Close()
	store, err := ginplug.NewStore(c, "shop")
	assert.ErrorIs(t, err, ginplug.ErrKeys)
	assert.Nil(t, store)
}
