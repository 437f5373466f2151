package holdfast_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
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

// observer records events.
type observer struct {
	mu     sync.Mutex
	events []holdfast.Event
}

func (o *observer) observe(_ context.Context, e holdfast.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, e)
}

func (o *observer) all() []holdfast.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.events)
}

// lines returns the text of the events. The handles are numbered.
func (o *observer) lines() (lines []string) {
	numbers := map[string]string{}
	number := func(handle string) string {
		if handle == "" {
			return ""
		}
		if numbers[handle] == "" {
			numbers[handle] = fmt.Sprint("#", len(numbers)+1)
		}
		return numbers[handle]
	}
	for _, e := range o.all() {
		e.Previous, e.Handle = number(e.Previous), number(e.Handle)
		lines = append(lines, strings.ReplaceAll(e.String(), `"`, ""))
	}
	return lines
}

// count returns the number of events of a kind.
func (o *observer) count(kind holdfast.EventKind) (n int) {
	for _, e := range o.all() {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// live returns the handles of the sessions that have begun and not ended, as
// far as the events tell.
func (o *observer) live() []string {
	live := map[string]bool{}
	for _, e := range o.all() {
		if e.Kind != holdfast.EventEnded && e.Kind != holdfast.EventRefused {
			live[e.Handle] = true
		}
	}
	for _, e := range o.all() {
		delete(live, e.Previous)
		if e.Kind == holdfast.EventEnded {
			delete(live, e.Handle)
		}
	}
	return slices.Sorted(maps.Keys(live))
}

// handles returns the handles of all sessions in the store.
func handles(t testing.TB, m *holdfast.Manager) (all []string) {
	t.Helper()
	for info, err := range m.All(t.Context()) {
		require.NoError(t, err)
		all = append(all, info.Handle)
	}
	slices.Sort(all)
	return all
}

func remoteHost(r *http.Request) string {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return host
}

// shifted is a store with a clock that can be set forward.
type shifted struct {
	holdfast.Store
	by atomic.Int64
}

func (s *shifted) Now() time.Time { return time.Now().Add(time.Duration(s.by.Load())) }

// damageable is a store whose entries can be damaged.
type damageable struct {
	holdfast.Store
	cache *cache.Cache
}

func (s damageable) damage(t testing.TB) {
	for id := range s.cache.All() {
		require.NoError(t, s.cache.Set(id, []byte("damaged"), time.Hour))
	}
}

// spoiled is a store whose Updates fail after their function was called.
type spoiled struct{ holdfast.Store }

func (s spoiled) Update(ctx context.Context, id string, fn func([]byte, bool) (cache.Change, error)) error {
	_, err := fn(s.peek(ctx, id))
	return cmp.Or(err, errBroken)
}

func (s spoiled) peek(ctx context.Context, id string) ([]byte, bool) {
	value, found, _ := s.Get(ctx, id, holdfast.ReadPeek)
	return value, found
}

// observedSite is a site on a network whose events are recorded.
type observedSite struct {
	*site
	*observer
	manager *holdfast.Manager
	ada     *browser
	other   *browser
	clock   *shifted
	store   *meddling
	damage  func()
}

// observedPages are the pages of an observedSite. The result of each is "<nil>"
// if it succeeded.
func observedPages(site *observedSite) pages {
	act := func(act func(s *holdfast.Session) error) page {
		return func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) { fmt.Fprint(w, act(s)) }
	}
	manage := func(act func(ctx context.Context) error) page {
		return func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.UserID()
			fmt.Fprint(w, act(r.Context()))
		}
	}
	return pages{
		"/value": act(func(s *holdfast.Session) error { s.Set("secret", "a value"); return nil }),
		"/read":  act(func(s *holdfast.Session) error { holdfast.Get[string](s, "secret"); return nil }),
		"/login": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			fmt.Fprint(w, s.Login(r.URL.Query().Get("user")))
		},
		"/regenerate": act((*holdfast.Session).Regenerate),
		"/logout":     act((*holdfast.Session).Destroy),
		"/others":     act(func(s *holdfast.Session) error { _, err := s.EndOthers(); return err }),
		"/all":        act(func(s *holdfast.Session) error { _, err := s.EndAll(); return err }),
		"/past":       act(func(s *holdfast.Session) error { s.SetExpires(time.Now().Add(-time.Hour)); return nil }),
		"/later": act(func(s *holdfast.Session) error {
			s.UserID()
			site.clock.by.Add(int64(48 * time.Hour))
			return s.Regenerate()
		}),
		"/end": manage(func(ctx context.Context) error {
			infos, err := site.manager.Sessions(ctx, "ada")
			if len(infos) > 0 {
				_, err = site.manager.End(ctx, "ada", infos[0].Handle)
			}
			return err
		}),
		"/user": manage(func(ctx context.Context) error { _, err := site.manager.EndUser(ctx, "ada"); return err }),
		"/blind": func(w http.ResponseWriter, r *http.Request, _ *holdfast.Session) {
			_, err := site.manager.EndUser(r.Context(), "ada")
			fmt.Fprint(w, err)
		},
		"/everyone": manage(func(ctx context.Context) error { _, err := site.manager.EndEveryone(ctx); return err }),
	}
}

