package holdfast_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// Sessions among everything else that net/http can do, and under handlers that
// misbehave.

func TestWithinATimeoutHandlerTheCookieArrives(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{})
	client := &directClient{handler: http.TimeoutHandler(manager.Handler(pages{"/": count}.handler()), time.Minute, "too late")}
	assert.Equal(t, "1", client.visit("/"))
	assert.Equal(t, "2", client.visit("/"))
}

func TestAroundATimeoutHandlerTheCookieArrives(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{})
	client := &directClient{handler: manager.Handler(http.TimeoutHandler(pages{"/": count}.handler(), time.Minute, "too late"))}
	assert.Equal(t, "1", client.visit("/"))
	assert.Equal(t, "2", client.visit("/"))
}

func TestAHandlerThatTimedOutMayStillSave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		manager, _ := manage(t, holdfast.Options{})
		saved := make(chan error, 1)
		client := &directClient{handler: manager.Handler(http.TimeoutHandler(pages{"/": count, "/views": views,
			"/slow": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				holdfast.Update(s, "views", func(n int) int { return n + 1 })
				time.Sleep(2 * time.Minute)
				s.Set("views", 100)
				saved <- s.Save()
			}}.handler(), time.Minute, "too late"))}
		client.visit("/")
		assert.Equal(t, "too late", client.visit("/slow"))
		assert.Equal(t, "2 true", client.visit("/views"))
		assert.NoError(t, <-saved)
		assert.Equal(t, "100 true", client.visit("/views"))
	})
}

func TestAGoroutineThatOutlivesItsRequestMaySave(t *testing.T) {
	site := make(chan *holdfast.Session, 1)
	client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/later": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.IsNew(); site <- s }})
	client.visit("/")
	client.visit("/later")
	s := <-site
	s.Set("views", 7)
	require.NoError(t, s.Save())
	assert.Equal(t, "7 true", client.visit("/views"))
}

func TestANewSessionAfterItsRequestIsDoneIsAnError(t *testing.T) {
	sessions := make(chan *holdfast.Session, 1)
	client := direct(t, holdfast.Options{}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { sessions <- s }})
	client.visit("/")
	s := <-sessions
	s.Set("a", 1)
	assert.ErrorIs(t, s.Save(), holdfast.ErrHeaderSent)
}

func TestARequestBodyOverTheLimitIsTheHandlersToAnswer(t *testing.T) {
	for name, carrier := range map[string]holdfast.Carrier{"Cookie": holdfast.Cookie{}, "Form": holdfast.Form{}} {
		t.Run(name, func(t *testing.T) {
			manager, _ := manage(t, holdfast.Options{Carrier: carrier})
			server := httptest.NewServer(http.MaxBytesHandler(manager.Handler(pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
				s.Set("a", 1)
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					http.Error(w, "too large", http.StatusRequestEntityTooLarge)
				}
			}}.handler()), 10))
			defer server.Close()
			response, err := http.Post(server.URL, "application/x-www-form-urlencoded", strings.NewReader(strings.Repeat("a", 1000)))
			require.NoError(t, err)
			defer response.Body.Close()
			assert.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
		})
	}
}

func TestAReverseProxyBelowKeepsBothSidesCookies(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		http.SetCookie(w, &http.Cookie{Name: "backend", Value: "1"})
		fmt.Fprint(w, "from the backend")
	}))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		proxy.ServeHTTP(w, r)
	}})
	shown := site.with("", "/")
	assert.Equal(t, "from the backend", shown.text)
	assert.Len(t, shown.Header.Values("Set-Cookie"), 2)
	assert.NotNil(t, shown.cookie())
}

func TestAConnectionUpgradedByAReverseProxyBringsTheCookie(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		rw.Flush()
		line, _ := rw.ReadString('\n')
		fmt.Fprint(rw, line)
		rw.Flush()
	}))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		proxy.ServeHTTP(w, r)
	}})
	request, _ := http.NewRequest(http.MethodGet, site.url, nil)
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "echo")

	response, err := http.DefaultTransport.RoundTrip(request)

	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	assert.NotEmpty(t, response.Header.Get("Set-Cookie"))
	fmt.Fprint(response.Body.(io.Writer), "hello\n")
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "hello\n", line)
}

func TestChangesAfterAHijackAreStored(t *testing.T) {
	done := make(chan struct{})
	manager, site := manage(t, holdfast.Options{})
	handler := manager.Handler(pages{"/": count, "/views": views,
		"/socket": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			conn.Close()
			s.Set("views", 9)
		}}.handler())
	site.serveHandler(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		if r.URL.Path == "/socket" {
			close(done)
		}
	})
	ada := site.browser()
	ada.visit("/")
	ada.visit("/socket")
	<-done
	assert.Equal(t, "9 true", ada.visit("/views").text)
}

