package holdfast_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"iter"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
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

// The fine print of what sessions promise: a test for each sentence that would
// otherwise be true only because nobody broke it.

func TestACopyIntoTheResponseBringsTheCookieFirst(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		io.Copy(w, struct{ io.Reader }{strings.NewReader("x")}) // a Reader alone, or io.Copy would not call ReadFrom
	}})
	assert.Equal(t, "x", client.visit("/"))
	assert.NotNil(t, client.cookie)
}

func TestASaveThatFailedWhileTheStoreWasAwayCanBeRepeated(t *testing.T) {
	store := &away{Store: newCache(t)}
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count, "/views": views,
		"/save": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("views", 5)
			store.away.Store(true)
			assert.ErrorIs(t, s.Save(), errAway)
			store.away.Store(false)
			assert.NoError(t, s.Save())
		}})
	client.visit("/")
	client.visit("/save")
	assert.Equal(t, "5 true", client.visit("/views"))
}

func TestReloadForgivesAReadErrorOnceTheStoreIsBack(t *testing.T) {
	store := &away{Store: newCache(t)}
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
		"/reload": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			store.away.Store(true)
			s.Keys()
			assert.ErrorIs(t, s.Err(), errAway)
			store.away.Store(false)
			assert.NoError(t, s.Reload())
			assert.NoError(t, s.Err())
			views(w, r, s)
		}})
	client.visit("/")
	assert.Equal(t, "1 true", client.visit("/reload"))
}

func TestDestroyEndsASessionThatCouldNotBeRead(t *testing.T) {
	store := &away{Store: newCache(t)}
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count, "/views": views,
		"/destroy": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			store.away.Store(true)
			s.Keys()
			store.away.Store(false)
			assert.NoError(t, s.Destroy())
		}})
	client.visit("/")
	old := client.twin()
	client.visit("/destroy")
	assert.Equal(t, "0 false", old.visit("/views"))
}

// twice is a store that calls the function of each Update again, as one may
// whose first attempt came too late.
type twice struct {
	holdfast.Store
	between func() // happens once, between the calls for an entry that is there
}

func (s *twice) Update(id string, fn func([]byte, bool) (cache.Change, error)) error {
	return s.Store.Update(id, func(old []byte, found bool) (cache.Change, error) {
		if _, err := fn(old, found); err != nil {
			return cache.Keep(), err
		}
		if happens := s.between; found && happens != nil {
			s.between = nil
			happens()
			return fn(nil, false)
		}
		return fn(old, found)
	})
}

func ownID(*http.Request) (string, error) { return rand.Text() + rand.Text(), nil }

func TestAStoreThatCallsAnUpdateAgainStoresTheChangesAndMovesTheSession(t *testing.T) {
	for name, act := range map[string]func(s *holdfast.Session) error{
		"Save":       (*holdfast.Session).Save,
		"Regenerate": (*holdfast.Session).Regenerate,
	} {
		t.Run(name, func(t *testing.T) {
			c := newCache(t)
			client := direct(t, holdfast.Options{Store: &twice{Store: c}, NewID: ownID}, pages{"/": count, "/views": views,
				"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.Set("views", 5)
					assert.NoError(t, act(s))
				}})
			client.visit("/")
			client.visit("/act")
			assert.Equal(t, "5 true", client.visit("/views"))
			assert.Equal(t, 1, c.Len())
		})
	}
}

func TestASessionDestroyedBetweenTheCallsOfAnUpdateStaysDestroyed(t *testing.T) {
	for name, act := range map[string]func(s *holdfast.Session) error{
		"Save":       (*holdfast.Session).Save,
		"Regenerate": (*holdfast.Session).Regenerate,
	} {
		t.Run(name, func(t *testing.T) {
			c := newCache(t)
			store := &twice{Store: c}
			client := direct(t, holdfast.Options{Store: store, NewID: ownID}, pages{"/": count, "/destroy": destroy,
				"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.Set("views", 5)
					assert.ErrorIs(t, act(s), holdfast.ErrEnded)
				}})
			client.visit("/")
			store.between = func() { client.twin().visit("/destroy") }
			response := client.show("/act")
			assert.Empty(t, response.Result().Cookies())
			assert.Zero(t, c.Len())
		})
	}
}

// matcher notes what it is asked and how much it finds. It may find too much.
type matcher struct {
	holdfast.Matcher
	ignorant bool
	prefixes [][]byte
	found    int
}

