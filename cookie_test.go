package holdfast_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// The default cookie is as strict as the connection allows.
func TestCookie_defaults(t *testing.T) {
	t.Run("plain HTTP", func(t *testing.T) {
		site := serve(t, holdfast.Options{}, pages{"/": count})
		header := site.browser().visit("/").Header.Get("Set-Cookie")
		assert.Regexp(t, `^session=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax$`, header)
	})
	t.Run("TLS", func(t *testing.T) {
		site, client := serveTLS(t, holdfast.Options{}, pages{"/": count})
		ada := &browser{client, site}
		assert.Regexp(t, `^__Host-session=[\w-]{43}; Path=/; HttpOnly; Secure; SameSite=Lax$`, ada.visit("/").Header.Get("Set-Cookie"))
		assert.Equal(t, "2", ada.visit("/").text)
	})
	t.Run("TLS with a path", func(t *testing.T) {
		site, client := serveTLS(t, holdfast.Options{Carrier: holdfast.Cookie{Path: "/app"}}, pages{"/app/": count})
		ada := &browser{client, site}
		assert.Regexp(t, `^__Secure-session=`, ada.visit("/app/").Header.Get("Set-Cookie"))
		assert.Equal(t, "2", ada.visit("/app/").text)
	})
	t.Run("planted over plain HTTP", func(t *testing.T) {
		site, client := serveTLS(t, holdfast.Options{}, pages{"/": count})
		ada := &browser{client, site}
		planted := strings.TrimPrefix(ada.visit("/").cookie().String(), "__Host-")
		request, _ := http.NewRequest(http.MethodGet, site.url, nil)
		request.Header.Set("Cookie", planted)
		response, err := client.Transport.RoundTrip(request)
		require.NoError(t, err)
		assert.Equal(t, "1", read(t, response).text)
	})
}

func TestCookie_options(t *testing.T) {
	const plain, tls = "http://example.com/", "https://example.com/"
	for name, test := range map[string]struct {
		cookie holdfast.Cookie
		url    string
		want   string
	}{
		"Name":                       {holdfast.Cookie{Name: "sid"}, plain, `^sid=ID; Path=/; HttpOnly; SameSite=Lax$`},
		"Name over TLS":              {holdfast.Cookie{Name: "sid"}, tls, `^sid=ID; Path=/; HttpOnly; Secure; SameSite=Lax$`},
		"Domain":                     {holdfast.Cookie{Domain: "example.com"}, plain, `^session=ID; Path=/; Domain=example.com; HttpOnly; SameSite=Lax$`},
		"Domain over TLS":            {holdfast.Cookie{Domain: "example.com"}, tls, `^__Secure-session=ID; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax$`},
		"SecureAlways over plain":    {holdfast.Cookie{Secure: holdfast.SecureAlways}, plain, `^__Host-session=ID; Path=/; HttpOnly; Secure; SameSite=Lax$`},
		"SecureNever over TLS":       {holdfast.Cookie{Secure: holdfast.SecureNever}, tls, `^session=ID; Path=/; HttpOnly; SameSite=Lax$`},
		"SameSiteAuto over plain":    {holdfast.Cookie{SameSite: holdfast.SameSiteAuto}, plain, `SameSite=Lax$`},
		"SameSiteAuto over TLS":      {holdfast.Cookie{SameSite: holdfast.SameSiteAuto}, tls, `Secure; SameSite=None$`},
		"SameSite Strict":            {holdfast.Cookie{SameSite: http.SameSiteStrictMode}, plain, `SameSite=Strict$`},
		"SameSite None":              {holdfast.Cookie{SameSite: http.SameSiteNoneMode}, tls, `SameSite=None$`},
		"ScriptReadable":             {holdfast.Cookie{ScriptReadable: true}, plain, `^session=ID; Path=/; SameSite=Lax$`},
		"Partitioned over TLS":       {holdfast.Cookie{Partitioned: true}, tls, `Secure; SameSite=Lax; Partitioned$`},
		"Partitioned over plain":     {holdfast.Cookie{Partitioned: true}, plain, `^session=ID; Path=/; HttpOnly; SameSite=Lax$`},
		"Priority":                   {holdfast.Cookie{Priority: "High"}, plain, `SameSite=Lax; Priority=High$`},
		"browser session by default": {holdfast.Cookie{}, plain, `^session=ID; Path=/; HttpOnly; SameSite=Lax$`},
		"Persistent":                 {holdfast.Cookie{Persistent: true}, plain, `^session=ID; Path=/; Expires=.* GMT; Max-Age=86400; HttpOnly; SameSite=Lax$`},
		"custom __Host- name":        {holdfast.Cookie{Name: "__Host-id"}, tls, `^__Host-id=ID; Path=/; HttpOnly; Secure; SameSite=Lax$`},
	} {
		t.Run(name, func(t *testing.T) {
			client := direct(t, holdfast.Options{Carrier: test.cookie}, pages{"/": count})

			line := client.send(get(test.url)).Header().Get("Set-Cookie")

			assert.Regexp(t, strings.Replace(test.want, "ID", `[\w-]{43}`, 1), line)
		})
	}
}