func newObservedSite(t testing.TB, o holdfast.Options) *observedSite {
	c := newCache(t)
	site := &observedSite{observer: &observer{}, clock: &shifted{Store: holdfast.InCache(c)}}
	site.damage = func() { damageable{cache: c}.damage(t) }
	site.store = &meddling{Store: site.clock}
	if o.Store == nil {
		o.Store = site.store
	}
	o.Observer, o.ClientAddr = site.observe, remoteHost
	site.manager, site.site = manage(t, o)
	site.serveHandler(site.manager.Handler(observedPages(site).handler()).ServeHTTP)
	site.ada, site.other = site.site.browser(), site.site.browser()
	return site
}

// visits are successful visits of the paths.
func (b *browser) visits(paths ...string) {
	b.site.t.Helper()
	for _, path := range paths {
		require.Equal(b.site.t, "<nil>", b.visit(path).text, path)
	}
}

// token returns the value of the browser's session cookie.
func (b *browser) token() string {
	b.site.t.Helper()
	request, err := http.NewRequest(http.MethodGet, b.site.url, nil)
	require.NoError(b.site.t, err)
	cookies := b.Jar.Cookies(request.URL)
	require.Len(b.site.t, cookies, 1)
	return cookies[0].Value
}

// Each kind and reason, as a browser and a server on a network bring it about.
// A step that prepares is before the events of the case.
func TestObserver(t *testing.T) {
	unissued := strings.Repeat("A", 43)
	login := []string{"created user=ada handle=#1 addr=127.0.0.1", "logged_in user=ada handle=#1 addr=127.0.0.1"}
	logins := append(login, "created user=ada handle=#2 addr=127.0.0.1", "logged_in user=ada handle=#2 addr=127.0.0.1")
	for name, c := range map[string]struct {
		keys [][]byte
		act  func(s *observedSite)
		want []string
	}{
		"no session":      {nil, func(s *observedSite) { s.ada.visits("/read", "/logout", "/regenerate") }, nil},
		"created":         {nil, func(s *observedSite) { s.ada.visits("/value", "/value", "/read") }, []string{"created handle=#1 addr=127.0.0.1"}},
		"login":           {nil, func(s *observedSite) { s.ada.visits("/login?user=ada", "/read") }, login},
		"login, no user":  {nil, func(s *observedSite) { s.ada.visit("/login?user=") }, nil},
		"visitor's login": {nil, func(s *observedSite) { s.ada.visits("/value", "/login?user=ada") }, []string{"created handle=#1 addr=127.0.0.1", "logged_in user=ada handle=#2 previous=#1 addr=127.0.0.1"}},
		"login again":     {nil, func(s *observedSite) { s.ada.visits("/login?user=ada", "/login?user=ada") }, append(login[:2:2], "logged_in user=ada handle=#2 previous=#1 addr=127.0.0.1")},
		"regenerated":     {nil, func(s *observedSite) { s.ada.visits("/login?user=ada", "/regenerate") }, append(login[:2:2], "regenerated user=ada handle=#2 previous=#1 addr=127.0.0.1")},
		"logout":          {nil, func(s *observedSite) { s.ada.visits("/login?user=ada", "/logout", "/logout") }, append(login[:2:2], "ended reason=logout user=ada by=ada handle=#1 addr=127.0.0.1")},
		"visitor's logout": {nil, func(s *observedSite) { s.ada.visits("/value", "/logout") },
			[]string{"created handle=#1 addr=127.0.0.1", "ended reason=logout handle=#1 addr=127.0.0.1"}},
		"another user's login": {nil, func(s *observedSite) { s.ada.visits("/login?user=ada", "/login?user=bob") }, append(login[:2:2],
			"ended reason=login user=ada by=bob handle=#1 addr=127.0.0.1", "created user=bob handle=#2 addr=127.0.0.1", "logged_in user=bob handle=#2 previous=#1 addr=127.0.0.1")},
		"EndOthers": {nil, func(s *observedSite) {
			s.other.visits("/login?user=ada")
			s.ada.visits("/login?user=ada", "/others")
		}, append(logins[:4:4], "ended reason=end_others user=ada by=ada handle=#1 addr=127.0.0.1")},
		"EndAll": {nil, func(s *observedSite) {
			s.other.visits("/login?user=ada")
			s.ada.visits("/login?user=ada", "/all")
		}, append(logins[:4:4], "ended reason=end_others user=ada by=ada handle=#1 addr=127.0.0.1", "ended reason=logout user=ada by=ada handle=#2 addr=127.0.0.1")},
		"End": {nil, func(s *observedSite) {
			s.ada.visits("/login?user=ada")
			s.other.visits("/login?user=root", "/end")
		}, append(login[:2:2], "created user=root handle=#2 addr=127.0.0.1", "logged_in user=root handle=#2 addr=127.0.0.1",
			"ended reason=end user=ada by=root handle=#1 addr=127.0.0.1")},
		"EndUser": {nil, func(s *observedSite) {
			s.ada.visits("/login?user=ada")
			s.other.visits("/login?user=root", "/user")
		}, append(login[:2:2], "created user=root handle=#2 addr=127.0.0.1", "logged_in user=root handle=#2 addr=127.0.0.1",
			"ended reason=end_user user=ada by=root handle=#1 addr=127.0.0.1")},
		"EndEveryone": {nil, func(s *observedSite) {
			s.ada.visits("/login?user=ada")
			s.other.visits("/everyone")
		}, append(login[:2:2], "ended reason=end_everyone user=ada handle=#1 addr=127.0.0.1")},
		"EndUser, no request": {nil, func(s *observedSite) {
			s.ada.visits("/login?user=ada")
			_, err := s.manager.EndUser(context.Background(), "ada")
			require.NoError(s.t, err)
		}, append(login[:2:2], "ended reason=end_user user=ada handle=#1")},
		"SetExpires": {nil, func(s *observedSite) { s.ada.visits("/login?user=ada", "/past") },
			append(login[:2:2], "ended reason=expired user=ada handle=#1 addr=127.0.0.1")},
		"past its end": {nil, func(s *observedSite) {
			s.ada.visits("/login?user=ada")
			s.clock.by.Store(int64(48 * time.Hour))
			s.ada.visits("/read")
			s.ada.visits("/read")
		}, append(login[:2:2], "ended reason=expired user=ada handle=#1 addr=127.0.0.1", "refused reason=unknown handle=#1 addr=127.0.0.1")},
		"past its end, in Regenerate": {nil, func(s *observedSite) {
			s.ada.visits("/login?user=ada")
			s.ada.visit("/later")
		}, append(login[:2:2], "ended reason=expired user=ada handle=#1 addr=127.0.0.1")},
		"damaged, login": {nil, func(s *observedSite) {
			s.ada.visits("/login?user=ada")
			s.damage()
			s.ada.visits("/login?user=ada")
		}, append(login[:2:2], "ended reason=damaged by=ada handle=#1 addr=127.0.0.1", "created user=ada handle=#2 addr=127.0.0.1", "logged_in user=ada handle=#2 addr=127.0.0.1")},
		"damaged, logout": {nil, func(s *observedSite) {
			s.ada.visits("/login?user=ada")
			s.damage()
			s.ada.visits("/logout")
		}, append(login[:2:2], "ended reason=logout handle=#1 addr=127.0.0.1")},
		"two cookies, logout": {nil, func(s *observedSite) {
			s.ada.visits("/login?user=ada")
			s.other.visits("/login?user=ada")
			s.with("session="+s.other.token()+"; session="+s.ada.token(), "/logout")
		}, append(logins[:4:4], "ended reason=logout user=ada by=ada handle=#1 addr=127.0.0.1", "ended reason=logout user=ada by=ada handle=#2 addr=127.0.0.1")},
		"unknown":    {nil, func(s *observedSite) { s.with("session="+unissued, "/read") }, []string{"refused reason=unknown handle=#1 addr=127.0.0.1"}},
		"malformed":  {nil, func(s *observedSite) { s.with("session=x", "/read") }, []string{"refused reason=malformed addr=127.0.0.1"}},
		"empty":      {nil, func(s *observedSite) { s.with("session=", "/read") }, nil},
		"two tokens": {nil, func(s *observedSite) { s.with("session=x; session="+unissued+"; session=y", "/read") }, []string{"refused reason=unknown handle=#1 addr=127.0.0.1"}},
		"a bad and a good token": {nil, func(s *observedSite) {
			s.ada.visits("/value")
			s.with("session=x; session="+s.ada.token(), "/read")
		}, []string{"created handle=#1 addr=127.0.0.1"}},
		"signature":        {[][]byte{firstKey}, func(s *observedSite) { s.with("session=s:"+unissued+".B", "/read") }, []string{"refused reason=signature addr=127.0.0.1"}},
		"first of two bad": {[][]byte{firstKey}, func(s *observedSite) { s.with("session=x; session=s:"+unissued+".B", "/read") }, []string{"refused reason=malformed addr=127.0.0.1"}},
		"EndUser, by a session not looked at": {nil, func(s *observedSite) {
			s.ada.visits("/login?user=ada", "/blind")
		}, append(login[:2:2], "ended reason=end_user user=ada handle=#1 addr=127.0.0.1")},
		"unsigned":          {[][]byte{firstKey}, func(s *observedSite) { s.with("session="+unissued, "/read") }, []string{"refused reason=malformed addr=127.0.0.1"}},
		"handler uses none": {nil, func(s *observedSite) { s.with("session="+unissued, "/none") }, []string{"refused reason=unknown handle=#1 addr=127.0.0.1"}},
		"ended": {nil, func(s *observedSite) {
			s.ada.visits("/login?user=ada")
			ended := s.ada.token()
			s.ada.visits("/logout")
			s.with("session="+ended, "/read")
		}, append(login[:2:2], "ended reason=logout user=ada by=ada handle=#1 addr=127.0.0.1", "refused reason=unknown handle=#1 addr=127.0.0.1")},
		"replaced": {nil, func(s *observedSite) {
			s.ada.visits("/login?user=ada")
			replaced := s.ada.token()
			s.ada.visits("/regenerate")
			s.with("session="+replaced, "/value")
		}, append(login[:2:2], "regenerated user=ada handle=#2 previous=#1 addr=127.0.0.1", "refused reason=replaced handle=#1 addr=127.0.0.1")},
	} {
		t.Run(name, func(t *testing.T) {
			s := newObservedSite(t, holdfast.Options{Keys: c.keys})
			c.act(s)
			assert.Equal(t, c.want, s.lines())
			stats := s.manager.Stats()
			n := stats.Created + stats.LoggedIn + stats.Regenerated
			for _, count := range slices.Collect(maps.Values(stats.Ended)) {
				n += count
			}
			for _, count := range stats.Refused {
				n += count
			}
			assert.Len(t, c.want, int(n), "Stats counts the same")
			before := time.Now()
			for _, e := range s.all() {
				assert.WithinRange(t, e.Time, before.Add(-time.Minute), before)
				assert.Equal(t, time.UTC, e.Time.Location())
			}
		})
	}
}

