package holdfast_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

// The contexts of calls of a Store. A read ends with its request. A write has
// the request's values and deadline, but does not end when the client goes
// away. No call takes longer than storeTimeout.

const storeTimeout = 5 * time.Second

// requestValue is the key of a value in a request's context.
type requestValue struct{}

// storeActs are acts of a handler that call a store.
var storeActs = map[string]func(s *holdfast.Session) error{
	"Save":       func(s *holdfast.Session) error { s.Set("a", time.Now().UnixNano()); return s.Save() },
	"Update":     func(s *holdfast.Session) error { _, err := increment(s); return err },
	"Touch":      (*holdfast.Session).Touch,
	"Reload":     (*holdfast.Session).Reload,
	"Regenerate": (*holdfast.Session).Regenerate,
	"Login":      func(s *holdfast.Session) error { return s.Login("ada") },
	"EndOthers":  func(s *holdfast.Session) error { _, err := s.EndOthers(); return err },
	"EndAll":     func(s *holdfast.Session) error { _, err := s.EndAll(); return err },
	"Destroy":    (*holdfast.Session).Destroy,
}

// sendWith is a visit with a context.
func (c *directClient) sendWith(ctx context.Context, path string) int {
	request := get(path)
	request.AddCookie(c.cookie)
	return c.send(request.WithContext(ctx)).Code
}

func TestStoreContext_values(t *testing.T) {
	for name, act := range storeActs {
		t.Run(name, func(t *testing.T) {
			store := newRecording(t)
			_, client := userSite(t, holdfast.Options{Store: store}, pages{
				"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { assert.NoError(t, act(s)) }})
			client.visit("/login?user=ada")
			store.calls = nil
			client.sendWith(context.WithValue(t.Context(), requestValue{}, "of the request"), "/act")
			assert.Greater(t, len(store.calls), 2)
			for _, c := range store.calls {
				assert.Equal(t, "of the request", c.ctx.Value(requestValue{}), c.method)
			}
		})
	}
}

func TestStoreContext_values_of_the_caller(t *testing.T) {
	store := newRecording(t)
	manager, client := userSite(t, holdfast.Options{Store: store}, nil)
	client.visit("/login?user=ada")
	store.calls = nil
	ctx := context.WithValue(t.Context(), requestValue{}, "of the caller")
	infos, err := manager.Sessions(ctx, "ada")
	require.NoError(t, err)
	_, err = manager.End(ctx, "ada", infos[0].Handle)
	require.NoError(t, err)
	_, err = manager.EndUser(ctx, "ada")
	require.NoError(t, err)
	_, err = manager.Len(ctx)
	require.NoError(t, err)
	for _, c := range store.calls {
		assert.Equal(t, "of the caller", c.ctx.Value(requestValue{}), c.method)
	}
	assert.Len(t, store.calls, 5)
}

// The session's lock is held while the store is called. A store that logs with
// its context must not deadlock with a log that adds the session's user.
func TestStoreContext_has_no_session(t *testing.T) {
	logger := slog.New(userLog{slog.DiscardHandler})
	store := &hooked{newStore(t), func(c call, carryOut func() error) error {
		logger.InfoContext(c.ctx, c.method)
		return carryOut()
	}}
	_, client := userSite(t, holdfast.Options{Store: store}, pages{
		"/act": func(_ http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			for _, act := range storeActs {
				act(s)
			}
		}})
	client.visit("/login?user=ada")
	assert.Equal(t, http.StatusOK, client.show("/act").Code)
}

// obedient returns a store that gives up when a context has ended.
func obedient(t *testing.T) holdfast.Store {
	return &hooked{newStore(t), func(c call, carryOut func() error) error {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		return carryOut()
	}}
}

// A client that goes away ends the reads of its request. A change that was
// begun does not stop half-way.
func TestStoreContext_client_goes_away(t *testing.T) {
	for name, act := range storeActs {
		t.Run(name, func(t *testing.T) {
			var goAway context.CancelFunc
			_, client := userSite(t, holdfast.Options{Store: obedient(t)}, pages{
				"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.IsNew()
					goAway()
					if name == "Reload" {
						assert.ErrorIs(t, act(s), context.Canceled)
					} else {
						assert.NoError(t, act(s))
					}
				},
				"/read": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { t.Error("the handler runs") }})
			client.visit("/login?user=ada")
			ctx, cancel := context.WithCancel(t.Context())
			goAway = cancel
			before := client.twin()
			client.sendWith(ctx, "/act")
			before.sendWith(ctx, "/read")
		})
	}
}

// Most streams end when their client goes away. That is activity too.
func TestStoreContext_end_of_a_stream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var goAway context.CancelFunc
		client := direct(t, holdfast.Options{Store: obedient(t), IdleTimeout: time.Hour}, pages{"/": count, "/views": views,
			"/stream": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.IsNew()
				fmt.Fprint(w, "first byte")
				time.Sleep(50 * time.Minute)
				goAway()
			}})
		client.visit("/")
		ctx, cancel := context.WithCancel(t.Context())
		goAway = cancel
		client.sendWith(ctx, "/stream")
		time.Sleep(50 * time.Minute)
		assert.Equal(t, "1 true", client.visit("/views"))
	})
}