func TestCookie_sent_once(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views})
	ada := site.browser()
	require.NotNil(t, ada.visit("/").cookie())
	assert.Nil(t, ada.visit("/").cookie())
	assert.Nil(t, ada.visit("/views").cookie())
}

// A response sets one session cookie, and keeps the cookies of the handler.
func TestCookie_and_cookies_of_the_handler(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})
		s.Set("a", 1)
		s.Save()
		s.Regenerate()
		s.Set("b", 2)
		w.Write(nil)
		w.Write(nil)
	}})
	cookies := site.browser().visit("/").Header.Values("Set-Cookie")
	require.Len(t, cookies, 2)
	assert.Equal(t, "theme=dark", cookies[0])
	assert.Regexp(t, "^session=", cookies[1])
}

// A browser sends several cookies of one name if they were set with different
// Domains or Paths. An older one may come first.
func TestDuplicateCookies_first_with_a_session(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views})
	ada, bob := site.browser().visit("/").cookie(), site.browser().visit("/").cookie()
	site.with(bob.String(), "/")
	mine, yours := "session="+ada.Value, "session="+bob.Value
	stale, junk := "session="+strings.Repeat("A", 43), "session=junk"
	for cookies, want := range map[string]string{
		mine + "; " + stale:                         "1 true",
		stale + "; " + mine:                         "1 true",
		junk + "; " + stale + "; session=; " + mine: "1 true",
		stale + "; " + yours + "; " + mine:          "2 true",
		mine + "; " + yours:                         "1 true",
		stale + "; " + stale + "; " + stale + "; " + stale + "; " + mine: "0 false",
	} {
		assert.Equal(t, want, site.with(cookies, "/views").text, cookies)
	}
}

// A cookie with a replaced ID yields to one whose session is live.
func TestDuplicateCookies_replaced_ID(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views, "/regenerate": regenerate})
	first := site.browser().visit("/").cookie()
	second := site.with("session="+first.Value, "/regenerate").cookie()
	both := site.with("session="+first.Value+"; session="+second.Value, "/")
	assert.Equal(t, "2", both.text)
	assert.Equal(t, "2 true", site.with("session="+second.Value, "/views").text)
}

func TestCacheHeaders(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/public": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			w.Header().Set("Cache-Control", "public")
		},
		"/varies": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			w.Header().Set("Vary", "Accept, cookie")
			s.IsNew()
		},
		"/eager": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			w.Header().Set("Cache-Control", "public")
			s.Set("a", 1)
		}})
	for path, want := range map[string]struct{ vary, cacheControl string }{
		"/":       {"Cookie", "no-store"},
		"/views":  {"Cookie", ""},
		"/public": {"", "public"},
		"/varies": {"Accept, cookie", ""},
		"/eager":  {"Cookie", "no-store"},
	} {
		header := site.browser().visit(path).Header
		assert.Equal(t, want.vary, strings.Join(header.Values("Vary"), "|"), path)
		assert.Equal(t, want.cacheControl, header.Get("Cache-Control"), path)
	}
}