// EndUser and EndOthers end a session that gets a new ID meanwhile, by a
// revocation. Its own request reports the end, once.
func TestObserver_end_during_Regenerate(t *testing.T) {
	for path, want := range map[string]string{
		"/user":   "ended reason=end_user user=ada handle=#1 addr=127.0.0.1",
		"/others": "ended reason=end_others user=ada by=ada handle=#1 addr=127.0.0.1",
	} {
		t.Run(path, func(t *testing.T) {
			s := newObservedSite(t, holdfast.Options{})
			s.ada.visits("/login?user=ada")
			time.Sleep(time.Millisecond) // EndOthers spares a session by the time of its login
			s.other.visits("/login?user=ada")
			s.store.afterListing = func() { s.ada.visit("/regenerate") }
			s.other.visits(path)
			assert.Contains(t, s.lines(), want)
			assert.Equal(t, handles(t, s.manager), s.live())
		})
	}
}

// A call of the store that fails is no event. The same call is one if the store
// is there.
func TestObserver_store_away(t *testing.T) {
	for path, count := range map[string]int{"/login?user=ada": 1, "/login?user=bob": 3, "/regenerate": 1, "/logout": 1, "/others": 1, "/all": 2,
		"/past": 1, "/end": 1, "/user": 2, "/everyone": 2} {
		t.Run(path, func(t *testing.T) {
			for _, fails := range []bool{false, true} {
				store := newAway(t)
				store.only = "Update"
				s := newObservedSite(t, holdfast.Options{Store: store})
				s.other.visits("/login?user=ada")
				time.Sleep(time.Millisecond)
				s.ada.visits("/login?user=ada")
				before := len(s.all())
				store.away.Store(fails)
				s.ada.visit(path)
				if fails {
					assert.Empty(t, s.lines()[before:])
					assert.Positive(t, s.manager.Stats().StoreUnavailable)
				} else {
					assert.Len(t, s.lines()[before:], count)
				}
				store.away.Store(false)
				assert.Equal(t, handles(t, s.manager), s.live())
			}
		})
	}
	t.Run("a new session", func(t *testing.T) {
		store := newAway(t)
		s := newObservedSite(t, holdfast.Options{Store: store})
		store.away.Store(true)
		s.ada.visit("/value")
		s.ada.visit("/login?user=ada")
		assert.Empty(t, s.all())
	})
}

