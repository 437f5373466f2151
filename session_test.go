package holdfast_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

func TestSession_IsNew_and_Created(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			fmt.Fprint(w, s.IsNew(), " ", time.Since(s.Created()))
		}})
		assert.Equal(t, "true 0s", client.visit("/"))
		time.Sleep(time.Minute)
		assert.Equal(t, "false 1m0s", client.visit("/"))
	})
}

func TestSession_Delete_and_Clear(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{
		"/set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			s.Set("b", 2)
			s.Set("c", 3)
		},
		"/delete": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Delete("a") },
		"/clear":  func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Clear(); s.Set("d", 4) },
		"/keys":   func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.Keys()) },
	})
	ada := site.browser()
	ada.visit("/set")
	ada.visit("/delete")
	assert.Equal(t, "[b c]", ada.visit("/keys").text)
	ada.visit("/clear")
	assert.Equal(t, "[d]", ada.visit("/keys").text)
}

// No key is reserved.
func TestSession_any_string_is_a_key(t *testing.T) {
	keys := []string{"", "id", "cookie", "user", "expires", "__proto__", "constructor", "toString", "a.b", "\x00", "\xff", "ä", strings.Repeat("k", 1000)}
	client := direct(t, holdfast.Options{}, pages{
		"/set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			for i, key := range keys {
				s.Set(key, i)
			}
		},
		"/get": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			assert.ElementsMatch(t, keys, s.Keys())
			for i, key := range keys {
				got, _ := holdfast.Get[int](s, key)
				assert.Equal(t, i, got, "%.20q", key)
			}
			assert.Empty(t, s.UserID())
		}})
	client.visit("/set")
	client.visit("/get")
}

func TestSession_1000_keys(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{
		"/set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			for i := range 1000 {
				s.Set(fmt.Sprint(i), i)
			}
		},
		"/get": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			sum := 0
			for _, key := range s.Keys() {
				n, _ := holdfast.Get[int](s, key)
				sum += n
			}
			fmt.Fprint(w, len(s.Keys()), " ", sum)
		}})
	client.visit("/set")
	assert.Equal(t, "1000 499500", client.visit("/get"))
}

// The response fails, and nothing is stored.
func TestSet_value_that_cannot_be_encoded(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/bad": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("views", 1000)
			s.Set("bad", make(chan int))
			fmt.Fprint(w, "all is well")
		}})
	ada := site.browser()
	ada.visit("/")

	bad := ada.visit("/bad")

	assert.Equal(t, http.StatusInternalServerError, bad.StatusCode)
	assert.NotContains(t, bad.text, "all is well")
	assert.Equal(t, "1 true", ada.visit("/views").text)
	assert.Contains(t, site.log.String(), "chan int")
	assert.Contains(t, site.log.String(), `under \"bad\"`, "the log names the key")
}

// Save writes at once. The end of the request does not write again.
func TestSave_writes_once(t *testing.T) {
	store := newRecording(t)
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
		"/save": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			before := store.count("Update")
			s.Set("a", 1)
			err := s.Save()
			fmt.Fprint(w, err, store.count("Update")-before)
		}})
	client.visit("/")
	before := store.count("Update")
	assert.Equal(t, "<nil> 1", client.visit("/save"))
	assert.Equal(t, 1, store.count("Update")-before)
}

func TestReload(t *testing.T) {
	// Reload drops the changes of its request, and sees those of others.
	t.Run("drops changes", func(t *testing.T) {
		var client *directClient
		client = direct(t, holdfast.Options{}, pages{"/": count,
			"/reload": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Set("mine", true)
				s.Delete("views")
				client.twin().visit("/")
				err := s.Reload()
				n, _ := holdfast.Get[int](s, "views")
				fmt.Fprint(w, err, n, s.Keys())
			}})
		client.visit("/")
		assert.Equal(t, "<nil> 2 [views]", client.visit("/reload"))
	})
	t.Run("new session", func(t *testing.T) {
		manager, site := manage(t, holdfast.Options{})
		record(manager.Handler(pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			assert.NoError(t, s.Reload())
			assert.Empty(t, s.Keys())
		}}.handler()), get("/"))
		assert.Zero(t, site.cache.Len())
	})
	t.Run("saved new session", func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			assert.NoError(t, s.Save())
			assert.NoError(t, s.Reload())
			assert.True(t, s.IsNew())
		}})
		client.visit("/")
	})
}

