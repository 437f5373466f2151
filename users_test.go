package holdfast_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// Users, and the sessions that are theirs; values read once; handlers that wait
// for the end of a session.

// userSite has a log-in, and shows who is logged in.
func userSite(t *testing.T, o holdfast.Options, more pages) (*holdfast.Manager, *directClient) {
	t.Helper()
	p := pages{"/": count, "/views": views, "/destroy": destroy, "/regenerate": regenerate,
		"/login": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.Set("agent", r.UserAgent())
			fmt.Fprint(w, s.Login(r.URL.Query().Get("user")))
		},
		"/who": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.UserID()) },
	}
	for path, page := range more {
		p[path] = page
	}
	manager, _ := manage(t, o)
	return manager, &directClient{handler: manager.Handler(p.handler())}
}

func TestLoginGivesANewIDKeepsTheValuesAndEndsTheOldID(t *testing.T) {
	_, client := userSite(t, holdfast.Options{}, nil)
	client.visit("/")
	before := client.twin()

	assert.Equal(t, "<nil>", client.visit("/login?user=ada"))

	assert.NotEqual(t, before.cookie.Value, client.cookie.Value)
	assert.Equal(t, "ada", client.visit("/who"))
	assert.Equal(t, "1 true", client.visit("/views"))
	assert.Equal(t, "0 false", before.visit("/views"))
}

func TestLoginOfAnAnonymousVisitorStoresASession(t *testing.T) {
	_, client := userSite(t, holdfast.Options{}, pages{
		"/bare": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Login("ada") }})
	client.visit("/bare")
	assert.Equal(t, "ada", client.visit("/who"))
}

func TestLoginOfAnotherUserTakesTheSessionOver(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{}, nil)
	client.visit("/login?user=ada")
	client.visit("/login?user=bob")
	assert.Equal(t, "bob", client.visit("/who"))
	adas, err := manager.Sessions("ada")
	require.NoError(t, err)
	assert.Empty(t, adas)
}

func TestTheUserStaysLoggedInThroughRegenerate(t *testing.T) {
	_, client := userSite(t, holdfast.Options{}, nil)
	client.visit("/login?user=ada")
	client.visit("/regenerate")
	assert.Equal(t, "ada", client.visit("/who"))
}

func TestLoginWithoutAUserIsAnErrorAndLogsNobodyIn(t *testing.T) {
	_, client := userSite(t, holdfast.Options{}, nil)
	client.visit("/")
	assert.Contains(t, client.visit("/login"), "user ID is empty")
	assert.Empty(t, client.visit("/who"))
}

func TestLoginAfterTheFirstByteIsAnErrorAndLogsNobodyIn(t *testing.T) {
	var err error
	_, client := userSite(t, holdfast.Options{}, pages{"/late": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		w.Write([]byte("first byte"))
		err = s.Login("ada")
	}})
	client.visit("/")
	client.visit("/late")
	assert.ErrorIs(t, err, holdfast.ErrHeaderSent)
	assert.Empty(t, client.visit("/who"))
	assert.Equal(t, "2", client.visit("/"))
}

func TestSessionsListsThoseOfOneUserTheLastSeenFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		manager, client := userSite(t, holdfast.Options{}, nil)
		began := time.Now()
		phone, laptop := client.anonymous(), client.anonymous()
		phone.visit("/login?user=ada")
		time.Sleep(time.Minute)
		laptop.visit("/login?user=ada")
		client.anonymous().visit("/login?user=adam")
		client.anonymous().visit("/")
		time.Sleep(time.Minute)
		phone.visit("/who")
		time.Sleep(time.Minute)

		sessions, err := manager.Sessions("ada")

		require.NoError(t, err)
		require.Len(t, sessions, 2)
		assert.Equal(t, []string{"ada", "ada"}, []string{sessions[0].UserID, sessions[1].UserID})
		assert.WithinDuration(t, began, sessions[0].Created, 0)
		assert.WithinDuration(t, began.Add(2*time.Minute), sessions[0].LastSeen, time.Second)
		assert.WithinDuration(t, began.Add(time.Minute), sessions[1].LastSeen, time.Second)
		assert.WithinDuration(t, began.Add(24*time.Hour), sessions[0].Expires, 0)
	})
}

func TestTheSessionsOfNobodyAreNone(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{}, nil)
	client.visit("/")
	sessions, err := manager.Sessions("")
	require.NoError(t, err)
	assert.Empty(t, sessions, "not all who are not logged in")
	n, err := manager.EndUser("")
	require.NoError(t, err)
	assert.Zero(t, n)
	assert.Equal(t, "1 true", client.visit("/views"))
}

func TestInfoShowsWhatTheApplicationStoredAndWhichSessionIsThisOne(t *testing.T) {
	var manager *holdfast.Manager
	manager, client := userSite(t, holdfast.Options{}, pages{"/list": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		sessions, _ := manager.Sessions(s.UserID())
		for _, info := range sessions {
			var agent string
			ok := info.Value("agent", &agent)
			var wrong int
			fmt.Fprint(w, agent, " ", ok, " ", info.Value("agent", &wrong), " ", info.Value("absent", &agent), " ", info.Is(s), ";")
		}
	}})
	request := get("/login?user=ada")
	request.Header.Set("User-Agent", "laptop")
	client.send(request)
	other := client.anonymous()
	request = get("/login?user=ada")
	request.Header.Set("User-Agent", "phone")
	other.send(request)

	lines := strings.Split(strings.TrimSuffix(client.visit("/list"), ";"), ";")

	assert.ElementsMatch(t, []string{"laptop true false false true", "phone true false false false"}, lines)
}