// Of requests that end a session at once, one reports the end.
func TestObserver_concurrent_ends(t *testing.T) {
	for _, path := range []string{"/logout", "/user", "/everyone", "/read"} {
		t.Run(path, func(t *testing.T) {
			s := newObservedSite(t, holdfast.Options{})
			s.ada.visits("/login?user=ada")
			cookie := "session=" + s.ada.token()
			if path == "/read" {
				s.clock.by.Store(int64(48 * time.Hour)) // past its end
			}
			var requests sync.WaitGroup
			for range 16 {
				requests.Go(func() { s.with(cookie, path) })
			}
			requests.Wait()
			assert.Equal(t, 1, s.count(holdfast.EventEnded), s.lines())
			assert.Empty(t, handles(t, s.manager))
		})
	}
}

// A session that another request has ended while the handler ran has one end.
func TestObserver_logout_twice(t *testing.T) {
	events := &observer{}
	var client *directClient
	_, client = userSite(t, holdfast.Options{Observer: events.observe}, pages{
		"/late": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.UserID()
			client.twin().visit("/destroy")
			require.NoError(t, s.Destroy())
		}})
	client.visit("/login?user=ada")
	client.visit("/late")
	assert.Equal(t, 1, events.count(holdfast.EventEnded))
}

// A request that finds a session past its end removes only that record, not one
// that another request has prolonged meanwhile.
func TestObserver_prolonged_meanwhile(t *testing.T) {
	clock := &shifted{Store: newStore(t)}
	var afterGet func()
	store := &hooked{clock, func(c call, carryOut func() error) error {
		err := carryOut()
		if after := afterGet; after != nil && c.method == "Get" {
			afterGet = nil
			after()
		}
		return err
	}}
	events := &observer{}
	var client *directClient
	_, client = userSite(t, holdfast.Options{Store: store, Observer: events.observe}, pages{
		"/short": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.SetExpires(time.Now().Add(10 * time.Minute))
		},
		"/prolong": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.UserID()
			clock.by.Store(int64(11 * time.Minute))
			afterGet = func() {
				s.SetExpires(time.Time{})
				require.NoError(t, s.Save())
			}
			assert.Empty(t, client.twin().visit("/who"))
		}})
	client.visit("/login?user=ada")
	client.visit("/short")
	client.visit("/prolong")
	assert.Equal(t, "ada", client.visit("/who"))
	assert.Zero(t, events.count(holdfast.EventEnded))
}