func TestAHijackWhoseSessionCannotBeStoredIsAnErrorResponse(t *testing.T) {
	c := newCache(t)
	site := serve(t, holdfast.Options{Store: c}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		_, _, err := http.NewResponseController(w).Hijack()
		assert.ErrorIs(t, err, cache.ErrClosed)
	}})
	c.Close()
	assert.Equal(t, http.StatusInternalServerError, site.with("", "/").StatusCode)
}

func TestEarlyHintsCarryNoCookieAndTheResponseOne(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusProcessing)
	}})
	var hinted []textproto.MIMEHeader
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
		hinted = append(hinted, h)
		return nil
	}})
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, site.url, nil)
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	shown := read(t, response)
	require.Len(t, hinted, 2)
	assert.NotContains(t, fmt.Sprint(hinted), "session=")
	assert.NotNil(t, shown.cookie())
}

func TestResponsesWithoutABodyBringTheCookie(t *testing.T) {
	for name, status := range map[string]int{"204": http.StatusNoContent, "304": http.StatusNotModified, "nothing written": 0} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodDelete} {
			t.Run(method+" "+name, func(t *testing.T) {
				site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.Set("a", 1)
					if status != 0 {
						w.WriteHeader(status)
					}
				}})
				request, _ := http.NewRequest(method, site.url, nil)
				response, err := http.DefaultTransport.RoundTrip(request)
				require.NoError(t, err)
				assert.NotNil(t, read(t, response).cookie())
			})
		}
	}
}

func TestTrailersArrive(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		w.Header().Set("Trailer", "Declared")
		fmt.Fprint(w, "body")
		w.Header().Set("Declared", "1")
		w.Header().Set(http.TrailerPrefix+"Undeclared", "2")
	}})
	shown := site.with("", "/")
	assert.NotNil(t, shown.cookie())
	assert.Equal(t, "1", shown.Trailer.Get("Declared"))
	assert.Equal(t, "2", shown.Trailer.Get("Undeclared"))
}

func TestOverHTTP2SessionsAndStreamsWork(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{})
	server := httptest.NewUnstartedServer(manager.Handler(pages{"/": count,
		"/stream": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			controller := http.NewResponseController(w)
			assert.NoError(t, controller.EnableFullDuplex())
			assert.NoError(t, controller.SetWriteDeadline(time.Now().Add(time.Minute)))
			assert.NoError(t, controller.SetReadDeadline(time.Now().Add(time.Minute)))
			for range 3 {
				fmt.Fprint(w, "x")
				assert.NoError(t, controller.Flush())
			}
			holdfast.Update(s, "views", func(n int) int { return n + 10 })
		}}.handler()))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	client := server.Client()
	client.Jar = newJar(t)
	ada := &browser{client, &site{t: t, url: server.URL}}

	first := ada.visit("/")
	assert.Equal(t, 2, first.ProtoMajor)
	assert.Equal(t, "__Host-session", first.cookie().Name)
	assert.Equal(t, "xxx", ada.visit("/stream").text)
	assert.Equal(t, "12", ada.visit("/").text)
}

func TestOverHTTP1TheResponseControllerReachesTheConnection(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, _ *holdfast.Session) {
		controller := http.NewResponseController(w)
		assert.NoError(t, controller.EnableFullDuplex())
		assert.NoError(t, controller.SetWriteDeadline(time.Now().Add(time.Minute)))
		assert.NoError(t, controller.SetReadDeadline(time.Now().Add(time.Minute)))
		assert.NoError(t, controller.Flush())
	}})
	assert.Equal(t, http.StatusOK, site.with("", "/").StatusCode)
}

func TestAnAbortedHandlerAbortsTheResponseAndStoresNothing(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		panic(http.ErrAbortHandler)
	}})
	_, err := http.Get(site.url)
	assert.Error(t, err)
	assert.Zero(t, site.cache.Len())
}

func TestAPanicInUpdatesFunctionReleasesTheSessionAndChangesNothing(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/panic": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			func() {
				defer func() { fmt.Fprint(w, recover(), " ") }()
				holdfast.Update(s, "views", func(int) int { panic("boom") })
			}()
			n, err := holdfast.Update(s, "views", func(n int) int { return n + 1 })
			fmt.Fprint(w, n, err)
		}})
	client.visit("/")
	assert.Equal(t, "boom 2 <nil>", client.visit("/panic"))
	assert.Equal(t, "2 true", client.visit("/views"))
}

func TestAllMethodsMayBeCalledAtOnce(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/all": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			var calls sync.WaitGroup
			for range 20 {
				for _, call := range []func(){
					func() { s.Set("a", 1) }, func() { s.Delete("a") }, func() { s.Keys() }, func() { s.ID() }, func() { s.Token() },
					func() { s.IsNew() }, func() { s.Created() }, func() { s.Expires() }, func() { s.SetMaxAge(time.Minute) },
					func() { s.SetExpires(time.Time{}) }, func() { s.Touch() }, func() { s.Save() }, func() { s.Reload() }, func() { s.Err() },
					func() { s.Regenerate() }, func() { s.Login("ada") }, func() { s.UserID() },
					func() { holdfast.Get[int](s, "a") }, func() { holdfast.Pop[int](s, "a") }, func() { _ = fmt.Sprint(s) },
					func() { holdfast.Update(s, "views", func(n int) int { return n + 1 }) },
				} {
					calls.Go(call)
				}
			}
			calls.Wait()
		}})
	client.visit("/")
	require.Equal(t, http.StatusOK, client.show("/all").Code)
	assert.Equal(t, "21 true", client.visit("/views"))
}

