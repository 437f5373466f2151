package holdfast_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/codec"
)

// puts is a store that counts its writes. An Update without a write does not
// count.
type puts struct {
	holdfast.Store
	n int
}

func (s *puts) Set(ctx context.Context, id string, value []byte, ttl time.Duration) error {
	s.n++
	return s.Store.Set(ctx, id, value, ttl)
}

func (s *puts) Update(ctx context.Context, id string, fn func([]byte, bool) (cache.Change, error)) error {
	return s.Store.Update(ctx, id, func(old []byte, found bool) (cache.Change, error) {
		change, err := fn(old, found)
		if _, _, stores := change.Stores(); stores {
			s.n++
		}
		return change, err
	})
}

// A change to an equal value is not stored. Its response sets no cookie, and
// caches may store it.
func TestNoChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sealed, err := codec.NewSealed(codec.JSON{}, firstKey)
		require.NoError(t, err)
		end := time.Now().Add(10 * time.Hour)
		for name, c := range map[string]codec.Codec{"MsgPack": codec.MsgPack{}, "Sealed": sealed} {
			for change, act := range map[string]func(s *holdfast.Session){
				"Set":                  func(s *holdfast.Session) { s.Set("name", "Ada") },
				"Set, and back":        func(s *holdfast.Session) { s.Set("name", "Bob"); s.Set("name", "Ada") },
				"Update":               func(s *holdfast.Session) { holdfast.Update(s, "name", func(v string) string { return v }) },
				"Delete":               func(s *holdfast.Session) { s.Delete("nothing") },
				"SetIdleTimeout":       func(s *holdfast.Session) { s.SetIdleTimeout(2 * time.Hour) },
				"SetExpires":           func(s *holdfast.Session) { s.SetExpires(end) },
				"all, then Save":       func(s *holdfast.Session) { s.Set("name", "Ada"); s.SetExpires(end); s.Save() },
				"SetIdleTimeout twice": func(s *holdfast.Session) { s.SetIdleTimeout(time.Hour); s.SetIdleTimeout(2 * time.Hour) },
			} {
				store := &puts{Store: newStore(t)}
				client := direct(t, holdfast.Options{Store: store, Codec: c}, pages{
					"/begin": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
						s.Set("name", "Ada")
						s.SetIdleTimeout(2 * time.Hour)
						s.SetExpires(end)
					},
					"/again": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { act(s) },
					"/name": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
						name, _ := holdfast.Get[string](s, "name")
						fmt.Fprint(w, name)
					},
					"/other": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
						s.Set("name", "Bob")
						s.SetIdleTimeout(3 * time.Hour)
					}})
				client.visit("/begin")
				require.Equal(t, 1, store.n)

				response := client.show("/again")

				assert.Equal(t, 1, store.n, "%s, %s", name, change)
				assert.Empty(t, response.Header()["Set-Cookie"], "%s, %s", name, change)
				assert.Empty(t, response.Header()["Cache-Control"], "%s, %s", name, change)
				assert.Equal(t, "Ada", client.visit("/name"))

				response = client.show("/other")
				assert.Equal(t, 2, store.n, "the control: a change is stored")
				assert.NotEmpty(t, response.Header()["Set-Cookie"])
			}
		}
	})
}

// Without an expiry or an idle timeout of its own, a reset is no change.
func TestNoChange_reset_to_the_defaults(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": count,
		"/default": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.SetExpires(time.Time{})
			s.SetIdleTimeout(0)
		}})
	client.visit("/")
	assert.Empty(t, client.show("/default").Header()["Set-Cookie"])
}

// A change is compared with the stored value, not with the value that the
// request has read.
func TestNoChange_compares_with_the_store(t *testing.T) {
	var client *directClient
	client = direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/one": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.IsNew()
			client.twin().visit("/")
			s.Set("views", 1)
		}})
	client.visit("/")
	client.visit("/one")
	assert.Equal(t, "1 true", client.visit("/views"))
}

// A request holds one value for each key.
func TestSet_300000_times(t *testing.T) {
	var bytes uint64
	client := direct(t, holdfast.Options{}, pages{"/views": views,
		"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			bytes = growth(func() {
				for i := range 300_000 {
					s.Set("views", i)
				}
			})
		}})
	client.visit("/")
	assert.Equal(t, "299999 true", client.visit("/views"))
	assert.Less(t, bytes, uint64(1<<20))
}

// The work of an Update does not grow with the Updates before it. Allocated
// bytes stand for work.
func TestUpdate_1500_times_in_a_first_request(t *testing.T) {
	allocated := func(updates int) (bytes uint64) {
		client := direct(t, holdfast.Options{}, pages{
			"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				bytes = allocatedBy(func() {
					for i := range updates {
						holdfast.Update(s, fmt.Sprint("key", i), func(int) int { return i })
					}
				})
			}})
		client.visit("/")
		return bytes
	}
	assert.Less(t, allocated(1500), 30*allocated(150))
}