// An end whose reply was lost is not reported: nobody knows of it for certain.
func TestObserver_lost_reply(t *testing.T) {
	for name, end := range map[string]func(s *observedSite, lose func()){
		"past its end": func(s *observedSite, lose func()) {
			s.clock.by.Store(int64(48 * time.Hour))
			lose()
			s.ada.visit("/read")
		},
		"past its end, in Regenerate": func(s *observedSite, lose func()) { lose(); s.ada.visit("/later") },
		"logout":                      func(s *observedSite, lose func()) { lose(); s.ada.visit("/logout") },
		"EndEveryone":                 func(s *observedSite, lose func()) { lose(); s.manager.EndEveryone(s.t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			clock := &shifted{Store: newStore(t)}
			store := failingIn(clock)
			s := newObservedSite(t, holdfast.Options{Store: store})
			s.clock = clock
			s.ada.visits("/login?user=ada")
			end(s, func() { store.failNext("Update", lost) })
			assert.True(t, store.failed)
			assert.Zero(t, s.count(holdfast.EventEnded))
			assert.Empty(t, handles(t, s.manager))
		})
	}
}

// After many requests of many clients at once, the events tell which sessions
// there are.
func TestObserver_concurrent_requests(t *testing.T) {
	s := newObservedSite(t, holdfast.Options{})
	paths := []string{"/value", "/login?user=ada", "/login?user=bob", "/regenerate", "/logout", "/others", "/read", "/past", "/end", "/regenerate"}
	var clients sync.WaitGroup
	for client := range 8 {
		browser := s.site.browser()
		clients.Go(func() {
			for step := range 60 {
				path := paths[(step*step+client*7+step/7)%len(paths)]
				if response, err := browser.Get(s.url + path); assert.NoError(t, err) {
					response.Body.Close()
				}
			}
		})
	}
	clients.Wait()
	assert.Equal(t, handles(t, s.manager), s.live())
	assert.Positive(t, s.count(holdfast.EventEnded))
	assert.NotEmpty(t, s.live())
}

