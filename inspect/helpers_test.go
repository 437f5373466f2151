package inspect_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/tier"
)

const patience = 20 * time.Second

// site is a server with sessions and the page about them.
type site struct {
	t        *testing.T
	cache    *cache.Cache
	sessions *holdfast.Manager
	page     *inspect.Page
	server   *httptest.Server
}

func newSite(t *testing.T, allow func(*http.Request) error) *site {
	t.Helper()
	c, err := cache.New(cache.Options{MaxBytes: 8 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	sessions, err := holdfast.New(holdfast.Options{Cache: c})
	require.NoError(t, err)
	s := &site{t: t, cache: c, sessions: sessions}
	s.page = newPage(t, inspect.Options{Manager: sessions, Cache: c, Allow: allow})
	mux := http.NewServeMux()
	mux.Handle("/ops/sessions/", s.page)
	mux.Handle("/", sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.NoError(t, sessions.Session(r).Login(r.URL.Query().Get("user")))
	})))
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

func newPage(t *testing.T, o inspect.Options) *inspect.Page {
	t.Helper()
	page, err := inspect.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { page.Close() })
	return page
}

// login makes a session of a user.
func (s *site) login(user string) {
	s.t.Helper()
	answer, err := http.Get(s.server.URL + "/?user=" + url.QueryEscape(user))
	require.NoError(s.t, err)
	answer.Body.Close()
}

// get returns the answer and its body.
func (s *site) get(part string) (*http.Response, string) {
	s.t.Helper()
	answer, err := http.Get(s.server.URL + "/ops/sessions/" + part)
	require.NoError(s.t, err)
	return answer, body(s.t, answer)
}

// post sends a form of the users' page. Fields alternate between names and
// values.
func (s *site) post(header http.Header, fields ...string) (*http.Response, string) {
	s.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequest(http.MethodPost, s.server.URL+"/ops/sessions/users", strings.NewReader(form.Encode()))
	require.NoError(s.t, err)
	r.Header = header.Clone()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	return answer, body(s.t, answer)
}

func body(t *testing.T, answer *http.Response) string {
	t.Helper()
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(text)
}

var sameOrigin = http.Header{"Sec-Fetch-Site": {"same-origin"}}

// stream opens the live updates. next returns the data of the next event, and
// false at the end.
func (s *site) stream() (answer *http.Response, next func() (string, bool), stop func()) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	s.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL+"/ops/sessions/stream", nil)
	require.NoError(s.t, err)
	answer, err = http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { answer.Body.Close() })
	lines := bufio.NewReader(answer.Body)
	return answer, func() (string, bool) {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return "", false
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				return data, true
			}
		}
	}, cancel
}

// store is a Store of given figures.
type store tier.Stats

func (s store) Stats() tier.Stats { return tier.Stats(s) }
