package holdfast_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/codec"
)

// What a middleware for sessions is expected to do, one behaviour a test: first
// the cookie, then the ID, the session's life, and the store.

func nothing(http.ResponseWriter, *http.Request, *holdfast.Session) {}

func regenerate(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Regenerate() }

func maxAge(age time.Duration) func(http.ResponseWriter, *http.Request, *holdfast.Session) {
	return func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.SetMaxAge(age) }
}

func TestEachCookieOptionShowsInSetCookie(t *testing.T) {
	const plain, tls = "http://example.com/", "https://example.com/"
	for name, test := range map[string]struct {
		cookie holdfast.Cookie
		url    string
		want   string
	}{
		"Name":                        {holdfast.Cookie{Name: "sid"}, plain, `^sid=ID; Path=/; HttpOnly; SameSite=Lax$`},
		"Name over TLS":               {holdfast.Cookie{Name: "sid"}, tls, `^sid=ID; Path=/; HttpOnly; Secure; SameSite=Lax$`},
		"Domain":                      {holdfast.Cookie{Domain: "example.com"}, plain, `^session=ID; Path=/; Domain=example.com; HttpOnly; SameSite=Lax$`},
		"Domain over TLS":             {holdfast.Cookie{Domain: "example.com"}, tls, `^__Secure-session=ID; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax$`},
		"SecureAlways over plain":     {holdfast.Cookie{Secure: holdfast.SecureAlways}, plain, `^__Host-session=ID; Path=/; HttpOnly; Secure; SameSite=Lax$`},
		"SecureNever over TLS":        {holdfast.Cookie{Secure: holdfast.SecureNever}, tls, `^session=ID; Path=/; HttpOnly; SameSite=Lax$`},
		"SameSiteAuto over plain":     {holdfast.Cookie{SameSite: holdfast.SameSiteAuto}, plain, `SameSite=Lax$`},
		"SameSiteAuto over TLS":       {holdfast.Cookie{SameSite: holdfast.SameSiteAuto}, tls, `Secure; SameSite=None$`},
		"SameSite Strict":             {holdfast.Cookie{SameSite: http.SameSiteStrictMode}, plain, `SameSite=Strict$`},
		"SameSite None":               {holdfast.Cookie{SameSite: http.SameSiteNoneMode}, tls, `SameSite=None$`},
		"ScriptReadable":              {holdfast.Cookie{ScriptReadable: true}, plain, `^session=ID; Path=/; SameSite=Lax$`},
		"Partitioned over TLS":        {holdfast.Cookie{Partitioned: true}, tls, `Secure; SameSite=Lax; Partitioned$`},
		"Partitioned over plain":      {holdfast.Cookie{Partitioned: true}, plain, `^session=ID; Path=/; HttpOnly; SameSite=Lax$`},
		"Priority":                    {holdfast.Cookie{Priority: "High"}, plain, `SameSite=Lax; Priority=High$`},
		"browser session by default":  {holdfast.Cookie{}, plain, `^session=ID; Path=/; HttpOnly; SameSite=Lax$`},
		"Persistent":                  {holdfast.Cookie{Persistent: true}, plain, `^session=ID; Path=/; Expires=.* GMT; Max-Age=86400; HttpOnly; SameSite=Lax$`},
		"a name of one's own, __Host": {holdfast.Cookie{Name: "__Host-id"}, tls, `^__Host-id=ID; Path=/; HttpOnly; Secure; SameSite=Lax$`},
	} {
		t.Run(name, func(t *testing.T) {
			client := direct(t, holdfast.Options{Carrier: test.cookie}, pages{"/": count})

			line := client.send(get(test.url)).Header().Get("Set-Cookie")

			assert.Regexp(t, strings.Replace(test.want, "ID", `[\w-]{43}`, 1), line)
		})
	}
}

func TestCookiesThatNoBrowserAcceptsAreRefused(t *testing.T) {
	for name, cookie := range map[string]holdfast.Cookie{
		"a path that begins elsewhere":    {Path: "app"},
		"a Secure mode that is none":      {Secure: 3},
		"a SameSite that is none":         {SameSite: http.SameSiteDefaultMode},
		"a priority that is none":         {Priority: "high"},
		"a priority with more attributes": {Priority: "High; Domain=evil.example"},
		"SameSite None, never Secure":     {Secure: holdfast.SecureNever, SameSite: http.SameSiteNoneMode},
		"Partitioned, never Secure":       {Secure: holdfast.SecureNever, Partitioned: true},
		"__Host- never Secure":            {Secure: holdfast.SecureNever, Name: "__Host-a"},
		"__Secure- never Secure":          {Secure: holdfast.SecureNever, Name: "__Secure-a"},
		"__host- below a path":            {Name: "__host-a", Path: "/app"},
		"a name with a semicolon":         {Name: "a;b"},
		"a name with a line break":        {Name: "a\r\nSet-Cookie: b"},
		"a domain with an attribute":      {Domain: "example.com; Secure"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := holdfast.New(holdfast.Options{Carrier: cookie})
			assert.ErrorIs(t, err, holdfast.ErrOptions)
		})
	}
}

