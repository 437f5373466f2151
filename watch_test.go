package holdfast_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// A stream of events ends when its user logs out elsewhere.
func TestEnded_stream_of_events(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count, "/destroy": destroy, "/views": views,
		"/events": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			w.Header().Set("Content-Type", "text/event-stream")
			holdfast.Update(s, "views", func(n int) int { return n + 10 })
			fmt.Fprint(w, "data: hello\n\n")
			w.(http.Flusher).Flush()
			select {
			case <-s.Ended():
				fmt.Fprint(w, "data: bye\n\n")
			case <-r.Context().Done():
			}
		}})
	ada := site.browser()
	ada.visit("/")
	response, err := ada.Get(site.url + "/events")
	require.NoError(t, err)
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	require.True(t, lines.Scan())
	require.Equal(t, "data: hello", lines.Text())
	require.Equal(t, "11 true", ada.visit("/views").text, "a long-lived handler can save")

	ada.visit("/destroy")

	lines.Scan()
	require.True(t, lines.Scan())
	assert.Equal(t, "data: bye", lines.Text())
}

// Ended fires for each way to end a session.
func TestEnded(t *testing.T) {
	type place struct {
		manager *holdfast.Manager
		client  *directClient
		cache   *cache.Cache
	}
	const soon = 10 * time.Second
	for name, test := range map[string]struct {
		end    func(p place)
		within time.Duration
	}{
		"Destroy":     {func(p place) { p.client.visit("/destroy") }, 0},
		"Regenerate":  {func(p place) { p.client.visit("/regenerate") }, 0},
		"Login":       {func(p place) { p.client.visit("/login?user=ada") }, 0},
		"EndUser":     {func(p place) { p.manager.EndUser(t.Context(), "ada") }, 0},
		"EndEveryone": {func(p place) { p.manager.EndEveryone(t.Context()) }, 0},
		"SetExpires":  {func(p place) { p.client.visit("/expire") }, 0},
		"the store": {func(p place) {
			for key := range p.cache.All() {
				p.cache.Delete(key)
			}
		}, soon},
		"the idle timeout": {func(place) {}, time.Hour + soon},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var waited time.Duration
				c := newCache(t)
				manager, client := userSite(t, holdfast.Options{Cache: c, IdleTimeout: time.Hour}, pages{
					"/expire": setExpires(time.Now().Add(-1)),
					"/wait": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
						start := time.Now()
						<-s.Ended()
						waited = time.Since(start)
					}})
				client.visit("/login?user=ada")
				waiting, done := client.twin(), make(chan struct{})
				go func() { waiting.visit("/wait"); close(done) }()
				synctest.Wait()

				test.end(place{manager, client, c})

				<-done
				assert.LessOrEqual(t, waited, test.within)
			})
		})
	}
}

func TestEnded_hijacked_connection(t *testing.T) {
	ended := make(chan error, 1)
	site := serve(t, holdfast.Options{}, pages{"/": count, "/destroy": destroy,
		"/socket": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			defer conn.Close()
			over := s.Ended() // before the response: the client destroys the session afterwards
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			select {
			case <-over:
				ended <- nil
			case <-r.Context().Done():
				ended <- r.Context().Err()
			case <-time.After(10 * time.Second):
				ended <- context.DeadlineExceeded
			}
		}})
	ada := site.browser()
	ada.visit("/")
	ada.visit("/socket")
	ada.visit("/destroy")
	assert.NoError(t, <-ended)
}

func TestEnded_session_that_is_not_stored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			select {
			case <-s.Ended():
				t.Error("Ended fired for a session that was never stored")
			case <-time.After(time.Hour):
			}
		}})
		client.visit("/")
	})
}

// Ended does not fire while the store is away.
func TestEnded_store_away(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newAway(t)
		var client *directClient
		client = direct(t, holdfast.Options{Store: store}, pages{"/": count, "/destroy": destroy,
			"/wait": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				ended := s.Ended()
				store.away.Store(true)
				select {
				case <-ended:
					t.Error("Ended fired while the store was away")
				case <-time.After(10 * time.Second):
				}
				store.away.Store(false)
				client.twin().visit("/destroy")
				<-ended
			}})
		client.visit("/")
		client.visit("/wait")
	})
}

// synctest fails a test that leaves a goroutine behind.
func TestEnded_leaves_no_goroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": count,
			"/wait": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Ended(); s.Ended() }})
		client.visit("/")
		client.visitUntilDone(t, "/wait")
	})
}

// A loop that selects on Ended starts no goroutine at each turn.
func TestEnded_one_channel_a_request(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": count,
			"/loop": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				ended, before := s.Ended(), runtime.NumGoroutine()
				for range 1000 {
					select {
					case <-s.Ended():
						t.Error("Ended fired for a live session")
					default:
					}
				}
				assert.LessOrEqual(t, runtime.NumGoroutine(), before) // one of an earlier test may end
				assert.Equal(t, ended, s.Ended())

				assert.NoError(t, s.Regenerate())
				<-ended
				select {
				case <-s.Ended():
					t.Error("Ended fired for the new ID")
				default:
				}
				client := s.Ended()
				assert.NoError(t, s.Destroy())
				<-client
			}})
		client.visit("/")
		client.visitUntilDone(t, "/loop")
	})
}

func TestEnded_after_the_end(t *testing.T) {
	var client *directClient
	client = direct(t, holdfast.Options{}, pages{"/": count, "/destroy": destroy, "/regenerate": regenerate,
		"/late": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.IsNew()
			client.twin().visit("/destroy")
			assert.ErrorIs(t, s.Reload(), holdfast.ErrEnded)
			<-s.Ended()
		},
		"/replaced": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { <-s.Ended() }})
	client.visit("/")
	late := client.twin()
	late.visit("/late")
	client = client.anonymous()
	client.visit("/")
	replaced := client.twin()
	client.visit("/regenerate")
	replaced.visit("/replaced")
}

