package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/inspect"
)

// site is a server with sessions and the page about them, below /ops/.
type site struct {
	t        *testing.T
	sessions *holdfast.Manager
	url      string // of the page
	shop     string
	server   *httptest.Server
	away     atomic.Bool // the page answers with 503
}

func newSite(t *testing.T) *site {
	t.Helper()
	c, err := cache.New(cache.Options{MaxBytes: 4 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	sessions, err := holdfast.New(holdfast.Options{Cache: c})
	require.NoError(t, err)
	page, err := inspect.New(inspect.Options{Manager: sessions, Cache: c, Allow: func(*http.Request) error { return nil }})
	require.NoError(t, err)
	t.Cleanup(func() { page.Close() })
	mux := http.NewServeMux()
	s := &site{t: t, sessions: sessions}
	mux.HandleFunc("/ops/", func(w http.ResponseWriter, r *http.Request) {
		if s.away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		page.ServeHTTP(w, r)
	})
	mux.Handle("/shop", sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := sessions.Session(r)
		s.Set("cart", strings.Repeat("x", 1000))
		if user := r.FormValue("user"); user != "" {
			require.NoError(t, s.Login(user))
		}
	})))
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	t.Cleanup(func() { page.Close() }) // before the server, which waits for its streams
	s.url, s.shop = s.server.URL+"/ops/", s.server.URL+"/shop"
	return s
}

// visit begins a session, of a user if there is one.
func (s *site) visit(user string) {
	s.t.Helper()
	answer, err := http.Get(s.shop + "?user=" + user)
	require.NoError(s.t, err)
	answer.Body.Close()
}

func TestPage_is_live(t *testing.T) {
	b, s := open(t), newSite(t)
	b.as(wide, "light", s.url)
	b.waits("#live", "Live")
	b.waits("#verdict", "The cap is large enough so far")
	require.Contains(t, b.text("#figures"), "Logged in")

	s.visit("ada")
	b.waits("#events", "Logins11") // in the last minutes, and in all
	b.shot("live")
	b.quiet()
}

// The keyboard alone pauses the page.
func TestPage_pauses(t *testing.T) {
	b, s := open(t), newSite(t)
	b.as(wide, "light", s.url)
	b.waits("#live", "Live")
	for range 10 {
		if value[string](b, `document.activeElement.id`) == "pause" {
			break
		}
		b.do(chromedp.KeyEvent("\t"))
	}
	b.do(chromedp.KeyEvent("\r"))
	b.waits("#live", "Paused")
	s.visit("ada")
	before := b.text("#read-at")
	time.Sleep(3 * time.Second) // longer than the time between two updates
	require.Equal(t, before, b.text("#read-at"))

	b.do(chromedp.KeyEvent("\r"))
	b.waits("#live", "Live")
	b.waits("#events", "Logins11")
}

// After a restart of the server the page goes on by itself.
func TestPage_connects_again(t *testing.T) {
	b, s := open(t), newSite(t)
	b.as(wide, "light", s.url)
	b.waits("#live", "Live")
	s.away.Store(true)
	s.server.CloseClientConnections()
	b.waits("#live", "Connecting again")
	s.visit("ada")
	s.away.Store(false)
	b.waits("#live", "Live")
	b.waits("#events", "Logins11")
}

func TestPage_without_script(t *testing.T) {
	b, s := open(t), newSite(t)
	s.visit("ada")
	b.scripts(false)
	b.as(wide, "light", s.url)
	require.Contains(t, b.text("#verdict"), "The cap is large enough")
	require.Contains(t, b.text("#figures"), "Logged in\n1")
	require.Equal(t, "Not live", b.text("#live"))
	b.quiet()
}

// An operator finds a user's sessions, changes their mind, and ends one.
func TestUsers(t *testing.T) {
	b, s := open(t), newSite(t)
	s.visit("ada")
	s.visit("ada")
	s.visit("grace")
	b.as(wide, "light", s.url)
	b.do(chromedp.Click(chromedp.CSS("a[href=users]")), chromedp.SendKeys(chromedp.CSS("input[name=user]"), "ada\r"))
	b.waits("#found", "2 sessions of ada")
	b.shot("users")

	b.do(chromedp.Click(chromedp.CSS(".sessions button")))
	b.waits("#ask", "End this session of ada?")
	b.shot("users-question")
	b.do(chromedp.Click(chromedp.CSS("form:last-child > button")))
	b.waits("#found", "2 sessions of ada")

	b.do(chromedp.Click(chromedp.CSS(".sessions button")))
	b.waits("#ask", "End this session of ada?")
	b.do(chromedp.Click(chromedp.CSS("button.danger")))
	b.waits("[role=status]", "The session has ended.")
	infos, err := s.sessions.Sessions(t.Context(), "ada")
	require.NoError(t, err)
	require.Len(t, infos, 1)

	b.do(chromedp.Click(chromedp.CSS("#found ~ form button")))
	b.waits("#ask", "End all sessions of ada?")
	b.do(chromedp.Click(chromedp.CSS("button.danger")))
	b.waits("[role=status]", "1 session ended.")
	infos, err = s.sessions.Sessions(t.Context(), "grace")
	require.NoError(t, err)
	require.Len(t, infos, 1)
	b.quiet()
}

// tooWide is the elements that reach beyond the window, as HTML.
const tooWide = `[...document.querySelectorAll("body *")]
	.filter(e => !e.matches(".hidden") && e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML.slice(0, 200)).join("\n")`

// The page fits the window, and axe-core finds nothing, light or dark, wide or
// narrow.
func TestPage_accessible(t *testing.T) {
	source := axe(t)
	b, s := open(t), newSite(t)
	for range 6000 { // the cache is full, and evicts
		s.visit("")
	}
	s.visit("ada")
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{wide, 800, narrow} {
			t.Run(fmt.Sprintf("%s, %d pixels", scheme, width), func(t *testing.T) {
				b := &tab{t: t, ctx: b.ctx}
				b.as(width, scheme, s.url)
				b.waits("#live", "Live")
				b.waits("#verdict", "evicted")
				value[int](b, `document.querySelectorAll("details").forEach(d => d.open = true), 0`)
				require.Empty(t, value[string](b, tooWide))
				b.accessible(source)
				b.shot(fmt.Sprintf("page-%s-%d", scheme, width))

				b.as(width, scheme, s.url+"users")
				b.do(chromedp.SendKeys(chromedp.CSS("input[name=user]"), "ada\r"))
				b.waits("#found", "1 session of ada")
				require.Empty(t, value[string](b, tooWide))
				b.accessible(source)
				b.do(chromedp.Click(chromedp.CSS(".sessions button")))
				b.waits("#ask", "End this session of ada?")
				b.accessible(source)
				b.shot(fmt.Sprintf("question-%s-%d", scheme, width))
			})
		}
	}
	b.quiet()
}