func TestASecureCookieOnPlainHTTPIsLoggedOnceWithTheRemedy(t *testing.T) {
	manager, site := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Secure: holdfast.SecureAlways}})
	handler := manager.Handler(pages{"/": count}.handler())
	for range 3 {
		record(handler, get("/"))
	}
	assert.Equal(t, 1, strings.Count(site.log.String(), "TrustedProxies"))
}

func TestOutsideTheCookiesPathThereIsNoSession(t *testing.T) {
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

func TestAPathWithASlashAtItsEndCoversWhatIsBelowIt(t *testing.T) {
	client := direct(t, holdfast.Options{Carrier: holdfast.Cookie{Path: "/app/"}}, pages{"/app/": count})
	assert.Equal(t, "1", client.visit("/app/"))
	assert.Equal(t, "2", client.visit("/app/page"))
}

func TestThePathIsTheClientsAlsoWhereThePrefixWasStripped(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Path: "/app"}})
	client := &directClient{handler: http.StripPrefix("/app", manager.Handler(pages{"/page": count}.handler()))}
	assert.Equal(t, "1", client.visit("/app/page"))
	assert.Equal(t, "2", client.visit("/app/page"))
	assert.Equal(t, "/app", client.cookie.Path)
}

func TestMaxAgeAndExpiresOfAPersistentCookieSayTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{AbsoluteLifetime: 20 * time.Minute, Carrier: holdfast.Cookie{Persistent: true}}, pages{"/": count})
		client.visit("/")
		assert.Equal(t, 20*60, client.cookie.MaxAge)
		assert.Equal(t, time.Now().Add(20*time.Minute).UTC(), client.cookie.Expires)
	})
}

func TestAPersistentCookieEndsWithTheAbsoluteLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{IdleTimeout: time.Hour, AbsoluteLifetime: 2 * time.Hour,
			Carrier: holdfast.Cookie{Persistent: true, Rolling: true}}, pages{"/": count})
		client.visit("/")
		assert.Equal(t, 2*3600, client.cookie.MaxAge)
		time.Sleep(45 * time.Minute)
		client.visit("/")
		assert.Equal(t, 75*60, client.cookie.MaxAge)
	})
}

func TestTheLongestMaxAgeIsTheAbsoluteLifetime(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		s.SetMaxAge(cache.NoExpiry)
	}})
	client.visit("/")
	assert.Equal(t, 24*60*60, client.cookie.MaxAge)
}

func TestRollingSendsTheCookieWithEveryResponseThatLookedAtTheSession(t *testing.T) {
	client := direct(t, holdfast.Options{Carrier: holdfast.Cookie{Rolling: true, Persistent: true}},
		pages{"/": count, "/views": views, "/nothing": nothing})
	assert.Empty(t, client.show("/views").Result().Cookies(), "not on a session with nothing in it")
	client.visit("/")
	before := client.cookie.Value

	again := client.show("/views")

	require.Len(t, again.Result().Cookies(), 1)
	assert.Equal(t, before, again.Result().Cookies()[0].Value)
	assert.Equal(t, "no-store", again.Header().Get("Cache-Control"))
	assert.Empty(t, client.show("/nothing").Result().Cookies())
}

func TestKeepAfterDestroyLeavesTheCookieWhichIsWorthNothing(t *testing.T) {
	client := direct(t, holdfast.Options{Carrier: holdfast.Cookie{KeepAfterDestroy: true}},
		pages{"/": count, "/views": views, "/destroy": destroy})
	client.visit("/")
	assert.Empty(t, client.show("/destroy").Result().Cookies())
	assert.Equal(t, "0 false", client.visit("/views"))
}

func TestTheCookieThatIsTakenAwayHasTheAttributesOfTheOneThatWasSet(t *testing.T) {
	client := direct(t, holdfast.Options{Carrier: holdfast.Cookie{Domain: "example.com", Path: "/app"}},
		pages{"/app/": count, "/app/destroy": destroy})
	client.visit("/app/")
	set := client.cookie
	client.visit("/app/destroy")
	assert.Equal(t, []string{set.Name, set.Path, set.Domain}, []string{client.cookie.Name, client.cookie.Path, client.cookie.Domain},
		"or the browser would keep the old one")
	assert.Negative(t, client.cookie.MaxAge)
}

func TestACookieFuncChoosesTheCookieForEachRequestAndIsAskedOnce(t *testing.T) {
	asked := 0
	client := direct(t, holdfast.Options{Carrier: holdfast.CookieFunc(func(r *http.Request) holdfast.Cookie {
		asked++
		return holdfast.Cookie{Name: strings.Split(r.Host, ".")[0] + "_session"}
	})}, pages{"/": count})

	client.send(get("http://one.example/"))
	one := client.cookie.Name
	client.send(get("http://two.example/"))

	assert.Equal(t, "one_session", one)
	assert.Equal(t, "two_session", client.cookie.Name)
	assert.Equal(t, 2, asked)
}

func TestACookieFuncThatChoosesACookieThatCannotWorkIsAnErrorResponse(t *testing.T) {
	manager, site := manage(t, holdfast.Options{Carrier: holdfast.CookieFunc(func(*http.Request) holdfast.Cookie {
		return holdfast.Cookie{Name: "a b"}
	})})
	assert.Equal(t, http.StatusInternalServerError, record(manager.Handler(pages{"/": count}.handler()), get("/")).Code)
	assert.Zero(t, site.cache.Len())
}