// No form of an event contains an ID, a token or a value. The control is the
// same text with the token.
func TestEvent_no_secrets(t *testing.T) {
	s := newObservedSite(t, holdfast.Options{Keys: [][]byte{firstKey}})
	var tokens []string
	for _, path := range []string{"/value", "/login?user=ada", "/regenerate", "/login?user=bob", "/read", "/login?user=ada"} {
		s.ada.visits(path)
		tokens = append(tokens, s.ada.token())
	}
	s.with("session="+tokens[0], "/read")
	s.with("session="+strings.Repeat("A", 43), "/read")
	s.ada.visits("/logout")
	require.Greater(t, len(s.all()), 8)

	var text bytes.Buffer
	for _, e := range s.all() {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(&text, verb+"\n", e)
			fmt.Fprintf(&text, verb+"\n", &e)
		}
		slog.New(slog.NewTextHandler(&text, nil)).Info("event", "session", e)
		slog.New(slog.NewJSONHandler(&text, nil)).Info("event", "session", e)
		require.NoError(t, json.NewEncoder(&text).Encode(e))
	}
	secrets := []string{"a value", "secret", strings.Repeat("A", 43)}
	for _, token := range tokens {
		id, _, _ := strings.Cut(strings.TrimPrefix(token, "s:"), ".")
		id, _, _ = strings.Cut(strings.TrimPrefix(id, "s%3A"), ".")
		require.Len(t, id, 43)
		secrets = append(secrets, id)
	}
	for _, secret := range secrets {
		for _, form := range []string{secret, fmt.Sprintf("%x", secret)} {
			assert.NotContains(t, text.String(), form)
			assert.Contains(t, text.String()+form, form)
		}
	}
	for _, known := range []string{"ada", s.all()[0].Handle, "127.0.0.1", "logged_in"} {
		assert.Contains(t, text.String(), known)
	}
}