// Each method reports a session that another request has destroyed.
func TestErrEnded(t *testing.T) {
	var client *directClient
	client = direct(t, holdfast.Options{}, pages{"/": count, "/destroy": destroy,
		"/ended": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.IsNew()
			client.twin().visit("/destroy")
			assert.ErrorIs(t, s.Reload(), holdfast.ErrEnded)
			s.Set("a", 1)
			assert.ErrorIs(t, s.Save(), holdfast.ErrEnded)
			assert.ErrorIs(t, s.Touch(), holdfast.ErrEnded)
			assert.ErrorIs(t, s.Regenerate(), holdfast.ErrEnded)
			_, err := increment(s)
			assert.ErrorIs(t, err, holdfast.ErrEnded)
			_, ok := holdfast.Pop[int](s, "views")
			assert.False(t, ok)
			assert.NoError(t, s.Err())
		}})
	client.visit("/")
	assert.Equal(t, http.StatusOK, client.show("/ended").Code)
}

func TestDestroy(t *testing.T) {
	t.Run("removes the cookie", func(t *testing.T) {
		site := serve(t, holdfast.Options{}, pages{"/": count, "/destroy": destroy})
		ada := site.browser()
		ada.visit("/")

		cookie := ada.visit("/destroy").cookie()

		require.NotNil(t, cookie)
		assert.Empty(t, cookie.Value)
		assert.Negative(t, cookie.MaxAge)
		assert.Zero(t, site.cache.Len())
	})
	t.Run("new session", func(t *testing.T) {
		manager, site := manage(t, holdfast.Options{})
		response := record(manager.Handler(pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			destroy(w, r, s)
		}}.handler()), get("/"))
		assert.Empty(t, response.Header().Get("Set-Cookie"))
		assert.Zero(t, site.cache.Len())
	})
	t.Run("then a value", func(t *testing.T) {
		site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views,
			"/restart": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
				destroy(w, r, s)
				s.Set("views", 100)
			}})
		ada := site.browser()
		old := ada.visit("/").cookie()

		renewed := ada.visit("/restart").cookie()

		assert.NotEqual(t, old.Value, renewed.Value)
		assert.Equal(t, "101", ada.visit("/").text)
		assert.Equal(t, "0 false", site.with(old.String(), "/views").text)
	})
	t.Run("then a value, new ID", func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": count,
			"/wipe": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
				destroy(w, r, s)
				s.Set("other", true)
				fmt.Fprint(w, s.Keys(), s.IsNew())
			}})
		client.visit("/")
		old := client.cookie.Value
		assert.Equal(t, "[other] true", client.visit("/wipe"))
		assert.NotEqual(t, old, client.cookie.Value)
	})
	t.Run("clears an error", func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("bad", make(chan int))
			assert.NoError(t, s.Destroy())
		}})
		assert.Equal(t, http.StatusOK, client.show("/").Code)
	})
	t.Run("keeps an error of the cookie", func(t *testing.T) {
		manager, _ := manage(t, holdfast.Options{Carrier: holdfast.CookieFunc(func(*http.Request) holdfast.Cookie {
			return holdfast.Cookie{Path: "no slash"}
		})})
		handler := manager.Handler(pages{"/": destroy}.handler())
		assert.Equal(t, http.StatusInternalServerError, record(handler, get("/")).Code)
	})
}

func TestSession_concurrent_methods(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/all": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			var calls sync.WaitGroup
			for range 20 {
				for _, call := range []func(){
					func() { s.Set("a", 1) }, func() { s.Delete("a") }, func() { s.Keys() }, func() { s.ID() }, func() { s.Token() },
					func() { s.IsNew() }, func() { s.Created() }, func() { s.Expires() }, func() { s.SetIdleTimeout(time.Minute) },
					func() { s.SetExpires(time.Time{}) }, func() { s.Touch() }, func() { s.Save() }, func() { s.Reload() }, func() { s.Err() },
					func() { s.Regenerate() }, func() { s.Login("ada") }, func() { s.UserID() },
					func() { holdfast.Get[int](s, "a") }, func() { holdfast.Pop[int](s, "a") }, func() { _ = fmt.Sprint(s) },
					func() { increment(s) },
				} {
					calls.Go(call)
				}
			}
			calls.Wait()
		}})
	client.visit("/")
	require.Equal(t, http.StatusOK, client.show("/all").Code)
	assert.Equal(t, "21 true", client.visit("/views"))
}