func TestACookieThatCannotWorkDisturbsNoPageThatDoesNotLookAtItsSession(t *testing.T) {
	manager, site := manage(t, holdfast.Options{Carrier: holdfast.CookieFunc(func(*http.Request) holdfast.Cookie {
		return holdfast.Cookie{Name: "a b"}
	})})
	response := record(manager.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "a page")
	})), get("/"))
	assert.Equal(t, http.StatusOK, response.Code)
	assert.Equal(t, "a page", response.Body.String())
	assert.Empty(t, site.log.String())
}

func TestANilCookieFuncIsRefused(t *testing.T) {
	_, err := holdfast.New(holdfast.Options{Carrier: holdfast.CookieFunc(nil)})
	assert.ErrorIs(t, err, holdfast.ErrOptions)
}

func TestXForwardedProtoOfATrustedProxyMakesTheCookieSecure(t *testing.T) {
	for name, test := range map[string]struct {
		remote string
		proto  []string
		secure bool
	}{
		"https":                     {"10.1.2.3:4711", []string{"https"}, true},
		"in capitals":               {"10.1.2.3:4711", []string{"HTTPS"}, true},
		"the first of its list":     {"10.1.2.3:4711", []string{" https , http"}, true},
		"the second of its list":    {"10.1.2.3:4711", []string{"http,https"}, false},
		"the first of two lines":    {"10.1.2.3:4711", []string{"http", "https"}, false},
		"http":                      {"10.1.2.3:4711", []string{"http"}, false},
		"empty":                     {"10.1.2.3:4711", []string{""}, false},
		"absent":                    {"10.1.2.3:4711", nil, false},
		"IPv4 in IPv6":              {"[::ffff:10.1.2.3]:4711", []string{"https"}, true},
		"IPv6":                      {"[fd00::1]:4711", []string{"https"}, true},
		"IPv6 with a zone":          {"[fd00::1%eth0]:4711", []string{"https"}, true},
		"a stranger":                {"192.0.2.1:4711", []string{"https"}, false},
		"a stranger of IPv6":        {"[2001:db8::1]:4711", []string{"https"}, false},
		"an address that is none":   {"@", []string{"https"}, false},
		"an address without a port": {"10.1.2.3", []string{"https"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			client := direct(t, holdfast.Options{TrustedProxies: []netip.Prefix{
				netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"),
			}}, pages{"/": count})
			request := get("/")
			request.RemoteAddr = test.remote
			if test.proto != nil {
				request.Header["X-Forwarded-Proto"] = test.proto
			}
			client.send(request)
			assert.Equal(t, test.secure, client.cookie.Secure)
		})
	}
}

func TestAZeroTrustedProxyIsRefused(t *testing.T) {
	_, err := holdfast.New(holdfast.Options{TrustedProxies: []netip.Prefix{{}}})
	assert.ErrorIs(t, err, holdfast.ErrOptions)
}

func TestTheIDGeneratorReceivesTheRequestAndItsIDIsTheCookies(t *testing.T) {
	client := direct(t, holdfast.Options{NewID: func(r *http.Request) (string, error) {
		return strings.Repeat(r.URL.Query().Get("letter"), 22), nil
	}}, pages{"/": count})
	client.visit("/?letter=x")
	assert.Equal(t, strings.Repeat("x", 22), client.cookie.Value)
	assert.Equal(t, "2", client.visit("/"))
}

func TestAnIDGeneratorThatFailsIsAnErrorAndNeverAWeakerID(t *testing.T) {
	errEmpty := errors.New("the entropy is used up")
	for name, test := range map[string]struct {
		id  string
		err error
	}{
		"an error":          {strings.Repeat("a", 43), errEmpty},
		"nothing":           {"", nil},
		"too short":         {strings.Repeat("a", 21), nil},
		"too long":          {strings.Repeat("a", 257), nil},
		"a space":           {strings.Repeat("a", 22) + " ", nil},
		"a semicolon":       {strings.Repeat("a", 22) + ";", nil},
		"a line break":      {strings.Repeat("a", 22) + "\r\n", nil},
		"a path":            {"../" + strings.Repeat("a", 22), nil},
		"a NUL":             {strings.Repeat("a", 22) + "\x00", nil},
		"outside of ASCII":  {strings.Repeat("ä", 22), nil},
		"a per cent escape": {strings.Repeat("a", 22) + "%41", nil},
	} {
		t.Run(name, func(t *testing.T) {
			manager, site := manage(t, holdfast.Options{NewID: func(*http.Request) (string, error) { return test.id, test.err }})
			var told error
			response := record(manager.Handler(pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Set("a", 1)
				told = s.Save()
				fmt.Fprint(w, "all is well")
			}}.handler()), get("/"))
			assert.Equal(t, http.StatusInternalServerError, response.Code)
			assert.Empty(t, response.Header().Get("Set-Cookie"))
			assert.Zero(t, site.cache.Len())
			assert.ErrorIs(t, told, holdfast.ErrID)
			if test.err != nil {
				assert.ErrorIs(t, told, errEmpty)
			}
		})
	}
}