func TestCookiePath_no_session_outside(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Path: "/app"}})
	has := func(target string) bool {
		var found bool
		record(manager.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, found = holdfast.FromContext(r.Context())
		})), get(target))
		return found
	}
	for target, want := range map[string]bool{
		"/app": true, "/app/": true, "/app/page": true, "/app?a=1": true, "/a%70p": true,
		"/": false, "/apple": false, "/other": false, "/other/app": false, "/App": false, "/?/app": false,
	} {
		assert.Equal(t, want, has(target), target)
	}
}

// Browsers compare the Path of a cookie with the escaped path of the URL. Go's
// cookie jar does not, so the test sends the cookie itself.
func TestCookiePath_escaped(t *testing.T) {
	for path, target := range map[string]string{"/caf%C3%A9": "/caf%C3%A9/menu", "/a%20b": "/a%20b", "/a%3Bb": "/a%3Bb/"} {
		manager, site := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Path: path}})
		handler := manager.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			count(w, r, manager.Session(r))
		}))
		site.serveHandler(handler.ServeHTTP)
		cookie := site.with("", target).cookie()
		require.NotNil(t, cookie, path)
		assert.Equal(t, path, cookie.Path)
		assert.Equal(t, "2", site.with("session="+cookie.Value, target).text)
	}
}

// New refuses a Path that no browser sends. The error suggests a valid one.
func TestCookiePath_invalid(t *testing.T) {
	for path, remedy := range map[string]string{
		"/café": `"/caf%C3%A9"`, "/a b": `"/a%20b"`, "/<": `"/%3C"`, "/a?b": `"/a%3Fb"`, `/a\b`: `"/a%5Cb"`,
		"/%": "", "/%zz": "", "/a/../b": `".."`, "/./a": `"."`, "app": "begin with /",
	} {
		_, err := holdfast.New(holdfast.Options{Carrier: holdfast.Cookie{Path: path}})
		assert.ErrorIs(t, err, holdfast.ErrOptions, path)
		assert.ErrorContains(t, err, remedy)
	}
	for _, path := range []string{"/", "/app", "/app/", "/a.b", "/...", "/a~b", "/a+b,c", "/a@b:c", "/[x]", "/%7Ea", "/a%2Fb"} {
		manager, err := holdfast.New(holdfast.Options{Carrier: holdfast.Cookie{Path: path}})
		require.NoError(t, err, path)
		manager.Close()
	}
}

func TestCookiePath_trailing_slash(t *testing.T) {
	client := direct(t, holdfast.Options{Carrier: holdfast.Cookie{Path: "/app/"}}, pages{"/app/": count})
	assert.Equal(t, "1", client.visit("/app/"))
	assert.Equal(t, "2", client.visit("/app/page"))
}

// Path is compared with the path that the client sent, not with the stripped
// one.
func TestCookiePath_StripPrefix(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Path: "/app"}})
	client := &directClient{handler: http.StripPrefix("/app", manager.Handler(pages{"/page": count}.handler()))}
	assert.Equal(t, "1", client.visit("/app/page"))
	assert.Equal(t, "2", client.visit("/app/page"))
	assert.Equal(t, "/app", client.cookie.Path)
}

