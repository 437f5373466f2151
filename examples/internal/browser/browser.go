// Package browser has helpers for the tests of the examples. A test opens a
// site in several browsers, follows links and sends forms.
package browser

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

// Sessions returns a Manager that is closed when the test ends.
func Sessions(t testing.TB, o holdfast.Options) *holdfast.Manager {
	t.Helper()
	sessions, err := holdfast.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { sessions.Close() })
	return sessions
}

// Site is a server on a port of this machine, until the test ends.
type Site struct {
	URL string
	t   testing.TB
}

// Open serves handler.
func Open(t testing.TB, handler http.Handler) *Site {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &Site{URL: server.URL, t: t}
}

// Browser returns a browser without cookies.
func (s *Site) Browser() *Browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(s.t, err)
	return &Browser{Client: &http.Client{Jar: jar}, Header: http.Header{}, site: s}
}

// Browser is the browser of one person, with its own cookies. It sends Header
// with every request.
type Browser struct {
	*http.Client
	Header http.Header
	site   *Site
}

// Page is the response after all redirects.
type Page struct {
	Status int
	Header http.Header
	Text   string
}

// Get opens a page.
func (b *Browser) Get(path string) Page {
	b.site.t.Helper()
	return b.Send(http.MethodGet, path, "", "")
}

// Post sends a form. Fields alternate between names and values.
func (b *Browser) Post(path string, fields ...string) Page {
	b.site.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.Send(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

// Send makes a request. An empty contentType sets no header.
func (b *Browser) Send(method, path, contentType, body string) Page {
	b.site.t.Helper()
	request, err := http.NewRequest(method, b.site.URL+path, strings.NewReader(body))
	require.NoError(b.site.t, err)
	request.Header = b.Header.Clone()
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := b.Do(request)
	require.NoError(b.site.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(b.site.t, err)
	return Page{Status: response.StatusCode, Header: response.Header, Text: string(text)}
}

// Cookie returns the value of the browser's session cookie, or "".
func (b *Browser) Cookie() string {
	b.site.t.Helper()
	address, err := url.Parse(b.site.URL)
	require.NoError(b.site.t, err)
	for _, cookie := range b.Jar.Cookies(address) {
		if strings.HasSuffix(cookie.Name, "session") {
			return cookie.Value
		}
	}
	return ""
}