func TestRequestsAtOnceThatIncrementLoseNoStepEvenWhileTheIDChanges(t *testing.T) {
	var mu sync.Mutex
	steps := 1
	client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views, "/regenerate": regenerate,
		"/step": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			if s.IsNew() {
				return // it came after the ID had changed
			}
			if _, err := holdfast.Update(s, "views", func(n int) int { return n + 1 }); err == nil {
				mu.Lock()
				steps++
				mu.Unlock()
			}
		}})
	client.visit("/")
	for range 50 {
		var requests sync.WaitGroup
		for range 8 {
			twin := client.twin()
			requests.Go(func() { twin.visit("/step") })
		}
		requests.Go(func() { client.visit("/regenerate") })
		requests.Wait()
	}
	assert.Equal(t, fmt.Sprint(steps, " true"), client.visit("/views"))
}

func TestAThousandKeysAreAThousandKeys(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{
		"/set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			for i := range 1000 {
				s.Set(fmt.Sprint(i), i)
			}
		},
		"/get": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			sum := 0
			for _, key := range s.Keys() {
				n, _ := holdfast.Get[int](s, key)
				sum += n
			}
			fmt.Fprint(w, len(s.Keys()), " ", sum)
		}})
	client.visit("/set")
	assert.Equal(t, "1000 499500", client.visit("/get"))
}

func TestAValueTooLargeForTheStoreIsAnErrorAndLeavesTheSessionAsItWas(t *testing.T) {
	var told error
	client := direct(t, holdfast.Options{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
		told = err
		w.WriteHeader(http.StatusInternalServerError)
	}}, pages{"/": count, "/views": views, "/large": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("views", 100)
		s.Set("large", make([]byte, 2<<20))
	}})
	client.visit("/")
	assert.Equal(t, http.StatusInternalServerError, client.show("/large").Code)
	assert.ErrorIs(t, told, cache.ErrTooLarge)
	assert.Equal(t, "1 true", client.visit("/views"))
	assert.Equal(t, http.StatusInternalServerError, client.anonymous().show("/large").Code)
}

func TestARegenerateThatDoesNotFitLeavesTheSessionAsItWas(t *testing.T) {
	c := newCache(t)
	var told error
	client := direct(t, holdfast.Options{Store: c}, pages{"/": count, "/views": views,
		"/large": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("large", make([]byte, 2<<20))
			told = s.Regenerate()
			s.Reload()
		}})
	client.visit("/")
	client.visit("/large")
	assert.ErrorIs(t, told, cache.ErrTooLarge)
	assert.Equal(t, "1 true", client.visit("/views"))
	assert.Equal(t, 1, c.Len())
}

func TestTheSmallestCacheStillKeepsTheLatestSession(t *testing.T) {
	c, err := cache.New(cache.Options{MaxBytes: 4 << 10})
	require.NoError(t, err)
	defer c.Close()
	client := direct(t, holdfast.Options{Store: c}, pages{"/": count})
	for range 100 {
		latest := client.anonymous()
		require.Equal(t, "1", latest.visit("/"))
		require.Equal(t, "2", latest.visit("/"))
	}
	assert.LessOrEqual(t, c.Stats().Bytes.Total(), int64(4<<10))
}

func TestAClientThatGoesAwayHarmsNobody(t *testing.T) {
	arrived, left := make(chan struct{}), make(chan struct{})
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/slow": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.Set("views", 50)
			close(arrived)
			<-r.Context().Done()
			fmt.Fprint(w, "to nobody")
			s.Save()
			close(left)
		}})
	ada := site.browser()
	ada.visit("/")
	ctx, cancel := context.WithCancel(t.Context())
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, site.url+"/slow", nil)
	go func() { <-arrived; cancel() }()
	_, err := ada.Do(request)
	require.ErrorIs(t, err, context.Canceled)
	<-left
	assert.Equal(t, "50 true", ada.visit("/views").text)
}

func TestAManagerThatIsClosedAnswersWithAnErrorAndNothingFaults(t *testing.T) {
	manager, err := holdfast.New(holdfast.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	client := &directClient{handler: manager.Handler(pages{"/": count, "/views": views, "/destroy": destroy}.handler())}
	client.visit("/")
	require.NoError(t, manager.Close())
	assert.Equal(t, "0 false", client.visit("/views"))
	response := client.show("/")
	assert.Equal(t, http.StatusInternalServerError, response.Code)
	assert.Empty(t, response.Result().Cookies())
}