// hanging is a store whose calls wait for the end of their context, while hangs
// is the name of their method or "all". Like the driver of a database, it
// returns the context's error.
type hanging struct {
	hooked
	hangs string
	hung  bool
}

func newHanging(t *testing.T) *hanging {
	s := &hanging{}
	s.hooked = hooked{newStore(t), func(c call, carryOut func() error) error {
		if s.hangs != c.method && s.hangs != "all" {
			return carryOut()
		}
		s.hung = true
		<-c.ctx.Done()
		return c.ctx.Err()
	}}
	return s
}

// deadlines are those of requests. 0 is none.
var deadlines = map[string]time.Duration{"no deadline": 0, "sooner": time.Second, "later": time.Hour}

// within returns a request's context with a deadline, and how long its store
// may hang.
func within(t *testing.T, deadline time.Duration) (context.Context, time.Duration) {
	if deadline == 0 {
		return t.Context(), storeTimeout
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	t.Cleanup(cancel)
	return ctx, min(deadline, storeTimeout)
}

// The handler does not run.
func TestStoreHangs_early_read(t *testing.T) {
	for name, deadline := range deadlines {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newHanging(t)
				client := direct(t, holdfast.Options{Store: store}, pages{"/": count, "/views": views})
				client.visit("/")
				store.hangs = "Get"
				ctx, bound := within(t, deadline)
				start := time.Now()
				assert.Equal(t, http.StatusServiceUnavailable, client.sendWith(ctx, "/views"))
				assert.Equal(t, bound, time.Since(start))
				store.hangs = ""
				assert.Equal(t, "1 true", client.visit("/views"), "the session is still there")
			})
		})
	}
}

// A method returns after five seconds, or at the request's deadline. Then the
// response may wait for the store again, but not beyond that deadline.
func TestStoreHangs_in_the_handler(t *testing.T) {
	for name, deadline := range deadlines {
		for act := range storeActs {
			for _, method := range []string{"Get", "Touch", "Set", "Update", "ScanValues", "all"} {
				t.Run(act+", "+method+", "+name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						store := newHanging(t)
						ctx, bound := within(t, deadline)
						start := time.Now()
						_, client := userSite(t, holdfast.Options{Store: store}, pages{
							"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
								s.IsNew()
								store.hangs = method
								err := storeActs[act](s)
								if !store.hung {
									assert.NoError(t, err)
									return
								}
								assert.ErrorIs(t, err, holdfast.ErrUnavailable)
								assert.Equal(t, bound, time.Since(start))
							}})
						client.visit("/login?user=ada")
						client.sendWith(ctx, "/act")
						if deadline != 0 && store.hung {
							assert.LessOrEqual(t, time.Since(start), deadline)
						}
						assert.LessOrEqual(t, time.Since(start), 3*storeTimeout)
					})
				})
			}
		}
	}
}

// The first use and the commit are no calls of the handler.
func TestStoreHangs_commit(t *testing.T) {
	for method, page := range map[string]page{
		"Touch":  views,
		"Update": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("a", 1) },
		"Set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			assert.NoError(t, s.Destroy())
			s.Set("a", 1)
		},
	} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newHanging(t)
				client := direct(t, holdfast.Options{Store: store}, pages{"/": count, "/act": page})
				client.visit("/")
				store.hangs = method
				start := time.Now()
				assert.Equal(t, http.StatusServiceUnavailable, client.show("/act").Code)
				assert.Equal(t, storeTimeout, time.Since(start))
			})
		})
	}
}

// A Manager's methods wait as long as their context allows.
func TestStoreHangs_listing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newHanging(t)
		manager, client := userSite(t, holdfast.Options{Store: store}, nil)
		client.visit("/login?user=ada")
		store.hangs = "ScanValues"
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		n, err := manager.EndUser(ctx, "ada")
		assert.Zero(t, n)
		assert.ErrorIs(t, err, holdfast.ErrUnavailable)
		assert.Equal(t, time.Minute, time.Since(start))
		require.Error(t, ctx.Err())
	})
}