// A user ID cannot forge a line or a field.
func TestEvent_String_quotes(t *testing.T) {
	e := holdfast.Event{Kind: holdfast.EventLoggedIn, UserID: "ada\nended user=\"bob\"", Addr: "a b"}
	assert.Equal(t, `logged_in user="ada\nended user=\"bob\"" addr="a b"`, e.String())
}

// A log has the fields that are not empty.
func TestEvent_LogValue(t *testing.T) {
	var text strings.Builder
	drop := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{ReplaceAttr: drop}))
	log.Info("session", "event", holdfast.Event{Kind: holdfast.EventEnded, Reason: holdfast.ReasonEnd, Time: time.Now(), UserID: "ada", By: "root", Handle: "00"})
	log.Info("session", "event", holdfast.Event{Kind: holdfast.EventRegenerated, Handle: "01", Previous: "00", Addr: "::1"})
	assert.Equal(t, "level=INFO msg=session event.kind=ended event.reason=end event.user=ada event.by=root event.handle=00\n"+
		"level=INFO msg=session event.kind=regenerated event.handle=01 event.previous=00 event.addr=::1\n", text.String())
}

// An Observer that panics breaks no request. Its other events are reported.
func TestObserver_panic(t *testing.T) {
	for name, panics := range map[string]struct{ observer, addr bool }{"Observer": {observer: true}, "ClientAddr": {addr: true}} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			events := &observer{}
			o := holdfast.Options{Logger: slog.New(slog.NewTextHandler(&log, nil)),
				Observer: func(ctx context.Context, e holdfast.Event) {
					events.observe(ctx, e)
					if panics.observer {
						panic("no disk")
					}
				},
				ClientAddr: func(*http.Request) string {
					if panics.addr {
						panic("no disk")
					}
					return ""
				}}
			manager, client := userSite(t, o, nil)
			assert.Equal(t, "<nil>", client.visit("/login?user=ada"))
			assert.Equal(t, "ada", client.visit("/who"))
			assert.Empty(t, client.visit("/destroy"))
			assert.Equal(t, []string{"created user=ada handle=#1", "logged_in user=ada handle=#1", "ended reason=logout user=ada by=ada handle=#1"}, events.lines())
			assert.EqualValues(t, 3, manager.Stats().ObserverPanics)
			assert.Contains(t, log.String(), "no disk")
		})
	}
}

// An Observer may use the session of its context, and the Manager.
func TestObserver_reentrant(t *testing.T) {
	var manager *holdfast.Manager
	var seen []string
	o := holdfast.Options{Observer: func(ctx context.Context, e holdfast.Event) {
		s, ok := holdfast.FromContext(ctx)
		require.True(t, ok)
		infos, err := manager.Sessions(ctx, e.UserID)
		seen = append(seen, fmt.Sprint(e.Kind, " ", s.UserID(), " ", len(infos), err))
		if e.Kind == holdfast.EventRegenerated {
			_, err = manager.EndUser(ctx, e.UserID)
			require.NoError(t, err)
		}
	}}
	manager, client := userSite(t, o, nil)
	client.visit("/login?user=ada")
	client.visit("/regenerate")
	assert.Equal(t, []string{"created ada 1 <nil>", "logged_in ada 1 <nil>", "regenerated ada 1 <nil>", "ended ada 0 <nil>"}, seen)
	assert.Empty(t, client.visit("/who"))
}

// The function of an Update may end sessions, though its own session is locked.
// Then nobody knows whose request it is.
func TestObserver_end_within_an_Update(t *testing.T) {
	var manager *holdfast.Manager
	events := &observer{}
	manager, client := userSite(t, holdfast.Options{Observer: events.observe}, pages{
		"/ban": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			holdfast.Update(s, "banned", func(n int) int {
				ended, err := manager.EndUser(r.Context(), "bob")
				require.NoError(t, err)
				return n + ended
			})
		}})
	client.anonymous().visit("/login?user=bob")
	client.visit("/login?user=root")
	client.visit("/ban")
	assert.Equal(t, "ended reason=end_user user=bob handle=#1", events.lines()[len(events.all())-1])
}