func TestWithAGeneratorThatFailsIDIsEmptyAndErrTellsWhy(t *testing.T) {
	client := direct(t, holdfast.Options{NewID: func(*http.Request) (string, error) { return "", errors.New("no") }},
		pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			assert.Empty(t, s.ID())
			assert.Empty(t, s.Token())
			assert.ErrorIs(t, s.Err(), holdfast.ErrID)
		}})
	assert.Equal(t, http.StatusInternalServerError, client.show("/").Code)
}

func TestARegenerateWhoseGeneratorFailsLeavesTheSessionAsItWas(t *testing.T) {
	fails := false
	client := direct(t, holdfast.Options{NewID: func(r *http.Request) (string, error) {
		if fails {
			return "", errors.New("no")
		}
		return strings.Repeat("a", 22), nil
	}}, pages{"/": count, "/regenerate": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		fmt.Fprint(w, errors.Is(s.Regenerate(), holdfast.ErrID))
	}})
	client.visit("/")
	fails = true
	assert.Equal(t, "true", client.visit("/regenerate"))
	assert.Equal(t, "2", client.visit("/"))
}

var (
	firstKey  = []byte("the first key of thirty-two byte")
	secondKey = []byte("a second key of thirty-two bytes")
)

func TestTheFirstKeySignsAndAllOfThemVerify(t *testing.T) {
	c := newCache(t)
	with := func(cookie *http.Cookie, keys ...[]byte) *directClient {
		client := direct(t, holdfast.Options{Store: c, Keys: keys}, pages{"/": count, "/views": views})
		client.cookie = cookie
		return client
	}
	before := with(nil, firstKey)
	before.visit("/")

	rotated := with(before.cookie, secondKey, firstKey)
	assert.Equal(t, "1 true", rotated.visit("/views"), "the old key still verifies")

	fresh := with(nil, secondKey, firstKey)
	fresh.visit("/")
	assert.Equal(t, "1 true", with(fresh.cookie, secondKey).visit("/views"), "the new key signs")
	assert.Equal(t, "0 false", with(fresh.cookie, firstKey).visit("/views"))
	assert.Equal(t, "0 false", with(before.cookie, secondKey).visit("/views"), "a key that is gone verifies nothing")
}

func TestASignedCookieIsPercentEncodedAndComesBack(t *testing.T) {
	client := direct(t, holdfast.Options{Keys: [][]byte{firstKey}}, pages{"/": count})
	client.visit("/")
	assert.Regexp(t, `^s%3A[\w-]{43}\.[\w%]+$`, client.cookie.Value)
	assert.Equal(t, "2", client.visit("/"))
}

func TestKeysThatCannotSignAreRefused(t *testing.T) {
	for name, keys := range map[string][][]byte{"none": {}, "an empty one": {{}}, "a short one": {firstKey, firstKey[:15]}, "a nil one": {nil}} {
		_, err := holdfast.New(holdfast.Options{Keys: keys})
		assert.ErrorIs(t, err, holdfast.ErrOptions, name)
	}
}

func TestChangingAKeyAfterwardsChangesNothing(t *testing.T) {
	key := []byte(strings.Repeat("k", 32))
	client := direct(t, holdfast.Options{Keys: [][]byte{key}}, pages{"/": count})
	client.visit("/")
	clear(key)
	assert.Equal(t, "2", client.visit("/"))
}

func TestAnExpiredSessionIsGoneFromTheStoreAndItsIDIsNotUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t)
		client := direct(t, holdfast.Options{Store: c, IdleTimeout: time.Minute}, pages{"/": count})
		client.visit("/")
		old := client.cookie.Value
		time.Sleep(time.Minute)
		assert.Zero(t, c.Len())
		assert.Equal(t, "1", client.visit("/"))
		assert.NotEqual(t, old, client.cookie.Value)
	})
}

func TestWhileTheStoreIsAwayRequestsFailAndAfterwardsTheSessionIsThere(t *testing.T) {
	store := &away{Store: newCache(t)}
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count, "/views": views})
	client.visit("/")

	store.away.Store(true)
	for _, path := range []string{"/", "/views"} {
		response := client.show(path)
		assert.Equal(t, http.StatusInternalServerError, response.Code, path)
		assert.Empty(t, response.Result().Cookies(), path)
	}
	store.away.Store(false)

	assert.Equal(t, "2", client.visit("/"))
}

func TestErrTellsAHandlerThatItsSessionCouldNotBeRead(t *testing.T) {
	store := &away{Store: newCache(t)}
	var told, saved error
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
		"/err": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Keys()
			told, saved = s.Err(), s.Save()
		}})
	client.visit("/")
	store.away.Store(true)
	client.visit("/err")
	assert.ErrorIs(t, told, errAway)
	assert.ErrorIs(t, saved, errAway)
}

func TestAPageThatDoesNotLookAtItsSessionDoesNotNoticeThatTheStoreIsAway(t *testing.T) {
	store := &away{Store: newCache(t)}
	store.away.Store(true)
	client := direct(t, holdfast.Options{Store: store}, pages{"/": nothing})
	client.cookie = &http.Cookie{Name: "session", Value: strings.Repeat("A", 43)}
	assert.Equal(t, http.StatusOK, client.show("/").Code)
}