func TestPersistentCookie(t *testing.T) {
	t.Run("Max-Age equals Expires", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, holdfast.Options{AbsoluteLifetime: 20 * time.Minute, Carrier: holdfast.Cookie{Persistent: true}}, pages{"/": count})
			client.visit("/")
			assert.Equal(t, 20*60, client.cookie.MaxAge)
			assert.Equal(t, time.Now().Add(20*time.Minute).UTC(), client.cookie.Expires)
		})
	})
	t.Run("absolute lifetime", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, holdfast.Options{IdleTimeout: time.Hour, AbsoluteLifetime: 2 * time.Hour,
				Carrier: holdfast.Cookie{Persistent: true, Rolling: true}}, pages{"/": count})
			client.visit("/")
			assert.Equal(t, 2*3600, client.cookie.MaxAge)
			time.Sleep(45 * time.Minute)
			client.visit("/")
			assert.Equal(t, 75*60, client.cookie.MaxAge)
		})
	})
	// The absolute lifetime caps the Max-Age of a session that is never idle.
	t.Run("NoExpiry", func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			s.SetIdleTimeout(cache.NoExpiry)
		}})
		client.visit("/")
		assert.Equal(t, 24*60*60, client.cookie.MaxAge)
	})
	// Browsers shorten or refuse a longer one: RFC 6265bis, section 5.5.
	t.Run("at most 400 days", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			const day = 24 * time.Hour
			client := direct(t, holdfast.Options{
				Carrier:          holdfast.Cookie{Persistent: true},
				AbsoluteLifetime: 1000 * day, IdleTimeout: 1000 * day,
			}, pages{"/": count})

			client.visit("/")

			assert.Equal(t, int(400*day/time.Second), client.cookie.MaxAge)
			assert.Equal(t, time.Now().Add(400*day).UTC(), client.cookie.Expires)
		})
	})
}

// A session that never expires may have a persistent cookie.
func TestPersistentCookie_endless(t *testing.T) {
	for name, never := range map[string]time.Duration{"NoExpiry": cache.NoExpiry, "a century": 100 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			client := direct(t, holdfast.Options{
				IdleTimeout: never, AbsoluteLifetime: never, Carrier: holdfast.Cookie{Persistent: true},
			}, pages{"/": count})
			client.visit("/")
			assert.Positive(t, client.cookie.MaxAge)
		})
	}
}

func TestRollingCookie(t *testing.T) {
	t.Run("sent at each use", func(t *testing.T) {
		client := direct(t, holdfast.Options{Carrier: holdfast.Cookie{Rolling: true, Persistent: true}},
			pages{"/": count, "/views": views, "/nothing": nothing})
		assert.Empty(t, client.show("/views").Result().Cookies(), "an empty session has no cookie")
		client.visit("/")
		before := client.cookie.Value

		again := client.show("/views")

		require.Len(t, again.Result().Cookies(), 1)
		assert.Equal(t, before, again.Result().Cookies()[0].Value)
		assert.Equal(t, "no-store", again.Header().Get("Cache-Control"))
		assert.Empty(t, client.show("/nothing").Result().Cookies())
	})
	t.Run("restarts its Max-Age", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, holdfast.Options{Carrier: holdfast.Cookie{Rolling: true}},
				pages{"/": count, "/views": views, "/age": setIdleTimeout(10 * time.Minute)})
			client.visit("/")
			client.visit("/age")
			for range 3 {
				time.Sleep(7 * time.Minute)
				cookies := client.show("/views").Result().Cookies()
				require.Len(t, cookies, 1)
				assert.Equal(t, 600, cookies[0].MaxAge)
				assert.Equal(t, time.Now().Add(10*time.Minute).UTC(), cookies[0].Expires)
			}
		})
	})
	t.Run("session ended meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var client *directClient
			client = direct(t, holdfast.Options{Carrier: holdfast.Cookie{Rolling: true}}, pages{"/": count, "/destroy": destroy,
				"/slow": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.IsNew()
					client.twin().visit("/destroy")
					time.Sleep(2 * time.Second)
				}})
			client.visit("/")
			assert.Empty(t, client.show("/slow").Result().Cookies())
		})
	})
}