// A cache reports evicted and expired sessions, but neither the end of a
// tombstone nor of a revocation: no session ended then.
func TestObserver_of_a_cache(t *testing.T) {
	for name, build := range map[string]func(t *testing.T, o holdfast.Options) (*holdfast.Manager, *directClient){
		"own": func(t *testing.T, o holdfast.Options) (*holdfast.Manager, *directClient) {
			o.Logger = slog.New(slog.DiscardHandler)
			manager, err := holdfast.New(o)
			require.NoError(t, err)
			t.Cleanup(func() { manager.Close() })
			p := pages{"/": count, "/regenerate": regenerate, "/destroy": destroy, "/login": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) { s.Login("ada") }}
			return manager, &directClient{handler: manager.Handler(p.handler())}
		},
		"the caller's": func(t *testing.T, o holdfast.Options) (*holdfast.Manager, *directClient) {
			var manager *holdfast.Manager
			c, err := cache.New(cache.Options{OnEvict: func(id string, why cache.EvictionReason) { manager.OnEvict(id, why) }})
			require.NoError(t, err)
			t.Cleanup(func() { c.Close() })
			require.NoError(t, c.Set("an entry of somebody else", nil, time.Second))
			o.Cache = c
			manager, client := userSite(t, o, nil)
			return manager, client
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				events := &observer{}
				manager, client := build(t, holdfast.Options{Observer: events.observe})
				other := client.anonymous()
				client.visit("/login?user=ada")
				client.visit("/regenerate")
				other.visit("/")
				other.visit("/regenerate")
				other.visit("/destroy")
				manager.EndUser(t.Context(), "ada")
				client.visit("/login?user=ada")
				time.Sleep(30 * time.Minute) // tombstones and revocation have ended
				before := len(events.all())
				assert.Zero(t, manager.Stats().Ended[holdfast.ReasonExpired])
				time.Sleep(2 * time.Hour)
				assert.Len(t, events.lines()[before:], 1)
				assert.Equal(t, holdfast.ReasonExpired, events.all()[before].Reason)
				assert.Empty(t, events.live())
				assert.EqualValues(t, 1, manager.Stats().Ended[holdfast.ReasonExpired])
			})
		})
	}
	t.Run("evicted", func(t *testing.T) {
		var manager *holdfast.Manager
		c, err := cache.New(cache.Options{MaxBytes: 64 << 10, OnEvict: func(id string, why cache.EvictionReason) { manager.OnEvict(id, why) }})
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		events := &observer{}
		manager, client := userSite(t, holdfast.Options{Cache: c, Observer: events.observe}, nil)
		for range 1000 {
			client.anonymous().visit("/")
		}
		evicted := manager.Stats().Ended[holdfast.ReasonEvicted]
		assert.Positive(t, evicted)
		assert.EqualValues(t, evicted, events.count(holdfast.EventEnded))
		assert.Equal(t, handles(t, manager), events.live())
	})
	t.Run("evicted after a failed Regenerate", func(t *testing.T) {
		c := newCache(t)
		events := &observer{}
		manager, client := userSite(t, holdfast.Options{Cache: c, Observer: events.observe}, nil)
		client.visit("/login?user=ada")
		holdfast.SetStore(manager, spoiled{holdfast.InCache(c)})
		client.visit("/regenerate")
		require.Equal(t, 2, events.count(holdfast.EventCreated)+events.count(holdfast.EventLoggedIn))
		for id := range c.All() {
			manager.OnEvict(id, cache.Capacity)
		}
		assert.Empty(t, events.live())
	})
	t.Run("before New", func(t *testing.T) {
		var manager *holdfast.Manager
		manager.OnEvict(strings.Repeat("k", 32), cache.Capacity)
	})
}

// The names of an Event do not depend on the process: a session has one handle
// in all.
func TestEvent_Handle(t *testing.T) {
	s := newObservedSite(t, holdfast.Options{})
	s.ada.visits("/value")
	assert.Equal(t, handles(t, s.manager), []string{s.all()[0].Handle})
}

// With an Observer, a request that reads its session costs the same.
func TestAllocs_Observer(t *testing.T) {
	o := holdfast.Options{Observer: (&observer{}).observe, ClientAddr: remoteHost}
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, requestsOf(t, o, logIn, readOne)), 3.0)
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, requestsOf(t, o, begin, nil)), 1.0)
}
