package holdfast_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime/multipart"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/codec"
)

// Corners where sessions have been lost, doubled or kept too long.

func TestARequestWithinTheIdleTimeoutKeepsTheSessionHoweverLongItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{IdleTimeout: time.Hour}, pages{"/": count, "/views": views,
			"/slow": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.IsNew()
				time.Sleep(2 * time.Minute)
			}})
		client.visit("/")
		time.Sleep(59 * time.Minute)
		client.visit("/slow")
		assert.Equal(t, "1 true", client.visit("/views"))
	})
}

func TestASlowReadDoesNotUndoAnIdleTimeoutSetMeanwhile(t *testing.T) {
	for name, test := range map[string]struct {
		age, away time.Duration
		want      string
	}{
		"a longer one":  {3 * time.Hour, 2 * time.Hour, "1 true"},
		"a shorter one": {time.Minute, 2 * time.Minute, "0 false"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				loaded, proceed := make(chan struct{}), make(chan struct{})
				client := direct(t, holdfast.Options{IdleTimeout: time.Hour}, pages{"/": count, "/views": views,
					"/slow": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
						s.IsNew()
						close(loaded)
						<-proceed
					},
					"/age": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.SetMaxAge(test.age) },
				})
				client.visit("/")
				done := make(chan struct{})
				slow := &directClient{handler: client.handler, cookie: client.cookie}
				go func() { slow.visit("/slow"); close(done) }()
				<-loaded
				client.visit("/age")
				close(proceed)
				<-done

				time.Sleep(test.away)

				assert.Equal(t, test.want, client.visit("/views"))
			})
		})
	}
}

func TestAnExpiryCenturiesAwayDoesNotEndTheSession(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/never": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.SetExpires(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))
		}})
	client.visit("/")
	client.visit("/never")
	assert.Equal(t, "1 true", client.visit("/views"))
}

func TestANewSessionThatExpiresAtOnceIsNoError(t *testing.T) {
	manager, site := manage(t, holdfast.Options{})
	handler := manager.Handler(pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		s.SetExpires(time.Now().Add(-time.Second))
	}}.handler())
	assert.Equal(t, http.StatusOK, record(handler, get("/")).Code)
	assert.Zero(t, site.cache.Len())
}

func TestSessionsThatNeverExpireMayHaveAPersistentCookie(t *testing.T) {
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

func TestAValueSetAndPoppedInTheFirstRequestIsGone(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("flash", "hello")
		first, _ := holdfast.Pop[string](s, "flash")
		second, again := holdfast.Pop[string](s, "flash")
		fmt.Fprintf(w, "%q %q %v %v", first, second, again, s.Keys())
	}})
	assert.Equal(t, `"hello" "" false []`, client.visit("/"))
}

func TestALoginThatFailedLogsNobodyIn(t *testing.T) {
	store := &frail{Store: newCache(t)}
	client := direct(t, holdfast.Options{Store: store}, pages{
		"/login": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("seen", true)
			store.failNextSet.Store(true)
			fmt.Fprint(w, s.Login("ada") != nil, " ", s.UserID())
		},
		"/who": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.UserID()) },
	})
	assert.Equal(t, "true ", client.visit("/login"))
	assert.Empty(t, client.visit("/who"))
}

func TestDestroyOfASessionThatCouldNotBeReadIsAnError(t *testing.T) {
	store := &away{Store: newCache(t)}
	errs := make(chan error, 1)
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
		"/destroy": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { errs <- s.Destroy() }})
	client.visit("/")
	store.away.Store(true)
	client.visit("/destroy")
	assert.ErrorIs(t, <-errs, errAway)
}

func TestReloadOfASessionThatCouldNotBeRead(t *testing.T) {
	t.Run("is an error while the store is away", func(t *testing.T) {
		store := &away{Store: newCache(t)}
		errs := make(chan error, 1)
		client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
			"/reload": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { errs <- s.Reload() }})
		client.visit("/")
		store.away.Store(true)
		client.visit("/reload")
		assert.ErrorIs(t, <-errs, errAway)
	})
}