func TestCookieRemoval(t *testing.T) {
	// A browser removes a cookie only if Name, Path and Domain are the same.
	t.Run("same attributes", func(t *testing.T) {
		client := direct(t, holdfast.Options{Carrier: holdfast.Cookie{Domain: "example.com", Path: "/app"}},
			pages{"/app/": count, "/app/destroy": destroy})
		client.visit("/app/")
		set := client.cookie
		client.visit("/app/destroy")
		assert.Equal(t, []string{set.Name, set.Path, set.Domain}, []string{client.cookie.Name, client.cookie.Path, client.cookie.Domain},
			"otherwise the browser keeps the old cookie")
		assert.Negative(t, client.cookie.MaxAge)
	})
	t.Run("same attributes over TLS", func(t *testing.T) {
		client := direct(t, holdfast.Options{Carrier: holdfast.Cookie{Partitioned: true, SameSite: holdfast.SameSiteAuto}},
			pages{"/": count, "/destroy": destroy})
		client.send(get("https://example.com/"))
		set := *client.cookie
		client.show("https://example.com/destroy")

		removed := *client.cookie

		require.Negative(t, removed.MaxAge)
		attributes := func(c http.Cookie) []any {
			return []any{c.Name, c.Path, c.Secure, c.Partitioned, c.SameSite}
		}
		assert.Equal(t, []any{"__Host-session", "/", true, true, http.SameSiteNoneMode}, attributes(set))
		assert.Equal(t, attributes(set), attributes(removed), "otherwise the browser keeps the old cookie")
	})
	// The browser keeps the cookie, but its session is deleted.
	t.Run("KeepAfterDestroy", func(t *testing.T) {
		client := direct(t, holdfast.Options{Carrier: holdfast.Cookie{KeepAfterDestroy: true}},
			pages{"/": count, "/views": views, "/destroy": destroy})
		client.visit("/")
		assert.Empty(t, client.show("/destroy").Result().Cookies())
		assert.Equal(t, "0 false", client.visit("/views"))
	})
}

func TestCookie_invalid(t *testing.T) {
	for name, cookie := range map[string]holdfast.Cookie{
		"relative path":              {Path: "app"},
		"unknown Secure mode":        {Secure: 3},
		"unknown SameSite":           {SameSite: http.SameSiteDefaultMode},
		"unknown priority":           {Priority: "high"},
		"priority with an attribute": {Priority: "High; Domain=evil.example"},
		"SameSite None, insecure":    {Secure: holdfast.SecureNever, SameSite: http.SameSiteNoneMode},
		"Partitioned, never Secure":  {Secure: holdfast.SecureNever, Partitioned: true},
		"__Host- never Secure":       {Secure: holdfast.SecureNever, Name: "__Host-a"},
		"__Secure- never Secure":     {Secure: holdfast.SecureNever, Name: "__Secure-a"},
		"__host- below a path":       {Name: "__host-a", Path: "/app"},
		"name with a semicolon":      {Name: "a;b"},
		"name with a line break":     {Name: "a\r\nSet-Cookie: b"},
		"domain with an attribute":   {Domain: "example.com; Secure"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := holdfast.New(holdfast.Options{Carrier: cookie})
			assert.ErrorIs(t, err, holdfast.ErrOptions)
		})
	}
}

// The name must leave room for the longest token.
func TestCookie_name_too_long(t *testing.T) {
	_, err := holdfast.New(holdfast.Options{Carrier: holdfast.Cookie{Name: strings.Repeat("n", 3700)}})
	assert.ErrorIs(t, err, holdfast.ErrOptions)
	assert.ErrorIs(t, err, holdfast.ErrCookie)

	manager, err := holdfast.New(holdfast.Options{Carrier: holdfast.Cookie{Name: strings.Repeat("n", 3000)}})
	require.NoError(t, err)
	manager.Close()
}

func TestPlainHTTP_warning_names_the_remedy(t *testing.T) {
	manager, site := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Secure: holdfast.SecureAlways}})
	handler := manager.Handler(pages{"/": count}.handler())
	for range 3 {
		record(handler, get("/"))
	}
	assert.Equal(t, 1, strings.Count(site.log.String(), "TrustedProxies"))
}