func TestADamagedRecordIsAnErrorResponse(t *testing.T) {
	c := newCache(t)
	client := direct(t, holdfast.Options{Store: c}, pages{"/": count})
	client.visit("/")
	for id := range c.All() {
		require.NoError(t, c.Set(id, []byte("what no Manager wrote"), time.Hour))
	}
	assert.Equal(t, http.StatusInternalServerError, client.show("/").Code)
}

func TestADamagedRecordIsGoneAfterItsTTLHoweverOftenItIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t)
		client := direct(t, holdfast.Options{Store: c}, pages{"/": count})
		client.visit("/")
		for id := range c.All() {
			require.NoError(t, c.Set(id, []byte("what no Manager wrote"), 10*time.Minute))
		}
		time.Sleep(10*time.Minute - 1)
		require.Equal(t, http.StatusInternalServerError, client.show("/").Code)
		time.Sleep(time.Nanosecond)
		assert.Equal(t, http.StatusOK, client.show("/").Code)
	})
}

func TestDestroyedAndBegunAnewIsRegenerationThatWipes(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": count,
		"/wipe": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			destroy(w, r, s)
			s.Set("other", true)
			fmt.Fprint(w, s.Keys(), s.IsNew())
		}})
	client.visit("/")
	old := client.cookie.Value
	assert.Equal(t, "[other] true", client.visit("/wipe"))
	assert.NotEqual(t, old, client.cookie.Value)
}

func TestRegenerateOfANewSessionGivesItAnotherID(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		before := s.ID()
		s.Regenerate()
		fmt.Fprint(w, s.ID() != before, s.Keys())
	}, "/keys": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.Keys()) }})
	assert.Equal(t, "true [a]", client.visit("/"))
	assert.Equal(t, "[a]", client.visit("/keys"))
}

func TestDestroyOfANewSessionStoresNothingAndSetsNoCookie(t *testing.T) {
	manager, site := manage(t, holdfast.Options{})
	response := record(manager.Handler(pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		destroy(w, r, s)
	}}.handler()), get("/"))
	assert.Empty(t, response.Header().Get("Set-Cookie"))
	assert.Zero(t, site.cache.Len())
}

func TestReloadSeesAnotherRequestsWriteAndDropsOnesOwn(t *testing.T) {
	var client *directClient
	client = direct(t, holdfast.Options{}, pages{"/": count,
		"/reload": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("mine", true)
			s.Delete("views")
			client.twin().visit("/")
			err := s.Reload()
			n, _ := holdfast.Get[int](s, "views")
			fmt.Fprint(w, err, n, s.Keys())
		}})
	client.visit("/")
	assert.Equal(t, "<nil> 2 [views]", client.visit("/reload"))
}

func TestReloadAndSaveSayThatTheSessionIsGone(t *testing.T) {
	var client *directClient
	client = direct(t, holdfast.Options{}, pages{"/": count, "/destroy": destroy,
		"/gone": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.IsNew()
			client.twin().visit("/destroy")
			assert.ErrorIs(t, s.Reload(), holdfast.ErrEnded)
			s.Set("a", 1)
			assert.ErrorIs(t, s.Save(), holdfast.ErrEnded)
			assert.ErrorIs(t, s.Touch(), holdfast.ErrEnded)
			assert.ErrorIs(t, s.Regenerate(), holdfast.ErrEnded)
			_, err := holdfast.Update(s, "views", func(n int) int { return n + 1 })
			assert.ErrorIs(t, err, holdfast.ErrEnded)
			_, ok := holdfast.Pop[int](s, "views")
			assert.False(t, ok)
			assert.NoError(t, s.Err())
		}})
	client.visit("/")
	assert.Equal(t, http.StatusOK, client.show("/gone").Code)
}

func TestNoCookieIsSetForASessionThatEndedMeanwhile(t *testing.T) {
	var client *directClient
	client = direct(t, holdfast.Options{}, pages{"/": count, "/destroy": destroy,
		"/age": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.SetMaxAge(time.Hour)
			client.twin().visit("/destroy")
		}})
	client.visit("/")
	assert.Empty(t, client.show("/age").Result().Cookies())
}

func TestReloadOfANewSessionDropsItsChanges(t *testing.T) {
	manager, site := manage(t, holdfast.Options{})
	record(manager.Handler(pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		assert.NoError(t, s.Reload())
		assert.Empty(t, s.Keys())
	}}.handler()), get("/"))
	assert.Zero(t, site.cache.Len())
}

func TestSaveWritesAtOnceAndTheEndDoesNotWriteAgain(t *testing.T) {
	store := &counting{Store: newCache(t)}
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
		"/save": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			before := store.updates.Load()
			s.Set("a", 1)
			err := s.Save()
			fmt.Fprint(w, err, store.updates.Load()-before)
		}})
	client.visit("/")
	before := store.updates.Load()
	assert.Equal(t, "<nil> 1", client.visit("/save"))
	assert.Equal(t, int64(1), store.updates.Load()-before)
}

func TestAnUnmodifiedSessionIsOnlyTouched(t *testing.T) {
	store := &counting{Store: newCache(t)}
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count, "/views": views})
	client.visit("/")
	sets, updates := store.sets.Load(), store.updates.Load()
	client.visit("/views")
	assert.Equal(t, []int64{sets, updates}, []int64{store.sets.Load(), store.updates.Load()})
	assert.Equal(t, int64(1), store.touches.Load())
}

