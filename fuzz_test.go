package holdfast

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each parser of input from a client has a fuzz target: it does not panic, and
// it accepts nothing but the form of an issued ID.

func FuzzVerify(f *testing.F) {
	s := signer{[]byte("the first key of the two"), []byte("the second key of the two")}
	f.Add(s.sign("AAAA"))
	f.Add(s[1:].sign("a.b"))
	f.Add("s:.")
	f.Add("s:a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		id, _ := s.verify(token)
		if id == "" {
			return
		}
		require.Contains(t, []string{s.sign(id), s[1:].sign(id)}, token, "a key signed it")
	})
}

func FuzzSign(f *testing.F) {
	s := signer{[]byte("the first key of the two"), []byte("the second key of the two")}
	f.Add("AAAA", uint(0), byte(1))
	f.Add("a.b", uint(5), byte(128))
	f.Fuzz(func(t *testing.T, id string, at uint, flip byte) {
		if id == "" || len(id) > maxIDLen {
			return
		}
		token := s.sign(id)
		require.Equal(t, id, verified(s, token))
		if flip != 0 {
			forged := []byte(token)
			forged[at%uint(len(forged))] ^= flip
			require.Empty(t, verified(s, string(forged)))
		}
	})
}

func FuzzEscapeCookie(f *testing.F) {
	f.Add("s:AAAA.+/=")
	f.Add("%")
	f.Add("\x00ä\"\\;, ")
	cookie := &Cookie{Path: "/"}
	f.Fuzz(func(t *testing.T, token string) {
		escaped := escapeCookie(token)
		require.NoError(t, (&http.Cookie{Name: "session", Value: escaped}).Valid())
		r := &http.Request{Header: http.Header{"Cookie": {"a=1; session=" + escaped + "; b=2"}}}
		got, _, ok := cookie.extract(r, false, 0)
		require.True(t, ok)
		require.Equal(t, token, got)
	})
}

func FuzzCookie(f *testing.F) {
	f.Add("session=%41; session=%")
	f.Add("session=%2")
	f.Add("session=s%3AAAAA.BBB%2B%2F")
	cookie := &Cookie{Path: "/"}
	m := manager(f, *cookie)
	f.Fuzz(func(t *testing.T, line string) {
		r := &http.Request{Header: http.Header{"Cookie": {line}}}
		token, _, _ := cookie.extract(r, false, 0)
		require.LessOrEqual(t, len(token), len(line))
		requireNothingReachesTheStore(t, m, r)
	})
}

func FuzzHeader(f *testing.F) {
	f.Add("\x00")
	f.Add(strings.Repeat("A", idLen))
	m := manager(f, Header{})
	f.Fuzz(func(t *testing.T, value string) {
		requireNothingReachesTheStore(t, m, &http.Request{Header: http.Header{"X-Session": {value}}})
	})
}

func FuzzQuery(f *testing.F) {
	f.Add("session=%41&session=%")
	f.Add("session=a;b=c")
	m := manager(f, Query{})
	f.Fuzz(func(t *testing.T, query string) {
		requireNothingReachesTheStore(t, m, &http.Request{URL: &url.URL{Path: "/", RawQuery: query}})
	})
}

func FuzzForm(f *testing.F) {
	const urlencoded = "application/x-www-form-urlencoded"
	f.Add(urlencoded, []byte("session=%41&session=%"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"session\"\r\n\r\nAAAA\r\n--b--\r\n"))
	f.Add("multipart/form-data; boundary=\"", []byte("--"))
	m := manager(f, Form{})
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		requireNothingReachesTheStore(t, m, r)
	})
}

func FuzzTrustedProxies(f *testing.F) {
	f.Add("10.0.0.1:1", "https, http")
	f.Add("[::ffff:10.0.0.1%eth0]:1", "https")
	f.Add("@", ",")
	trusted := netip.MustParsePrefix("10.0.0.0/8")
	f.Fuzz(func(t *testing.T, remoteAddr, proto string) {
		r := &http.Request{RemoteAddr: remoteAddr, Header: http.Header{"X-Forwarded-Proto": {proto}}}
		require.False(t, proxies(nil).cameOverTLS(r))
		if (proxies{trusted}).cameOverTLS(r) {
			addr, err := netip.ParseAddrPort(remoteAddr)
			require.NoError(t, err)
			require.True(t, trusted.Contains(addr.Addr().Unmap()), remoteAddr)
			require.Contains(t, strings.ToLower(proto), "https")
		}
		r.TLS = &tls.ConnectionState{}
		require.True(t, proxies(nil).cameOverTLS(r))
	})
}

func FuzzOriginalPath(f *testing.F) {
	f.Add("/app?a=1", "/app/page")
	f.Add("/%", "/")
	f.Add("*", "")
	cookie := &Cookie{Path: "/app"}
	f.Fuzz(func(t *testing.T, requestURI, path string) {
		r := &http.Request{RequestURI: requestURI, URL: &url.URL{Path: path}}
		if cookie.admits(r) {
			require.True(t, strings.HasPrefix(originalPath(r), "/app"))
		}
	})
}

// manager signs with a key that the fuzzer does not have: a token that reaches
// the store is forged.
func manager(f *testing.F, c Carrier) *Manager {
	f.Helper()
	m, err := New(Options{Carrier: c, Keys: [][]byte{[]byte("a key of at least 16 bytes")}})
	require.NoError(f, err)
	f.Cleanup(func() { m.Close() })
	m.store = nil // any call panics
	return m
}

func requireNothingReachesTheStore(t *testing.T, m *Manager, r *http.Request) {
	t.Helper()
	m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		require.True(t, m.Session(r).IsNew())
	})).ServeHTTP(httptest.NewRecorder(), r)
}