func TestAnErrorAfterALoginStillHandsOverTheNewID(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/login": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Login("ada")
			s.Set("bad", make(chan int))
		}})
	client.visit("/")
	client.visit("/login")
	assert.Equal(t, "1 true", client.visit("/views"), "the old ID is dead, so the client needs the new one")
}

func TestAHijackThatMiddlewareHidesBehindUnwrapStoresTheSessionFirst(t *testing.T) {
	type unwrapping struct{ wrapsOnly }
	manager, site := manage(t, holdfast.Options{})
	handler := manager.Handler(pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 200 OK\r\nSet-Cookie: %s\r\nContent-Length: 0\r\n\r\n", w.Header().Get("Set-Cookie"))
		rw.Flush()
	}}.handler())
	site.serveHandler(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(unwrapping{wrapsOnly{w}}, r) })
	assert.NotNil(t, site.with("", "/").cookie())
}

// wrapsOnly is what much middleware puts around a response: no ability but
// Unwrap.
type wrapsOnly struct{ http.ResponseWriter }

func (w wrapsOnly) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestAResponseThatCarriesATokenInAHeaderIsNotCacheable(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{Carrier: holdfast.Header{}})
	handler := manager.Handler(pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		s.Set("a", 1)
	}}.handler())
	response := record(handler, get("/"))
	require.NotEmpty(t, response.Header().Get("X-Session"))
	assert.Equal(t, "no-store", response.Header().Get("Cache-Control"))
}

func TestAPageWhoseURLCarriesATokenTellsNobodyTheURL(t *testing.T) {
	var token string
	manager, _ := manage(t, holdfast.Options{Carrier: holdfast.Query{}})
	handler := manager.Handler(pages{
		"/":       func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("a", 1); token = s.Token() },
		"/static": func(http.ResponseWriter, *http.Request, *holdfast.Session) {},
	}.handler())
	record(handler, get("/"))
	header := record(handler, get("/static?session="+token)).Header()
	assert.Equal(t, "no-referrer", header.Get("Referrer-Policy"), "whether or not the page looks at the session")
	assert.Equal(t, "no-store", header.Get("Cache-Control"))
}

func TestAGeneratorThatRepeatsAnIDHandsOutNobodysSession(t *testing.T) {
	client := direct(t, holdfast.Options{NewID: func(*http.Request) (string, error) { return strings.Repeat("A", 22), nil }},
		pages{"/": count, "/views": views, "/set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("mallory", true) }})
	client.visit("/")
	client.anonymous().visit("/set")
	assert.Equal(t, "1 true", client.visit("/views"), "Ada's session is as it was")
}

func TestRegenerateWithAGeneratorThatRepeatsTheIDIsAnErrorAndNotALoop(t *testing.T) {
	store := &frail{Store: newCache(t), setsAllowed: 100}
	var err error
	client := direct(t, holdfast.Options{Store: store, NewID: func(*http.Request) (string, error) { return strings.Repeat("A", 22), nil }},
		pages{"/": count, "/views": views,
			"/regenerate": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { err = s.Regenerate() }})
	client.visit("/")
	client.visit("/regenerate")
	assert.ErrorIs(t, err, holdfast.ErrID)
	assert.Equal(t, "1 true", client.visit("/views"), "the session is as it was")
}

func TestErrorsContainNoValue(t *testing.T) {
	for name, c := range map[string]codec.Codec{"MsgPack": codec.MsgPack{}, "JSON": codec.JSON{}} {
		t.Run(name, func(t *testing.T) {
			client := direct(t, holdfast.Options{Codec: c}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Set("text", "secret-value")
				s.Set("number", 123456789)
				for _, key := range []string{"text", "number"} {
					_, asTime := holdfast.Update(s, key, func(v time.Time) time.Time { return v })
					_, asBool := holdfast.Update(s, key, func(v bool) bool { return v })
					_, asByte := holdfast.Update(s, key, func(v uint8) uint8 { return v })
					for _, err := range []error{asTime, asBool, asByte} {
						assert.ErrorIs(t, err, holdfast.ErrValue)
						assert.NotContains(t, fmt.Sprint(err), "secret-value")
						assert.NotContains(t, fmt.Sprint(err), "123456789")
					}
				}
			}})
			client.visit("/")
		})
	}
}