func TestAPageThatDoesNotLookAtItsSessionAsksTheStoreNothing(t *testing.T) {
	store := &counting{Store: newCache(t)}
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count, "/nothing": nothing})
	client.visit("/")
	before := store.asked()
	client.visit("/nothing")
	assert.Zero(t, store.asked()-before)
}

func TestTouchMovesTheExpiryWithinALongHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{IdleTimeout: time.Hour}, pages{"/": count, "/views": views,
			"/long": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				for range 5 {
					time.Sleep(50 * time.Minute)
					require.NoError(t, s.Touch())
				}
			}})
		client.visit("/")
		client.visit("/long")
		assert.Equal(t, "1 true", client.visit("/views"))
	})
}

func TestTouchDoesNotPassTheAbsoluteLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var err error
		client := direct(t, holdfast.Options{IdleTimeout: time.Hour, AbsoluteLifetime: 90 * time.Minute}, pages{"/": count, "/views": views,
			"/long": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				time.Sleep(50 * time.Minute)
				require.NoError(t, s.Touch())
				time.Sleep(40 * time.Minute)
				err = s.Touch()
			}})
		client.visit("/")
		client.visit("/long")
		assert.ErrorIs(t, err, holdfast.ErrEnded)
		assert.Equal(t, "0 false", client.visit("/views"))
	})
}

func TestMaxAgeBelongsToOneSessionAndStaysAsItWasSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{IdleTimeout: time.Hour}, pages{"/": count, "/views": views, "/age": maxAge(10 * time.Minute)})
		other := client.anonymous()
		client.visit("/")
		other.visit("/")
		client.visit("/age")
		for range 3 {
			time.Sleep(9 * time.Minute)
			require.Equal(t, "1 true", client.visit("/views"), "each request begins ten minutes anew")
		}
		time.Sleep(10 * time.Minute)
		assert.Equal(t, "0 false", client.visit("/views"))
		assert.Equal(t, "1 true", other.visit("/views"))
	})
}

func TestMaxAgeMakesTheCookieOutliveTheBrowserSession(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": count, "/age": maxAge(90 * time.Second)})
	client.visit("/")
	assert.Zero(t, client.cookie.MaxAge)
	client.visit("/age")
	assert.Equal(t, 90, client.cookie.MaxAge)
	assert.False(t, client.cookie.Expires.IsZero())
}

func TestMaxAgeOfLessThanASecondIsAnErrorResponse(t *testing.T) {
	for _, age := range []time.Duration{-1, 1, time.Second - 1, -time.Hour} {
		client := direct(t, holdfast.Options{}, pages{"/": count, "/age": maxAge(age)})
		client.visit("/")
		assert.Equal(t, http.StatusInternalServerError, client.show("/age").Code, age)
	}
}

func TestExpiresEndsTheSessionWhateverItsActivity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := time.Now().Add(25 * time.Minute)
		client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
			"/expires": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.SetExpires(end)
				assert.True(t, s.Expires().Equal(end))
			}})
		client.visit("/")
		client.visit("/expires")
		for range 4 {
			time.Sleep(6 * time.Minute)
			require.Equal(t, "1 true", client.visit("/views"))
		}
		time.Sleep(time.Minute)
		assert.Equal(t, "0 false", client.visit("/views"))
	})
}

func TestTheZeroExpiresTakesItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expires := func(at time.Time) func(http.ResponseWriter, *http.Request, *holdfast.Session) {
			return func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.SetExpires(at) }
		}
		client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
			"/soon": expires(time.Now().Add(time.Minute)), "/never": expires(time.Time{})})
		client.visit("/")
		client.visit("/soon")
		client.visit("/never")
		time.Sleep(time.Minute)
		assert.Equal(t, "1 true", client.visit("/views"))
	})
}

func TestExpiresDoesNotPassTheAbsoluteLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{AbsoluteLifetime: time.Hour}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.SetExpires(time.Now().Add(1000 * time.Hour))
			assert.True(t, s.Expires().Equal(s.Created().Add(time.Hour)))
		}})
		client.visit("/")
	})
}

func TestAnExpiresInThePastEndsAStoredSession(t *testing.T) {
	c := newCache(t)
	client := direct(t, holdfast.Options{Store: c}, pages{"/": count, "/views": views,
		"/past": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.SetExpires(time.Unix(0, 0)) }})
	client.visit("/")
	assert.Equal(t, http.StatusOK, client.show("/past").Code)
	assert.Zero(t, c.Len())
}

func TestAllLenAndClearSeeEverySessionOfTheManagersStore(t *testing.T) {
	c := newCache(t)
	manager, _ := manage(t, holdfast.Options{Store: c})
	client := &directClient{handler: manager.Handler(pages{"/": count, "/views": views}.handler())}
	for range 3 {
		client.anonymous().visit("/")
	}
	client.visit("/")

	n, err := manager.Len()
	require.NoError(t, err)
	assert.Equal(t, 4, n)

	all, err := manager.All()
	require.NoError(t, err)
	handles := map[string]bool{}
	for info := range all {
		handles[info.Handle] = true
	}
	assert.Len(t, handles, 4)

	cleared, err := manager.Clear()
	require.NoError(t, err)
	assert.Equal(t, 4, cleared)
	assert.Zero(t, c.Len())
	assert.Equal(t, "0 false", client.visit("/views"))
}

