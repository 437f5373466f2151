package inspect_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/tier"
)

func TestNew_refuses(t *testing.T) {
	c, err := cache.New(cache.Options{})
	require.NoError(t, err)
	defer c.Close()
	allow := func(*http.Request) error { return nil }
	for name, o := range map[string]inspect.Options{
		"nothing":                 {},
		"a cache and a store":     {Cache: c, Store: store{}},
		"Allow without a Manager": {Cache: c, Allow: allow},
	} {
		_, err := inspect.New(o)
		require.ErrorIs(t, err, holdfast.ErrOptions, name)
	}
}

func TestPage_figures(t *testing.T) {
	s := newSite(t, nil)
	s.login("ada")
	s.login("grace")
	require.NoError(t, s.cache.Set("no session", make([]byte, 100), time.Hour))

	answer, page := s.get("")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, "text/html; charset=utf-8", answer.Header.Get("Content-Type"))
	require.Regexp(t, `Logged in</dt><dd>2 <small>of 2 sessions`, page)
	require.Regexp(t, `Sessions</dt><dd>3 `, page)
	require.Contains(t, page, "of 8 MiB")
	require.Contains(t, page, "The cap is large enough")
	require.Regexp(t, `Logins</th><td>2</td><td>2</td>`, page)
	require.NotContains(t, page, "ada", "no user without Allow")
}

// The page asks for nothing else than its own files, and forbids the rest.
func TestPage_is_self_contained(t *testing.T) {
	s := newSite(t, func(*http.Request) error { return nil })
	for _, part := range []string{"", "users"} {
		answer, page := s.get(part)
		policy := answer.Header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'")
		require.NotContains(t, policy, "unsafe")
		require.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
		require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
		require.NotRegexp(t, `(?i)<style|style=|<script>|\son[a-z]+=|https?://|src="/|href="/`, page)
		for _, link := range regexp.MustCompile(`(?:src|href|action)="([^"#]+)"`).FindAllStringSubmatch(page, -1) {
			if link[1] == "./" {
				continue
			}
			linked, _ := s.get(link[1])
			require.Equal(t, http.StatusOK, linked.StatusCode, link[1])
		}
	}
}

// Links are relative, so the page works wherever it is.
func TestPage_at_any_path(t *testing.T) {
	c, err := cache.New(cache.Options{})
	require.NoError(t, err)
	defer c.Close()
	page := newPage(t, inspect.Options{Cache: c})
	for prefix, handler := range map[string]http.Handler{
		"/": page, "/deep/er/": page, "/stripped/": http.StripPrefix("/stripped", page),
	} {
		for part, contentType := range map[string]string{"": "text/html", "style.css": "text/css", "script.js": "text/javascript",
			"icon.svg": "image/svg+xml", "data.json": "application/json"} {
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, prefix+part, nil))
			require.Equal(t, http.StatusOK, answer.Code, prefix+part)
			require.Contains(t, answer.Header().Get("Content-Type"), contentType)
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, prefix+"assets", nil))
		require.Equal(t, http.StatusNotFound, answer.Code)
	}
}

func TestPage_reads_only(t *testing.T) {
	s := newSite(t, nil)
	for _, part := range []string{"", "data.json", "stream", "users"} {
		answer, err := http.Post(s.server.URL+"/ops/sessions/"+part, "text/plain", strings.NewReader("x"))
		require.NoError(t, err)
		answer.Body.Close()
		require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode, part)
		require.Equal(t, "GET, HEAD", answer.Header.Get("Allow"))
	}
}

func TestData(t *testing.T) {
	s := newSite(t, nil)
	s.login("ada")
	_, text := s.get("data.json")
	var data struct {
		Verdict  []struct{ Level, Text string }
		Cache    cache.Stats
		Sessions holdfast.Stats
	}
	require.NoError(t, json.Unmarshal([]byte(text), &data))
	require.Equal(t, "good", data.Verdict[0].Level)
	require.Equal(t, 1, data.Cache.Entries)
	require.EqualValues(t, 1, data.Sessions.LoggedIn)
	require.NotContains(t, text, "ada")
}

func TestPage_of_a_database(t *testing.T) {
	figures := store{Away: true, Mode: tier.Cached, Notifies: true, Refused: 3, Local: cache.Stats{MaxBytes: 1 << 20, Entries: 5}}
	page := newPage(t, inspect.Options{Store: figures, StoreName: "Redis"})
	answer := httptest.NewRecorder()
	page.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
	text := answer.Body.String()
	require.Contains(t, text, "Redis does not answer.")
	require.Regexp(t, `Local copies</dt><dd>5 `, text)
	require.Regexp(t, `Commands refused</th><td>3</td>`, text)
	require.NotContains(t, text, "Logged in", "there is no Manager")
}

// The history exists before somebody looks, and is bounded.
func TestHistory_begins_before_the_first_viewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := cache.New(cache.Options{MaxBytes: 1 << 20, Shards: 1})
		require.NoError(t, err)
		defer c.Close()
		page := newPage(t, inspect.Options{Cache: c})
		read := func() string {
			answer := httptest.NewRecorder()
			page.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
			return answer.Body.String()
		}
		for range 5000 {
			require.NoError(t, c.Set(time.Now().String()+string(rune('a'+time.Now().Nanosecond()%7)), make([]byte, 1000), 10*time.Hour))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(5 * time.Minute)
		text := read()
		require.Contains(t, text, "Visitors who came once are evicted")
		rows := regexp.MustCompile(`<th scope="row">\d\d:\d\d</th>`).FindAllString(text, -1)
		require.Len(t, rows, 3*4, "a row for each whole minute after the first, in three tables")

		time.Sleep(time.Hour)
		text = read()
		require.Contains(t, text, "nothing was evicted for an hour")
		rows = regexp.MustCompile(`<th scope="row">\d\d:\d\d</th>`).FindAllString(text, -1)
		require.Len(t, rows, 3*14)
	})
}

// Without a viewer, no session is visited.
func TestPage_counts_for_viewers_only(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := cache.New(cache.Options{MaxBytes: 1 << 20})
		require.NoError(t, err)
		defer c.Close()
		page := newPage(t, inspect.Options{Cache: c})
		counted := func() (data struct{ Counted struct{ At time.Time } }) {
			answer := httptest.NewRecorder()
			page.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/data.json", nil))
			require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &data))
			return data
		}
		time.Sleep(time.Hour)
		require.Zero(t, counted())
		ctx, leave := context.WithCancel(t.Context())
		var viewer sync.WaitGroup
		viewer.Go(func() {
			page.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/stream", nil).WithContext(ctx))
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		latest := counted().Counted.At
		require.WithinDuration(t, time.Now(), latest, 15*time.Second)
		leave()
		viewer.Wait()
		time.Sleep(time.Hour)
		require.Equal(t, latest, counted().Counted.At)
	})
}

func TestClose(t *testing.T) {
	s := newSite(t, nil)
	_, next, _ := s.stream()
	_, ok := next()
	require.True(t, ok)
	require.NoError(t, s.page.Close())
	for ok {
		_, ok = next()
	}
	answer, _ := s.get("")
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.NoError(t, s.page.Close())
}
