package interop

import (
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// visitor is a client with cookies of its own.
type visitor struct {
	t      *testing.T
	url    string
	client *http.Client
}

// visitor returns a client that handles cookies as browsers do.
func (r running) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &visitor{t, r.url, &http.Client{Jar: jar, Transport: r.transport}}
}

// hoarder returns a client that never drops a cookie, even if the server tells
// it to. A session that it cannot read any more has ended on the server.
func (r running) hoarder(t *testing.T) *visitor {
	jar := &hoard{cookies: map[string]string{}}
	return &visitor{t, r.url, &http.Client{Jar: jar, Transport: r.transport}}
}

// thief returns a hoarder with a copy of the visitor's cookies.
func (v *visitor) thief() *visitor {
	u, err := url.Parse(v.url)
	require.NoError(v.t, err)
	jar := &hoard{cookies: map[string]string{}}
	jar.SetCookies(u, v.client.Jar.Cookies(u))
	require.NotEmpty(v.t, jar.cookies)
	return &visitor{v.t, v.url, &http.Client{Jar: jar, Transport: v.client.Transport}}
}

// try requests a page and returns the response's status and body.
func (v *visitor) try(page string) (int, string) {
	response, err := v.client.Get(v.url + page)
	if err != nil {
		v.t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Error(err)
	}
	return response.StatusCode, string(body)
}

// get requests a page, fails the test unless the status is 200, and returns the
// body.
func (v *visitor) get(page string) string {
	status, body := v.try(page)
	if status != http.StatusOK {
		v.t.Errorf("%s: status %d", page, status)
	}
	return body
}

// hoard is a cookie jar for one site. It drops no cookie.
type hoard struct {
	mu      sync.Mutex
	cookies map[string]string
}

func (h *hoard) SetCookies(_ *url.URL, cookies []*http.Cookie) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, cookie := range cookies {
		if cookie.Value != "" {
			h.cookies[cookie.Name] = cookie.Value
		}
	}
}

func (h *hoard) Cookies(*url.URL) []*http.Cookie {
	h.mu.Lock()
	defer h.mu.Unlock()
	var cookies []*http.Cookie
	for _, name := range slices.Sorted(maps.Keys(h.cookies)) {
		cookies = append(cookies, &http.Cookie{Name: name, Value: h.cookies[name]})
	}
	return cookies
}

// cookie returns the value of the visitor's cookie called name, or "".
func (v *visitor) cookie(name string) string {
	u, err := url.Parse(v.url)
	require.NoError(v.t, err)
	for _, cookie := range v.client.Jar.Cookies(u) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}