func TestAllMayBeLeftEarly(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{})
	client := &directClient{handler: manager.Handler(pages{"/": count}.handler())}
	for range 3 {
		client.anonymous().visit("/")
	}
	all, err := manager.All()
	require.NoError(t, err)
	for range all {
		break
	}
}

func TestOthersDataInTheSameCacheIsNoSession(t *testing.T) {
	c := newCache(t)
	manager, _ := manage(t, holdfast.Options{Store: c})
	require.NoError(t, c.Set("someone else's", []byte("data"), time.Hour))
	require.NoError(t, c.Set("someone else's, version 1", []byte{1, 2, 3}, time.Hour))
	n, err := manager.Len()
	require.NoError(t, err)
	assert.Zero(t, n)
	_, err = manager.Clear()
	require.NoError(t, err)
	assert.Equal(t, 2, c.Len())
}

func TestWithoutMatchingFindingSessionsIsUnsupported(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{Store: &counting{Store: newCache(t)}})
	_, sessions := manager.Sessions("ada")
	_, all := manager.All()
	_, length := manager.Len()
	_, cleared := manager.Clear()
	_, ended := manager.EndUser("ada")
	for _, err := range []error{sessions, all, length, cleared, ended} {
		assert.ErrorIs(t, err, holdfast.ErrUnsupported)
	}
}

func TestAResponseThatEndsTwiceIsHarmless(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		count(w, r, s)
		http.Redirect(w, r, "/elsewhere", http.StatusSeeOther)
		http.Error(w, "and once more", http.StatusTeapot)
	}})
	ada := site.browser()
	first := ada.visit("/")
	assert.Equal(t, http.StatusOK, first.StatusCode)
	assert.Len(t, first.Header.Values("Set-Cookie"), 1)
	assert.True(t, strings.HasPrefix(ada.visit("/").text, "2"))
}

func TestARequestWithAnEmptyURLIsHarmless(t *testing.T) {
	for name, carrier := range map[string]holdfast.Carrier{
		"Cookie": holdfast.Cookie{}, "Cookie with a path": holdfast.Cookie{Path: "/app"}, "Header": holdfast.Header{},
		"Form": holdfast.Form{}, "Query": holdfast.Query{},
	} {
		t.Run(name, func(t *testing.T) {
			manager, _ := manage(t, holdfast.Options{Carrier: carrier})
			handler := manager.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if s, ok := holdfast.FromContext(r.Context()); ok {
					s.Set("a", 1)
				}
			}))
			request := &http.Request{Method: http.MethodPost, URL: &url.URL{}, Header: http.Header{}}
			assert.Equal(t, http.StatusOK, record(handler, request).Code)
		})
	}
}

func TestKeysAreAnyStringsAndNoneIsReserved(t *testing.T) {
	keys := []string{"", "id", "cookie", "user", "expires", "__proto__", "constructor", "toString", "a.b", "\x00", "\xff", "ä", strings.Repeat("k", 1000)}
	client := direct(t, holdfast.Options{}, pages{
		"/set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			for i, key := range keys {
				s.Set(key, i)
			}
		},
		"/get": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			assert.ElementsMatch(t, keys, s.Keys())
			for i, key := range keys {
				got, _ := holdfast.Get[int](s, key)
				assert.Equal(t, i, got, "%.20q", key)
			}
			assert.Empty(t, s.UserID())
		}})
	client.visit("/set")
	client.visit("/get")
}

func TestWhoHasReadTheWholeBodyFindsTheSessionStoredThoughTheHandlerGoesOn(t *testing.T) {
	bodies := map[string]func(w http.ResponseWriter){
		"empty": func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) },
		"of fixed length": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "4")
			io.WriteString(w, "body")
		},
		"of many writes": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			for range 100 {
				io.WriteString(w, "x")
			}
		},
		"a redirect": func(w http.ResponseWriter) {
			w.Header().Set("Location", "/views")
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusSeeOther)
		},
	}
	for name, write := range bodies {
		t.Run(name, func(t *testing.T) {
			proceed := make(chan struct{})
			site := serve(t, holdfast.Options{}, pages{"/views": views,
				"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.Set("views", 1)
					write(w)
					http.NewResponseController(w).Flush()
					<-proceed
				}})
			defer close(proceed)
			response := site.with("", "/")
			next := site.browser() // on a connection of its own, as the first one is busy
			next.Transport = &http.Transport{DisableKeepAlives: true}
			next.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			next.Jar.SetCookies(response.Request.URL, response.Cookies())
			assert.Equal(t, "1 true", next.visit("/views").text)
		})
	}
}

// A second version of a program meets what the first has stored.
type (
	userV1 struct {
		Name  string
		Age   int
		Email string `json:"mail" msgpack:"mail"`
		Gone  string
	}
	userV2 struct {
		Name  string
		Age   int64
		Mail  string `json:"mail" msgpack:"mail"`
		Roles []string
		Boss  *userV2
	}
)

