package holdfast_test

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/codec"
)

func TestValues_common_types(t *testing.T) {
	when := time.Date(2026, 11, 23, 13, 0, 0, 123456789, time.UTC)
	client := direct(t, holdfast.Options{}, pages{
		"/set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("bool", true)
			s.Set("int", -1)
			s.Set("float", 1.5)
			s.Set("bytes", []byte{0, 255})
			s.Set("time", when)
			s.Set("duration", time.Hour)
			s.Set("map", map[string]int{"a": 1})
			s.Set("nil", nil)
			s.Set("any", []any{1, "a", nil})
		},
		"/get": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			assertValue(t, s, "bool", true)
			assertValue(t, s, "int", -1)
			assertValue(t, s, "float", 1.5)
			assertValue(t, s, "bytes", []byte{0, 255})
			assertValue(t, s, "duration", time.Hour)
			assertValue(t, s, "map", map[string]int{"a": 1})
			assertValue[any](t, s, "nil", nil)
			assertValue[any](t, s, "any", []any{1, "a", nil})
			got, _ := holdfast.Get[time.Time](s, "time")
			assert.True(t, got.Equal(when), strconv.Itoa(got.Nanosecond()))
		}})
	client.visit("/set")
	client.visit("/get")
}

func assertValue[T any](t *testing.T, s *holdfast.Session, key string, want T) {
	t.Helper()
	got, ok := holdfast.Get[T](s, key)
	assert.True(t, ok, key)
	assert.Equal(t, want, got, key)
}

// The byte 1 in MsgPack is the digit 1 in no other codec.
func TestValues_number_of_one_digit(t *testing.T) {
	for _, c := range []codec.Codec{codec.MsgPack{}, codec.JSON{}, sealed(t, firstKey)} {
		client := direct(t, holdfast.Options{Codec: c}, pages{"/": count, "/views": views})
		client.visit("/")
		assert.Equal(t, "1 true", client.visit("/views"), "%T", c)
	}
}

func TestGet_changes_to_a_value_just_set(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		given := map[string][]string{"roles": {"reader"}}
		s.Set("user", given)
		given["roles"][0] = "admin"
		returned, _ := holdfast.Get[map[string][]string](s, "user")
		returned["roles"][0] = "admin"
		again, _ := holdfast.Get[map[string][]string](s, "user")
		fmt.Fprint(w, again)
	}})
	assert.Equal(t, "map[roles:[reader]]", site.browser().visit("/").text)
}

// Get does not find a value of another type, and the value stays.
func TestGet_another_type(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("n", 300)
		_, asString := holdfast.Get[string](s, "n")
		_, asByte := holdfast.Get[uint8](s, "n")
		n, asInt := holdfast.Get[int](s, "n")
		fmt.Fprint(w, asString, asByte, n, asInt)
	}})
	assert.Equal(t, "false false 300 true", client.visit("/"))
}

func TestUpdate_after_Set(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("views", 10)
		n, _ := increment(s)
		fmt.Fprint(w, n)
	}, "/views": views})
	ada := site.browser()
	assert.Equal(t, "11", ada.visit("/").text)
	assert.Equal(t, "11 true", ada.visit("/views").text)
}

// All parallel visits of one browser count.
func TestUpdate_concurrent(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count})
	ada := site.browser()
	require.Equal(t, "1", ada.visit("/").text)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { ada.visit("/") })
	}
	wg.Wait()
	assert.Equal(t, "102", ada.visit("/").text)
}

// Concurrent increments lose no step while the ID changes.
func TestUpdate_concurrent_Regenerate(t *testing.T) {
	var mu sync.Mutex
	steps := 1
	client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views, "/regenerate": regenerate,
		"/step": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			if s.IsNew() {
				return // the request came after the ID had changed
			}
			if _, err := increment(s); err == nil {
				mu.Lock()
				steps++
				mu.Unlock()
			}
		}})
	client.visit("/")
	for range 50 {
		var requests sync.WaitGroup
		for range 8 {
			twin := client.twin()
			requests.Go(func() { twin.visit("/step") })
		}
		requests.Go(func() { client.visit("/regenerate") })
		requests.Wait()
	}
	assert.Equal(t, fmt.Sprint(steps, " true"), client.visit("/views"))
}