func TestEndWithAHandleThatIsNoneEndsNothingAndIsNoError(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{})
	for _, handle := range []string{"", "00", "zz", "../x", strings.Repeat("00", 1<<17)} {
		ended, err := manager.End("ada", handle)
		assert.NoError(t, err, "%.20q", handle)
		assert.False(t, ended, "%.20q", handle)
	}
}

func TestEndUserAlsoEndsASessionThatGetsANewIDMeanwhile(t *testing.T) {
	store := &meddling{Matcher: newCache(t)}
	manager, _ := manage(t, holdfast.Options{Store: store})
	client := &directClient{handler: manager.Handler(pages{
		"/login":      func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Login("ada") },
		"/regenerate": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Regenerate() },
		"/who":        func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.UserID()) },
	}.handler())}
	client.visit("/login")
	store.afterListing = func() { client.visit("/regenerate") }

	_, err := manager.EndUser("ada")

	require.NoError(t, err)
	assert.Empty(t, client.visit("/who"))
}

// meddling is a store in which something happens between a listing and what
// is done on the sight of it.
type meddling struct {
	holdfast.Matcher
	afterListing func()
}

func (m *meddling) Matching(prefix []byte) iter.Seq[cache.Entry] {
	return func(yield func(cache.Entry) bool) {
		for entry := range m.Matcher.Matching(prefix) {
			if !yield(entry) {
				break
			}
		}
		if happens := m.afterListing; happens != nil {
			m.afterListing = nil
			happens()
		}
	}
}

func TestASessionThatSetExpiresEndsIsToldAtOnceToWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waited time.Duration
		client := direct(t, holdfast.Options{}, pages{"/": count,
			"/wait": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				start := time.Now()
				<-s.Ended()
				waited = time.Since(start)
			},
			"/expire": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.SetExpires(time.Now().Add(-1)) },
		})
		client.visit("/")
		waiting := &directClient{handler: client.handler, cookie: client.cookie}
		done := make(chan struct{})
		go func() { waiting.visit("/wait"); close(done) }()
		synctest.Wait()
		client.visit("/expire")
		<-done
		assert.Zero(t, waited)
	})
}

func TestChangingTheGivenOptionsAfterwardsChangesNothing(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	manager, _ := manage(t, holdfast.Options{TrustedProxies: proxies})
	proxies[0] = netip.MustParsePrefix("0.0.0.0/0")
	request := get("/")
	request.RemoteAddr = "192.0.2.1:1"
	request.Header.Set("X-Forwarded-Proto", "https")
	assert.NotContains(t, record(manager.Handler(pages{"/": count}.handler()), request).Header().Get("Set-Cookie"), "Secure")
}

func TestACookieThatBrowsersDropOverPlainHTTPIsLogged(t *testing.T) {
	for name, cookie := range map[string]holdfast.Cookie{
		"SecureAlways":     {Secure: holdfast.SecureAlways},
		"a __Host- name":   {Name: "__Host-own"},
		"a __Secure- name": {Name: "__Secure-own"},
		"SameSite=None":    {SameSite: http.SameSiteNoneMode},
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

func TestAnErrorResponseHasNothingOfTheOneThatItReplaces(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{})
	handler := manager.Handler(pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("ETag", `"1"`)
		s.Set("bad", make(chan int))
	}}.handler())
	response := record(handler, get("/"))
	require.Equal(t, http.StatusInternalServerError, response.Code)
	assert.NotContains(t, response.Header().Get("Cache-Control"), "public")
	assert.Empty(t, response.Header().Get("Content-Encoding"))
	assert.Empty(t, response.Header().Get("ETag"))
}