func TestEndEndsOneSessionOfItsUserByItsHandle(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{}, nil)
	other := client.anonymous()
	client.visit("/login?user=ada")
	sessions, _ := manager.Sessions("ada")
	require.Len(t, sessions, 1)
	handle := sessions[0].Handle
	other.visit("/login?user=ada")

	ended, err := manager.End("bob", handle)
	require.NoError(t, err)
	assert.False(t, ended, "not one of another user")
	ended, err = manager.End("", handle)
	require.NoError(t, err)
	assert.False(t, ended)
	assert.Equal(t, "ada", client.visit("/who"))

	ended, err = manager.End("ada", handle)
	require.NoError(t, err)
	assert.True(t, ended)
	assert.Empty(t, client.visit("/who"))
	assert.Equal(t, "ada", other.visit("/who"))

	ended, err = manager.End("ada", handle)
	require.NoError(t, err)
	assert.False(t, ended, "it is no more")
}

func TestAHandleIsNoID(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{NewID: func(*http.Request) (string, error) {
		return strings.Repeat("x", 22), nil // so that 64 characters may be an ID
	}}, nil)
	client.visit("/login?user=ada")
	sessions, _ := manager.Sessions("ada")
	require.Len(t, sessions, 1)
	assert.Empty(t, client.anonymous().visitWith("session="+sessions[0].Handle, "/who"))
}

func TestEndUserEndsAllSessionsOfAUserAndNoOthers(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{}, nil)
	ada1, ada2, bob, nobody := client.anonymous(), client.anonymous(), client.anonymous(), client.anonymous()
	ada1.visit("/login?user=ada")
	ada2.visit("/login?user=ada")
	bob.visit("/login?user=bob")
	nobody.visit("/")

	n, err := manager.EndUser("ada")

	require.NoError(t, err)
	assert.Equal(t, 2, n)
	assert.Empty(t, ada1.visit("/who")+ada2.visit("/who"))
	assert.Equal(t, "bob", bob.visit("/who"))
	assert.Equal(t, "1 true", nobody.visit("/views"))
}

func TestEndOthersLeavesThisSessionAlone(t *testing.T) {
	_, client := userSite(t, holdfast.Options{}, pages{"/others": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		n, err := s.EndOthers()
		fmt.Fprint(w, n, err)
	}})
	ada1, ada2, bob := client.anonymous(), client.anonymous(), client.anonymous()
	ada1.visit("/login?user=ada")
	ada2.visit("/login?user=ada")
	bob.visit("/login?user=bob")
	client.visit("/")
	assert.Equal(t, "0 <nil>", client.visit("/others"), "without a user it does nothing")

	assert.Equal(t, "1 <nil>", ada1.visit("/others"))

	assert.Equal(t, "ada", ada1.visit("/who"))
	assert.Empty(t, ada2.visit("/who"))
	assert.Equal(t, "bob", bob.visit("/who"))
}

func TestPopReturnsAValueOnceOnly(t *testing.T) {
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
}

func TestOfManyRequestsAtOnceOneGetsThePoppedValue(t *testing.T) {
	const many = 8
	var got atomic.Int64
	var loaded sync.WaitGroup
	client := direct(t, holdfast.Options{}, pages{
		"/set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("flash", "saved") },
		"/pop": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Keys()
			loaded.Done()
			loaded.Wait() // all see the value before any takes it
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
}

func TestPopOfAValueOfAnotherTypeLeavesIt(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/pop": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			_, ok := holdfast.Pop[string](s, "views")
			fmt.Fprint(w, ok, s.Err())
		}})
	client.visit("/")
	assert.Equal(t, "false <nil>", client.visit("/pop"))
	assert.Equal(t, "1 true", client.visit("/views"))
}

// A stream of events ends when its user logs out elsewhere.
func TestAStreamOverTheNetworkEndsAtTheLogout(t *testing.T) {
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

func TestEndedTellsOfEveryWayThatASessionEnds(t *testing.T) {
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
		"Destroy":    {func(p place) { p.client.visit("/destroy") }, 0},
		"Regenerate": {func(p place) { p.client.visit("/regenerate") }, 0},
		"Login":      {func(p place) { p.client.visit("/login?user=ada") }, 0},
		"EndUser":    {func(p place) { p.manager.EndUser("ada") }, 0},
		"Clear":      {func(p place) { p.manager.Clear() }, 0},
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
				manager, client := userSite(t, holdfast.Options{Store: c, IdleTimeout: time.Hour}, pages{
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

func TestEndedOfASessionThatIsNotStoredNeverFires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			select {
			case <-s.Ended():
				t.Error("it never began")
			case <-time.After(time.Hour):
			}
		}})
		client.visit("/")
	})
}

// synctest fails a test that leaves goroutines behind.
func TestEndedLeavesNoGoroutineOnceTheRequestIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": count,
			"/wait": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Ended(); s.Ended() }})
		client.visit("/")
		request := get("/wait")
		request.AddCookie(client.cookie)
		ctx, cancel := context.WithCancel(t.Context())
		client.send(request.WithContext(ctx))
		cancel()
		synctest.Wait()
	})
}

func BenchmarkListingOneUserAmongAMillionSessions(b *testing.B) {
	c, err := cache.New(cache.Options{MaxBytes: 1 << 30})
	require.NoError(b, err)
	defer c.Close()
	manager, err := holdfast.New(holdfast.Options{Store: c})
	require.NoError(b, err)
	handler := manager.Handler(pages{"/": func(_ http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		s.Set("cart", strings.Repeat("x", 200))
		s.Login(r.URL.Query().Get("user"))
	}}.handler())
	for i := range 1_000_000 {
		record(handler, get(fmt.Sprintf("/?user=%d", i)))
	}
	for b.Loop() {
		sessions, err := manager.Sessions("777777")
		if err != nil || len(sessions) != 1 {
			b.Fatal(len(sessions), err)
		}
	}
}