// Update fails, and the value stays.
func TestUpdate_another_type(t *testing.T) {
	errs := make(chan error, 1)
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/wrong": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			_, err := holdfast.Update(s, "views", func(string) string { return "x" })
			errs <- err
		}})
	ada := site.browser()
	ada.visit("/")
	ada.visit("/wrong")
	err := <-errs
	assert.ErrorIs(t, err, holdfast.ErrValue)
	assert.ErrorContains(t, err, "it is not of the type string:")
	assert.Equal(t, "1 true", ada.visit("/views").text)
}

func TestUpdate_after_the_first_byte(t *testing.T) {
	var err error
	client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		w.Write([]byte("first byte"))
		_, err = increment(s)
	}})
	client.visit("/")
	assert.ErrorIs(t, err, holdfast.ErrHeaderSent)
}

// The step counts once, and the changes before it are kept.
func TestUpdate_function_called_again(t *testing.T) {
	var client *directClient
	client = direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/other": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("other", true) },
		"/update": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			s.Set("b", 2)
			calls := 0
			_, err := holdfast.Update(s, "views", func(n int) int {
				if calls++; calls == 1 {
					client.twin().visit("/other")
				}
				return n + 1
			})
			assert.NoError(t, err)
			assert.Equal(t, 2, calls)
		}})
	client.visit("/")
	client.visit("/update")
	assert.Equal(t, "2 true", client.visit("/views"))
}

// The panic unlocks the session and changes nothing.
func TestUpdate_function_panics(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/panic": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			func() {
				defer func() { fmt.Fprint(w, recover(), " ") }()
				holdfast.Update(s, "views", func(int) int { panic("boom") })
			}()
			n, err := increment(s)
			fmt.Fprint(w, n, err)
		}})
	client.visit("/")
	assert.Equal(t, "boom 2 <nil>", client.visit("/panic"))
	assert.Equal(t, "2 true", client.visit("/views"))
}

func TestPop(t *testing.T) {
	t.Run("once", func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{
			"/set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Set("flash", "saved")
				s.Set("other", 1)
			},
			"/pop": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				flash, ok := holdfast.Pop[string](s, "flash")
				_, again := holdfast.Pop[string](s, "flash")
				fmt.Fprintf(w, "%q %v %v %v", flash, ok, again, s.Keys())
			}})
		client.visit("/set")
		assert.Equal(t, `"saved" true false [other]`, client.visit("/pop"))
		assert.Equal(t, `"" false false [other]`, client.visit("/pop"))
	})
	t.Run("in the first request", func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("flash", "hello")
			first, _ := holdfast.Pop[string](s, "flash")
			second, again := holdfast.Pop[string](s, "flash")
			fmt.Fprintf(w, "%q %q %v %v", first, second, again, s.Keys())
		}})
		assert.Equal(t, `"hello" "" false []`, client.visit("/"))
	})
	// One request gets the value.
	t.Run("concurrent", func(t *testing.T) {
		const many = 8
		var got atomic.Int64
		var loaded sync.WaitGroup
		client := direct(t, holdfast.Options{}, pages{
			"/set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("flash", "saved") },
			"/pop": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Keys()
				loaded.Done()
				loaded.Wait() // all read the value before one of them pops it
				if _, ok := holdfast.Pop[string](s, "flash"); ok {
					got.Add(1)
				}
			}})
		client.visit("/set")
		var requests sync.WaitGroup
		loaded.Add(many)
		for range many {
			twin := client.twin()
			requests.Go(func() { twin.visit("/pop") })
		}
		requests.Wait()
		assert.Equal(t, int64(1), got.Load())
	})
	t.Run("another type", func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
			"/pop": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				_, ok := holdfast.Pop[string](s, "views")
				fmt.Fprint(w, ok, s.Err())
			}})
		client.visit("/")
		assert.Equal(t, "false <nil>", client.visit("/pop"))
		assert.Equal(t, "1 true", client.visit("/views"))
	})
	t.Run("store away", func(t *testing.T) {
		store := newAway(t)
		client := direct(t, holdfast.Options{Store: store}, pages{"/": count, "/views": views,
			"/pop": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Keys()
				store.away.Store(true)
				_, ok := holdfast.Pop[int](s, "views")
				store.away.Store(false)
				assert.False(t, ok)
				assert.ErrorIs(t, s.Err(), errAway)
			}})
		client.visit("/")
		client.visit("/pop")
		assert.Equal(t, "1 true", client.visit("/views"))
	})
}