// watched is a store that another process changes too.
type watched struct {
	holdfast.Store
	mu      sync.Mutex
	changed map[string][]func() // of the watches that run, by ID
	stopped []func()            // of those that have stopped
	local   map[string][]byte   // copies of this process; nil if it keeps none
}

func newWatched(t testing.TB) *watched {
	return &watched{Store: newStore(t), changed: map[string][]func(){}}
}

func (s *watched) Watch(id string, changed func()) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed[id] = append(s.changed[id], changed)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed[id] = s.changed[id][1:] // the tests have one watch of an ID
		s.stopped = append(s.stopped, changed)
	}
}

func (s *watched) Get(ctx context.Context, id string, how holdfast.ReadMode) ([]byte, bool, error) {
	value, found, err := s.Store.Get(ctx, id, how)
	if s.local == nil || how == holdfast.ReadFresh {
		return value, found, err
	}
	if local, ok := s.local[id]; ok {
		return local, true, nil
	}
	s.local[id] = value
	return value, found, err
}

// notify calls changed of the watches that run.
func (s *watched) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, watches := range s.changed {
		for _, changed := range watches {
			changed()
		}
	}
}

func (s *watched) running() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, watches := range s.changed {
		n += len(watches)
	}
	return n
}

// endElsewhere removes all sessions as another process does.
func (s *watched) endElsewhere(t *testing.T) {
	for entry, err := range s.Store.ScanValues(t.Context(), nil) {
		require.NoError(t, err)
		require.NoError(t, s.Store.Update(t.Context(), entry.ID, func([]byte, bool) (cache.Change, error) { return cache.Remove(), nil }))
	}
}

// isClosed reports whether ended is closed when all goroutines of the bubble
// wait.
func isClosed(ended <-chan struct{}) bool {
	synctest.Wait()
	select {
	case <-ended:
		return true
	default:
		return false
	}
}

// waitingSite is a site whose page /wait calls act with the channel of Ended.
func waitingSite(t *testing.T, store holdfast.Store, act func(ended <-chan struct{}, s *holdfast.Session)) *directClient {
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
		"/wait": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			ended := s.Ended()
			synctest.Wait()
			act(ended, s)
		}})
	client.visit("/")
	return client
}

// The store's notification ends the wait at once, if the session has ended.
func TestEnded_store_notifies(t *testing.T) {
	for name, local := range map[string]map[string][]byte{"without local copies": nil, "with local copies": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newWatched(t)
				store.local = local
				client := waitingSite(t, store, func(ended <-chan struct{}, _ *holdfast.Session) {
					start := time.Now()
					assert.Equal(t, 1, store.running())
					store.notify()
					assert.False(t, isClosed(ended), "the session lives")
					store.endElsewhere(t)
					assert.False(t, isClosed(ended), "the store has not notified yet")
					store.notify()
					assert.True(t, isClosed(ended))
					assert.Zero(t, time.Since(start))
					assert.Zero(t, store.running(), "the watch has stopped")
				})
				client.visitUntilDone(t, "/wait")
			})
		})
	}
}

// A store that cannot notify, or whose notification is lost, delays Ended by
// some seconds.
func TestEnded_store_does_not_notify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newWatched(t)
		client := waitingSite(t, store, func(ended <-chan struct{}, _ *holdfast.Session) {
			store.endElsewhere(t)
			start := time.Now()
			<-ended
			assert.LessOrEqual(t, time.Since(start), 10*time.Second)
		})
		client.visitUntilDone(t, "/wait")
	})
}

// A request that is done watches no more. A call of changed that comes later
// does nothing. synctest fails a test that leaves a goroutine behind.
func TestEnded_stops_the_watch(t *testing.T) {
	for name, act := range map[string]func(t *testing.T, store *watched, s *holdfast.Session){
		"request done": func(*testing.T, *watched, *holdfast.Session) {},
		"destroyed":    func(t *testing.T, _ *watched, s *holdfast.Session) { assert.NoError(t, s.Destroy()) },
		"new ID":       func(t *testing.T, _ *watched, s *holdfast.Session) { assert.NoError(t, s.Regenerate()); s.Ended() },
		"ended elsewhere": func(t *testing.T, store *watched, _ *holdfast.Session) {
			store.endElsewhere(t)
			store.notify()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newWatched(t)
				client := waitingSite(t, store, func(_ <-chan struct{}, s *holdfast.Session) { act(t, store, s) })
				client.visitUntilDone(t, "/wait")
				assert.Zero(t, store.running())
				require.NotEmpty(t, store.stopped)
				for _, changed := range store.stopped {
					for range 3 {
						changed()
					}
				}
			})
		})
	}
}

// A store may call changed in any goroutine, and often.
func TestEnded_many_notifications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newWatched(t)
		client := waitingSite(t, store, func(ended <-chan struct{}, _ *holdfast.Session) {
			notifyOften := func() {
				var notifying sync.WaitGroup
				for range 100 {
					notifying.Go(store.notify)
				}
				notifying.Wait()
			}
			notifyOften()
			assert.False(t, isClosed(ended))
			store.endElsewhere(t)
			notifyOften()
			assert.True(t, isClosed(ended))
		})
		client.visitUntilDone(t, "/wait")
	})
}

// A request that does not ask for the end watches nothing.
func TestEnded_is_not_asked(t *testing.T) {
	store := newWatched(t)
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count})
	client.visit("/")
	client.visit("/")
	assert.Zero(t, store.running())
	assert.Empty(t, store.stopped)
}