func TestAStructOfOneVersionIsReadByTheNext(t *testing.T) {
	sealed, err := codec.NewSealed(codec.MsgPack{}, firstKey)
	require.NoError(t, err)
	for name, c := range map[string]codec.Codec{"MsgPack": codec.MsgPack{}, "JSON": codec.JSON{}, "Sealed": sealed} {
		t.Run(name, func(t *testing.T) {
			client := direct(t, holdfast.Options{Codec: c}, pages{
				"/v1": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.Set("user", userV1{"Ada", 36, "ada@example.org", "dropped"})
				},
				"/v2": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					user, ok := holdfast.Get[userV2](s, "user")
					assert.True(t, ok)
					assert.Equal(t, userV2{Name: "Ada", Age: 36, Mail: "ada@example.org"}, user)
					s.Set("user", userV2{Name: "Ada", Roles: []string{"editor"}})
				},
				"/back": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					user, ok := holdfast.Get[userV1](s, "user")
					assert.True(t, ok)
					assert.Equal(t, userV1{Name: "Ada"}, user)
				}})
			client.visit("/v1")
			client.visit("/v2")
			client.visit("/back")
		})
	}
}

func TestAValueOfAnotherTypeIsNotThereForGetAndStaysAsItIs(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("n", 300)
		_, asString := holdfast.Get[string](s, "n")
		_, asByte := holdfast.Get[uint8](s, "n")
		n, asInt := holdfast.Get[int](s, "n")
		fmt.Fprint(w, asString, asByte, n, asInt)
	}})
	assert.Equal(t, "false false 300 true", client.visit("/"))
}

func TestSealedValuesAreUnreadableInTheStoreAndNobodyElsesBytesAreTakenForThem(t *testing.T) {
	sealed, err := codec.NewSealed(codec.MsgPack{}, firstKey)
	require.NoError(t, err)
	c := newCache(t)
	client := direct(t, holdfast.Options{Store: c, Codec: sealed}, pages{
		"/set": func(_ http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.Set("secret", "plain text of "+r.URL.Query().Get("name"))
		},
		"/get": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			text, ok := holdfast.Get[string](s, "secret")
			fmt.Fprint(w, text, " ", ok)
		}})
	mallory := client.anonymous()
	client.visit("/set?name=ada")
	records := map[string][]byte{}
	for id, raw := range c.All() {
		records[id] = raw
		assert.NotContains(t, string(raw), "plain text")
	}
	mallory.visit("/set?name=mallory")
	require.Equal(t, "plain text of ada true", client.visit("/get"))

	for id := range c.All() {
		if _, adas := records[id]; !adas {
			for _, raw := range records {
				require.NoError(t, c.Set(id, raw, time.Hour)) // Ada's record under Mallory's ID
			}
		}
	}

	assert.Equal(t, " false", mallory.visit("/get"))
}

func TestSealedOpensWithAnOldKeyAndSealsWithTheNew(t *testing.T) {
	c := newCache(t)
	with := func(cookie *http.Cookie, keys ...[]byte) *directClient {
		sealed, err := codec.NewSealed(codec.JSON{}, keys...)
		require.NoError(t, err)
		client := direct(t, holdfast.Options{Store: c, Codec: sealed}, pages{"/": count, "/views": views, "/regenerate": regenerate})
		client.cookie = cookie
		return client
	}
	old := with(nil, firstKey)
	old.visit("/")
	rotated := with(old.cookie, secondKey, firstKey)
	require.Equal(t, "1 true", rotated.visit("/views"))

	rotated.visit("/regenerate")

	assert.Equal(t, "1 true", with(rotated.cookie, secondKey).visit("/views"), "a new ID means sealed anew")
}

func TestValuesOfEveryCommonTypeComeBack(t *testing.T) {
	when := time.Date(2026, 11, 23, 13, 0, 0, 123456789, time.UTC)
	client := direct(t, holdfast.Options{}, pages{
		"/set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("bool", true)
			s.Set("int", -1)
			s.Set("float", 1.5)
			s.Set("bytes", []byte{0, 255})
			s.Set("time", when)
			s.Set("duration", time.Hour)
			s.Set("map", map[string]int{"a": 1})
			s.Set("nil", nil)
			s.Set("any", []any{1, "a", nil})
		},
		"/get": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			assertValue(t, s, "bool", true)
			assertValue(t, s, "int", -1)
			assertValue(t, s, "float", 1.5)
			assertValue(t, s, "bytes", []byte{0, 255})
			assertValue(t, s, "duration", time.Hour)
			assertValue(t, s, "map", map[string]int{"a": 1})
			assertValue[any](t, s, "nil", nil)
			assertValue[any](t, s, "any", []any{1, "a", nil})
			got, _ := holdfast.Get[time.Time](s, "time")
			assert.True(t, got.Equal(when), strconv.Itoa(got.Nanosecond()))
		}})
	client.visit("/set")
	client.visit("/get")
}

func assertValue[T any](t *testing.T, s *holdfast.Session, key string, want T) {
	t.Helper()
	got, ok := holdfast.Get[T](s, key)
	assert.True(t, ok, key)
	assert.Equal(t, want, got, key)
}