// The second version of a program reads the values of the first.
type (
	userV1 struct {
		Name  string
		Age   int
		Email string `json:"mail" msgpack:"mail"`
		Gone  string
	}
	userV2 struct {
		Name  string
		Age   int64
		Mail  string `json:"mail" msgpack:"mail"`
		Roles []string
		Boss  *userV2
	}
)

// A struct of one version of a program is read by another.
func TestValues_struct_versions(t *testing.T) {
	for name, c := range map[string]codec.Codec{"MsgPack": codec.MsgPack{}, "JSON": codec.JSON{}, "Sealed": sealed(t, firstKey)} {
		t.Run(name, func(t *testing.T) {
			client := direct(t, holdfast.Options{Codec: c}, pages{
				"/v1": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.Set("user", userV1{"Ada", 36, "ada@example.org", "dropped"})
				},
				"/v2": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					user, ok := holdfast.Get[userV2](s, "user")
					assert.True(t, ok)
					assert.Equal(t, userV2{Name: "Ada", Age: 36, Mail: "ada@example.org"}, user)
					s.Set("user", userV2{Name: "Ada", Roles: []string{"editor"}})
				},
				"/back": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					user, ok := holdfast.Get[userV1](s, "user")
					assert.True(t, ok)
					assert.Equal(t, userV1{Name: "Ada"}, user)
				}})
			client.visit("/v1")
			client.visit("/v2")
			client.visit("/back")
		})
	}
}

// The store has no plain text. A record under another session's key opens no
// value.
func TestSealed_values_in_the_store(t *testing.T) {
	c := newCache(t)
	client := direct(t, holdfast.Options{Cache: c, Codec: sealed(t, firstKey)}, pages{
		"/set": func(_ http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.Set("secret", "plain text of "+r.URL.Query().Get("name"))
		},
		"/get": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			text, ok := holdfast.Get[string](s, "secret")
			fmt.Fprint(w, text, " ", ok)
		}})
	mallory := client.anonymous()
	client.visit("/set?name=ada")
	records := map[string][]byte{}
	for id, raw := range c.All() {
		records[id] = raw
		assert.NotContains(t, string(raw), "plain text")
	}
	mallory.visit("/set?name=mallory")
	require.Equal(t, "plain text of ada true", client.visit("/get"))

	for id := range c.All() {
		if _, adas := records[id]; !adas {
			for _, raw := range records {
				require.NoError(t, c.Set(id, raw, time.Hour)) // Ada's record under Mallory's ID
			}
		}
	}

	assert.Equal(t, " false", mallory.visit("/get"))
}

// A codec opens values with an old key and seals them with the first.
func TestSealed_key_rotation(t *testing.T) {
	c := newCache(t)
	with := func(cookie *http.Cookie, keys ...[]byte) *directClient {
		sealed, err := codec.NewSealed(codec.JSON{}, keys...)
		require.NoError(t, err)
		client := direct(t, holdfast.Options{Cache: c, Codec: sealed}, pages{"/": count, "/views": views, "/regenerate": regenerate})
		client.cookie = cookie
		return client
	}
	old := with(nil, firstKey)
	old.visit("/")
	rotated := with(old.cookie, secondKey, firstKey)
	require.Equal(t, "1 true", rotated.visit("/views"))

	rotated.visit("/regenerate")

	assert.Equal(t, "1 true", with(rotated.cookie, secondKey).visit("/views"), "a new ID seals the values again")
}