func (m *matcher) Matching(prefix []byte) iter.Seq[cache.Entry] {
	m.prefixes = append(m.prefixes, bytes.Clone(prefix))
	if m.ignorant {
		prefix = nil
	}
	return func(yield func(cache.Entry) bool) {
		for entry := range m.Matcher.Matching(prefix) {
			m.found++
			if !yield(entry) {
				return
			}
		}
	}
}

func TestSessionsAsksForAPrefixThatAmongAThousandUsersOneHas(t *testing.T) {
	store := &matcher{Matcher: newCache(t)}
	manager, client := userSite(t, holdfast.Options{Store: store}, nil)
	for i := range 1000 {
		client.anonymous().visit(fmt.Sprintf("/login?user=user-%d", i))
	}

	sessions, err := manager.Sessions("user-777")

	require.NoError(t, err)
	assert.Len(t, sessions, 1)
	assert.Equal(t, 1, store.found)
	require.Len(t, store.prefixes, 1)
	assert.Len(t, store.prefixes[0], 9)
}

func TestSessionsComparesTheWholeUserIDWhateverTheStoreFinds(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{Store: &matcher{Matcher: newCache(t), ignorant: true}}, nil)
	for _, user := range []string{"ada", "bob", "adam"} {
		client.anonymous().visit("/login?user=" + user)
	}
	sessions, err := manager.Sessions("ada")
	require.NoError(t, err)
	require.Len(t, sessions, 1)
	assert.Equal(t, "ada", sessions[0].UserID)
}

func TestUpdateOfANewSessionAfterTheFirstByteIsAnError(t *testing.T) {
	var err error
	client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		w.Write([]byte("first byte"))
		_, err = holdfast.Update(s, "views", func(n int) int { return n + 1 })
	}})
	client.visit("/")
	assert.ErrorIs(t, err, holdfast.ErrHeaderSent)
}

func TestEndAllEndsThisSessionTooAndCountsIt(t *testing.T) {
	_, client := userSite(t, holdfast.Options{}, pages{"/all": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		n, err := s.EndAll()
		fmt.Fprint(w, n, err)
	}})
	this, other, bob := client.anonymous(), client.anonymous(), client.anonymous()
	this.visit("/login?user=ada")
	other.visit("/login?user=ada")
	bob.visit("/login?user=bob")
	before := this.twin()

	assert.Equal(t, "2 <nil>", this.visit("/all"))

	assert.Empty(t, before.visit("/who")+other.visit("/who"))
	assert.Equal(t, "bob", bob.visit("/who"))
}

func TestLastSeenOfASessionWhoseAbsoluteEndIsNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		manager, client := userSite(t, holdfast.Options{IdleTimeout: time.Hour, AbsoluteLifetime: 90 * time.Minute}, nil)
		client.visit("/login?user=ada")
		time.Sleep(50 * time.Minute)
		client.visit("/who")
		used := time.Now()
		time.Sleep(5 * time.Minute)

		sessions, err := manager.Sessions("ada")

		require.NoError(t, err)
		require.Len(t, sessions, 1)
		assert.WithinDuration(t, used, sessions[0].LastSeen, time.Second)
	})
}

func TestLoginRestartsTheAbsoluteLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client := userSite(t, holdfast.Options{IdleTimeout: 24 * time.Hour, AbsoluteLifetime: 24 * time.Hour}, nil)
		client.visit("/")
		time.Sleep(23 * time.Hour)
		client.visit("/login?user=ada")
		time.Sleep(7 * time.Hour)
		assert.Equal(t, "1 true", client.visit("/views"))
		time.Sleep(17 * time.Hour)
		assert.Equal(t, "0 false", client.visit("/views"))
	})
}

func TestTheZeroMaxAgeTakesItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{IdleTimeout: time.Hour}, pages{"/": count, "/views": views,
			"/soon": maxAge(10 * time.Minute), "/default": maxAge(0)})
		client.visit("/")
		client.visit("/soon")
		require.Equal(t, 600, client.cookie.MaxAge)
		client.visit("/default")
		assert.Zero(t, client.cookie.MaxAge)
		assert.Zero(t, client.cookie.Expires)
		time.Sleep(59 * time.Minute)
		assert.Equal(t, "1 true", client.visit("/views"))
	})
}