// One warning names a cookie that browsers drop over plain HTTP.
func TestPlainHTTP_dropped_cookies(t *testing.T) {
	for name, cookie := range map[string]holdfast.Cookie{
		"SecureAlways":   {Secure: holdfast.SecureAlways},
		"__Host- name":   {Name: "__Host-own"},
		"__Secure- name": {Name: "__Secure-own"},
		"SameSite=None":  {SameSite: http.SameSiteNoneMode},
	} {
		t.Run(name, func(t *testing.T) {
			manager, site := manage(t, holdfast.Options{Carrier: cookie})
			handler := manager.Handler(pages{"/": count}.handler())
			record(handler, get("/"))
			record(handler, get("/"))
			assert.Equal(t, 1, strings.Count(site.log.String(), "plain HTTP"), site.log.String())
		})
	}
}

func TestCookieFunc(t *testing.T) {
	t.Run("called once a request", func(t *testing.T) {
		calls := 0
		client := direct(t, holdfast.Options{Carrier: holdfast.CookieFunc(func(r *http.Request) holdfast.Cookie {
			calls++
			return holdfast.Cookie{Name: strings.Split(r.Host, ".")[0] + "_session"}
		})}, pages{"/": count})

		client.send(get("http://one.example/"))
		one := client.cookie.Name
		client.send(get("http://two.example/"))

		assert.Equal(t, "one_session", one)
		assert.Equal(t, "two_session", client.cookie.Name)
		assert.Equal(t, 2, calls)
	})
	t.Run("request has no session", func(t *testing.T) {
		choose := holdfast.CookieFunc(func(r *http.Request) holdfast.Cookie {
			_, ok := holdfast.FromContext(r.Context())
			assert.False(t, ok)
			return holdfast.Cookie{}
		})
		assert.Equal(t, "1", direct(t, holdfast.Options{Carrier: choose}, pages{"/": count}).visit("/"))
	})
	t.Run("no session outside its Path", func(t *testing.T) {
		manager, _ := manage(t, holdfast.Options{Carrier: holdfast.CookieFunc(func(*http.Request) holdfast.Cookie {
			return holdfast.Cookie{Path: "/app"}
		})})
		for target, want := range map[string]bool{"/app": true, "/app/page": true, "/": false, "/apple": false} {
			record(manager.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, found := holdfast.FromContext(r.Context())
				assert.Equal(t, want, found, target)
			})), get(target))
		}
	})
	t.Run("nil", func(t *testing.T) {
		_, err := holdfast.New(holdfast.Options{Carrier: holdfast.CookieFunc(nil)})
		assert.ErrorIs(t, err, holdfast.ErrOptions)
	})
	// The response fails.
	t.Run("invalid cookie", func(t *testing.T) {
		manager, site := manage(t, holdfast.Options{Carrier: holdfast.CookieFunc(func(*http.Request) holdfast.Cookie {
			return holdfast.Cookie{Name: "a b"}
		})})
		assert.Equal(t, http.StatusInternalServerError, record(manager.Handler(pages{"/": count}.handler()), get("/")).Code)
		assert.Zero(t, site.cache.Len())
	})
	// The page is as without sessions.
	t.Run("invalid cookie, unused session", func(t *testing.T) {
		manager, site := manage(t, holdfast.Options{Carrier: holdfast.CookieFunc(func(*http.Request) holdfast.Cookie {
			return holdfast.Cookie{Name: "a b"}
		})})
		response := record(manager.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "a page")
		})), get("/"))
		assert.Equal(t, http.StatusOK, response.Code)
		assert.Equal(t, "a page", response.Body.String())
		assert.Empty(t, site.log.String())
	})
	t.Run("cookie too large", func(t *testing.T) {
		manager, site := manage(t, holdfast.Options{Carrier: holdfast.CookieFunc(func(*http.Request) holdfast.Cookie {
			return holdfast.Cookie{Name: strings.Repeat("a", 4096)}
		})})
		record(manager.Handler(pages{"/": count}.handler()), get("/"))
		assert.Zero(t, site.cache.Len(), "no client can have a cookie for the session")
	})
}