func TestACookieTooLargeStoresNothing(t *testing.T) {
	manager, site := manage(t, holdfast.Options{Carrier: holdfast.CookieFunc(func(*http.Request) holdfast.Cookie {
		return holdfast.Cookie{Name: strings.Repeat("a", 4096)}
	})})
	record(manager.Handler(pages{"/": count}.handler()), get("/"))
	assert.Zero(t, site.cache.Len(), "nobody will ever have a cookie for it")
}

func TestUploadedFilesLeaveNothingBehind(t *testing.T) {
	for name, carrier := range map[string]holdfast.Carrier{"Cookie": holdfast.Cookie{}, "Form": holdfast.Form{}} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			inside := make(chan int, 1)
			site := serve(t, holdfast.Options{Carrier: carrier}, pages{"/": func(_ http.ResponseWriter, r *http.Request, _ *holdfast.Session) {
				r.ParseMultipartForm(1 << 10)
				inside <- len(tempFiles(t))
			}})
			var body bytes.Buffer
			form := multipart.NewWriter(&body)
			part, err := form.CreateFormFile("file", "large")
			require.NoError(t, err)
			part.Write(make([]byte, 33<<20))
			form.Close()

			response, err := http.Post(site.url, form.FormDataContentType(), &body)

			require.NoError(t, err)
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
			require.Equal(t, 1, <-inside, "the file lies on the disk while the handler runs")
			http.DefaultClient.CloseIdleConnections()
			assert.Eventually(t, func() bool { return len(tempFiles(t)) == 0 }, time.Second, time.Millisecond)
		})
	}
}

func tempFiles(t *testing.T) []os.DirEntry {
	t.Helper()
	files, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	return files
}

func TestHandlersOfTwoManagersAroundEachOtherAreOneSessionEach(t *testing.T) {
	outer, _ := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Name: "a_session"}})
	inner, _ := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Name: "b_session"}})
	handler := outer.Handler(pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		inner.Handler(outer.Handler(pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.Set("b", 1)
		}}.handler())).ServeHTTP(w, r)
	}}.handler())
	names := map[string]int{}
	for _, cookie := range record(handler, get("/")).Result().Cookies() {
		names[cookie.Name]++
	}
	assert.LessOrEqual(t, names["a_session"], 1)
}

func TestAnInfoWithinAnotherStructPrintsNoValue(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{}, nil)
	request := get("/login?user=ada")
	request.Header.Set("User-Agent", "secret-agent")
	client.send(request)
	sessions, err := manager.Sessions("ada")
	require.NoError(t, err)
	require.Len(t, sessions, 1)
	page := struct{ info holdfast.Info }{sessions[0]}
	for _, verb := range []string{"%v", "%+v", "%s", "%x"} {
		printed := fmt.Sprintf(verb, page)
		assert.NotContains(t, printed, "secret-agent", verb)
		assert.NotContains(t, printed, fmt.Sprintf("%x", "secret-agent"), verb)
		assert.NotContains(t, printed, strings.Trim(fmt.Sprint([]byte("secret-agent")), "[]"), verb)
	}
}

func TestASessionThatEndedElsewhereEndsNoOthers(t *testing.T) {
	var stolen *directClient
	_, client := userSite(t, holdfast.Options{}, pages{"/others": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.IsNew()
		stolen.twin().visit("/destroy")
		n, err := s.EndOthers()
		fmt.Fprint(w, n, errors.Is(err, holdfast.ErrEnded))
	}})
	other := client.anonymous()
	other.visit("/login?user=ada")
	client.visit("/login?user=ada")
	stolen = client.twin()
	assert.Equal(t, "0 true", client.visit("/others"))
	assert.Equal(t, "ada", other.visit("/who"))
}

// frail is a store whose Set fails once, or after so many.
type frail struct {
	holdfast.Store
	failNextSet atomic.Bool
	setsAllowed int64 // 0: any number
	sets        atomic.Int64
}

func (s *frail) Set(id string, value []byte, ttl time.Duration) error {
	n := s.sets.Add(1)
	if s.failNextSet.CompareAndSwap(true, false) || s.setsAllowed > 0 && n > s.setsAllowed {
		return errAway
	}
	return s.Store.Set(id, value, ttl)
}