func TestIdleTimeoutTellsWhatSetMaxAgeSet(t *testing.T) {
	idle := func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.IdleTimeout()) }
	client := direct(t, holdfast.Options{IdleTimeout: time.Hour}, pages{"/": count, "/idle": idle,
		"/soon": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.SetMaxAge(10 * time.Minute)
			idle(w, r, s)
		},
		"/default": maxAge(0)})
	client.visit("/")
	assert.Equal(t, "1h0m0s", client.visit("/idle"))
	assert.Equal(t, "10m0s", client.visit("/soon"))
	assert.Equal(t, "10m0s", client.visit("/idle"))
	client.visit("/default")
	assert.Equal(t, "1h0m0s", client.visit("/idle"))
}

func TestExpiresSendsACookieThatEndsThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := time.Now().Add(20 * time.Minute)
		client := direct(t, holdfast.Options{}, pages{"/": count,
			"/expires": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.SetExpires(end) }})
		client.visit("/")
		client.visit("/expires")
		assert.Equal(t, 20*60, client.cookie.MaxAge)
		assert.Equal(t, end.UTC(), client.cookie.Expires)
	})
}

func TestARollingCookieCountsItsMaxAgeFromEachResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{Carrier: holdfast.Cookie{Rolling: true}},
			pages{"/": count, "/views": views, "/age": maxAge(10 * time.Minute)})
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
}

// RFC 6265bis, section 5.5: what is longer, browsers shorten or refuse.
func TestNoCookieLastsLongerThan400Days(t *testing.T) {
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
}

func TestTheCookieThatIsTakenAwayOverTLSHasTheAttributesOfTheOneThatWasSet(t *testing.T) {
	client := direct(t, holdfast.Options{Carrier: holdfast.Cookie{Partitioned: true, SameSite: holdfast.SameSiteAuto}},
		pages{"/": count, "/destroy": destroy})
	client.send(get("https://example.com/"))
	set := *client.cookie
	client.show("https://example.com/destroy")

	withdrawn := *client.cookie

	require.Negative(t, withdrawn.MaxAge)
	attributes := func(c http.Cookie) []any {
		return []any{c.Name, c.Path, c.Secure, c.Partitioned, c.SameSite}
	}
	assert.Equal(t, []any{"__Host-session", "/", true, true, http.SameSiteNoneMode}, attributes(set))
	assert.Equal(t, attributes(set), attributes(withdrawn), "or the browser would keep the old one")
}

func TestACookieNameThatLeavesNoRoomForTheLongestTokenIsRefused(t *testing.T) {
	_, err := holdfast.New(holdfast.Options{Carrier: holdfast.Cookie{Name: strings.Repeat("n", 3700)}})
	assert.ErrorIs(t, err, holdfast.ErrOptions)
	assert.ErrorIs(t, err, holdfast.ErrCookie)

	manager, err := holdfast.New(holdfast.Options{Carrier: holdfast.Cookie{Name: strings.Repeat("n", 3000)}})
	require.NoError(t, err)
	manager.Close()
}

func TestOutsideThePathThatACookieFuncChoosesThereIsNoSession(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{Carrier: holdfast.CookieFunc(func(*http.Request) holdfast.Cookie {
		return holdfast.Cookie{Path: "/app"}
	})})
	for target, want := range map[string]bool{"/app": true, "/app/page": true, "/": false, "/apple": false} {
		record(manager.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, found := holdfast.FromContext(r.Context())
			assert.Equal(t, want, found, target)
		})), get(target))
	}
}

func TestOfDuplicateFieldsOfAMultipartFormTheFirstIsTheToken(t *testing.T) {
	handler := bearing(t, bearers["Form"], holdfast.Options{})
	token := record(handler, get("/token")).Body.String()
	post := func(tokens ...string) string {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		for _, token := range tokens {
			form.WriteField("session", token)
		}
		form.Close()
		request := httptest.NewRequest(http.MethodPost, "/views", &body)
		request.Header.Set("Content-Type", form.FormDataContentType())
		return record(handler, request).Body.String()
	}
	strangers := strings.Repeat("A", 43)
	assert.Equal(t, "1 true", post(token))
	assert.Equal(t, "1 true", post(token, strangers))
	assert.Equal(t, "0 false", post(strangers, token))
}

func TestPagesOfTheFormCarrierAreKeptByNobodyThoughTheyDoNotLookAtTheSession(t *testing.T) {
	handler := bearing(t, bearers["Form"], holdfast.Options{})
	assert.Equal(t, "no-store", record(handler, get("/nothing")).Header().Get("Cache-Control"))
}

func TestPopWhileTheStoreIsAwayIsToldByErr(t *testing.T) {
	store := &away{Store: newCache(t)}
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count, "/views": views,
		"/pop": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Keys()
			store.away.Store(true)
			_, ok := holdfast.Pop[int](s, "views")
			store.away.Store(false)
			assert.False(t, ok)
			assert.ErrorIs(t, s.Err(), errAway)
		}})
	client.visit("/")
	client.visit("/pop")
	assert.Equal(t, "1 true", client.visit("/views"))
}

func TestEndedWaitsForAStoreThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &away{Store: newCache(t)}
		var client *directClient
		client = direct(t, holdfast.Options{Store: store}, pages{"/": count, "/destroy": destroy,
			"/wait": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				ended := s.Ended()
				store.away.Store(true)
				select {
				case <-ended:
					t.Error("nobody knows that it ended")
				case <-time.After(10 * time.Second):
				}
				store.away.Store(false)
				client.twin().visit("/destroy")
				<-ended
			}})
		client.visit("/")
		client.visit("/wait")
	})
}

func TestEndedTellsTheHandlerOfAHijackedConnection(t *testing.T) {
	ended := make(chan error, 1)
	site := serve(t, holdfast.Options{}, pages{"/": count, "/destroy": destroy,
		"/socket": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			defer conn.Close()
			over := s.Ended() // before the client is answered, and may go on to destroy it
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			select {
			case <-over:
				ended <- nil
			case <-r.Context().Done():
				ended <- r.Context().Err()
			case <-time.After(10 * time.Second):
				ended <- context.DeadlineExceeded
			}
		}})
	ada := site.browser()
	ada.visit("/")
	ada.visit("/socket")
	ada.visit("/destroy")
	assert.NoError(t, <-ended)
}

func TestAnErrorResponseHasNotTheLengthOfTheOneThatItReplaces(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
		io.WriteString(w, "sorry") // without http.Error, which deletes the length itself
	}})
	response := record(manager.Handler(pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		w.Header().Set("Content-Length", "1000")
		s.Set("bad", make(chan int))
	}}.handler()), get("/"))
	assert.Equal(t, "sorry", response.Body.String())
	assert.NotContains(t, response.Result().Header, "Content-Length")
}

func TestEachOfAnIDs256BitsTakesBothValues(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		fmt.Fprint(w, s.ID())
	}})
	var ones, zeros [32]byte
	for range 1000 {
		id, err := base64.RawURLEncoding.DecodeString(client.visit("/"))
		require.NoError(t, err)
		require.Len(t, id, len(ones))
		for i, b := range id {
			ones[i] |= b
			zeros[i] |= ^b
		}
	}
	all := bytes.Repeat([]byte{0xff}, len(ones))
	assert.Equal(t, all, ones[:])
	assert.Equal(t, all, zeros[:])
}

type tracing struct{}

// traced is a store whose reads want to know the request that they are for.
type traced struct {
	holdfast.Store
	heard []any
}

func (s *traced) Load(ctx context.Context, dst []byte, id string) ([]byte, bool, error) {
	s.heard = append(s.heard, ctx.Value(tracing{}))
	dst, found := s.Append(dst, id)
	return dst, found, nil
}

func TestALoaderGetsTheContextOfTheRequest(t *testing.T) {
	store := &traced{Store: newCache(t)}
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
		"/touch": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Touch() }})
	client.visit("/")
	request := get("/touch")
	request.AddCookie(client.cookie)
	client.send(request.WithContext(context.WithValue(t.Context(), tracing{}, "trace 1")))
	assert.Equal(t, []any{"trace 1", "trace 1"}, store.heard, "one to load and one to touch")
}

func TestInfoShowsASealedValue(t *testing.T) {
	sealed, err := codec.NewSealed(codec.MsgPack{}, []byte("0123456789abcdef0123456789abcdef"))
	require.NoError(t, err)
	manager, client := userSite(t, holdfast.Options{Codec: sealed}, nil)
	request := get("/login?user=ada")
	request.Header.Set("User-Agent", "laptop")
	client.send(request)
	sessions, err := manager.Sessions("ada")
	require.NoError(t, err)
	require.Len(t, sessions, 1)

	var agent string
	ok := sessions[0].Value("agent", &agent)

	assert.True(t, ok)
	assert.Equal(t, "laptop", agent)
}
