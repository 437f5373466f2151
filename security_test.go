package holdfast_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/codec"
)

// The attempts of an attacker, one a test.

// No carrier adopts an ID that the server did not issue.
func TestFixation_unissued_ID(t *testing.T) {
	presented := strings.Repeat("A", 43)
	for name, b := range bearers {
		t.Run(name, func(t *testing.T) {
			handler := bearing(t, b, holdfast.Options{})

			response := record(handler, b.request("/token", presented))

			assert.NotContains(t, response.Body.String(), presented)
			assert.Equal(t, "0 false", record(handler, b.request("/views", presented)).Body.String())
		})
	}
}

// A malformed token never reaches the store.
func TestMalformedToken(t *testing.T) {
	id := strings.Repeat("A", 43)
	for name, b := range bearers {
		for signed, keys := range map[string][][]byte{"": nil, ", signed": {firstKey}} {
			t.Run(name+signed, func(t *testing.T) {
				store := newRecording(t)
				handler := bearing(t, b, holdfast.Options{Store: store, Keys: keys})
				for _, token := range []string{
					"", ".", "s:", "s:.", "../x", "../" + id[3:], "..%2F" + id[3:], id[1:], id + "A", id[1:] + "\x00", id[1:] + "%00",
					id[1:] + "%", id[1:] + "%4", id[1:] + "%zz", `"` + id + `"`, "%22" + id + "%22", id[1:] + " .", " " + id + ".", id[1:] + "ä",
					id[1:] + "=", id[1:] + "/", id[1:] + "%0d%0a", strings.Repeat("A", 1<<20), strings.Repeat("%41", 1<<18),
					"s:" + id, "s:" + id + ".", "s%3A" + id + "." + id, "s:" + strings.Repeat("A", 1<<20) + "." + id, "s:" + strings.Repeat(".", 1<<16),
				} {
					response := record(handler, b.request("/views", token))
					assert.Equal(t, "0 false", response.Body.String(), "%.60q", token)
				}
				assert.Empty(t, store.all())
			})
		}
	}
}

// Browsers send duplicate cookies, and a Manager tries several of them. The
// other carriers have no duplicates in practice.
func TestDuplicateTokens(t *testing.T) {
	other := strings.Repeat("A", 43)
	for name, test := range map[string]struct {
		carrier string
		present func(r *http.Request, first, second string)
	}{
		"X-Session headers": {"Header", func(r *http.Request, first, second string) {
			r.Header["X-Session"] = []string{first, second}
		}},
		"parameters": {"Query", func(r *http.Request, first, second string) {
			r.URL.RawQuery = "session=" + first + "&session=" + second
		}},
	} {
		t.Run(name, func(t *testing.T) {
			handler := bearing(t, bearers[test.carrier], holdfast.Options{})
			token := record(handler, get("/token")).Body.String()
			show := func(first, second string) string {
				request := get("/views")
				test.present(request, first, second)
				return record(handler, request).Body.String()
			}
			assert.Equal(t, "1 true", show(token, other))
			assert.Equal(t, "0 false", show(other, token))
		})
	}
}

// A forged token opens no session, and the store sees no call.
func TestSignedToken_any_bit_flipped(t *testing.T) {
	store := newRecording(t)
	handler := bearing(t, bearers["Header"], holdfast.Options{Store: store, Keys: [][]byte{firstKey, secondKey}})
	token := record(handler, get("/token")).Body.String()
	require.Equal(t, "1 true", record(handler, bearers["Header"].request("/views", token)).Body.String())
	before := len(store.all())
	for i := range len(token) {
		for bit := range 8 {
			forged := []byte(token)
			forged[i] ^= 1 << bit
			require.Equal(t, "0 false", record(handler, bearers["Header"].request("/views", string(forged))).Body.String(), "bit %d of byte %d", bit, i)
		}
	}
	for n := range len(token) {
		require.Equal(t, "0 false", record(handler, bearers["Header"].request("/views", token[:n])).Body.String(), "%d bytes", n)
	}
	assert.Len(t, store.all(), before)
}

// A signature of another session or another key opens no session.
func TestSignedToken_foreign_signature(t *testing.T) {
	c := newCache(t)
	ours := bearing(t, bearers["Header"], holdfast.Options{Cache: c, Keys: [][]byte{firstKey}})
	theirs := bearing(t, bearers["Header"], holdfast.Options{Cache: c, Keys: [][]byte{secondKey}})
	cut := func(h http.Handler) (id, signature string) {
		id, signature, _ = strings.Cut(record(h, get("/token")).Body.String(), ".")
		return id, signature
	}
	id, signature := cut(ours)
	_, others := cut(ours)
	theirID, theirSignature := cut(theirs)
	for name, token := range map[string]string{
		"another session's":  id + "." + others,
		"another key's":      theirID + "." + theirSignature,
		"none":               strings.TrimPrefix(id, "s:"),
		"padded":             id + "." + signature + "=",
		"in URL-safe base64": id + "." + strings.NewReplacer("+", "-", "/", "_").Replace(signature + "+")[:len(signature)] + "_",
		"twice":              id + "." + signature + "." + signature,
		"without its mark":   strings.TrimPrefix(id, "s:") + "." + signature,
	} {
		assert.Equal(t, "0 false", record(ours, bearers["Header"].request("/views", token)).Body.String(), name)
	}
}

// The hash that is the key of a session in the store opens no session.
func TestStoreKey_is_no_token(t *testing.T) {
	c := newCache(t)
	handler := bearing(t, bearers["Header"], holdfast.Options{Cache: c, NewID: func(*http.Request) (string, error) {
		return strings.Repeat("x", 43), nil // IDs of other lengths are accepted too
	}})
	record(handler, get("/token"))
	for key := range c.All() {
		for _, presented := range []string{
			key, hex.EncodeToString([]byte(key)), base64.RawURLEncoding.EncodeToString([]byte(key)), url.QueryEscape(key),
		} {
			assert.Equal(t, "0 false", record(handler, bearers["Header"].request("/views", presented)).Body.String())
		}
	}
}

// An ID that an attacker has planted is dead after the login.
func TestFixation_planted_ID(t *testing.T) {
	_, mallory := userSite(t, holdfast.Options{}, nil)
	mallory.visit("/")
	victim := mallory.twin() // Mallory planted her session's cookie

	victim.visit("/login?user=ada")

	assert.Equal(t, "ada", victim.visit("/who"))
	assert.Empty(t, mallory.visit("/who"))
	assert.Equal(t, "0 false", mallory.visit("/views"))
}

// All concurrent logins from one session succeed. One of them takes the values,
// and no copy of the session remains.
func TestLogin_concurrent(t *testing.T) {
	const many = 8
	c := newCache(t)
	var loaded sync.WaitGroup
	_, client := userSite(t, holdfast.Options{Cache: c}, pages{
		"/together": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.IsNew()
			loaded.Done()
			loaded.Wait()
			fmt.Fprint(w, s.Login(r.URL.Query().Get("user")))
		}})
	for range 50 {
		shared := client.anonymous()
		shared.visit("/")
		loaded.Add(many)
		twins := make([]*directClient, many)
		var requests sync.WaitGroup
		for i := range many {
			twins[i] = shared.twin()
			requests.Go(func() { assert.Equal(t, "<nil>", twins[i].visit(fmt.Sprintf("/together?user=%d", i))) })
		}
		requests.Wait()

		withValues := 0
		for i, twin := range twins {
			require.Equal(t, fmt.Sprint(i), twin.visit("/who"))
			if twin.visit("/views") != "0 false" {
				withValues++
			}
		}
		require.Equal(t, 1, withValues)
		require.Equal(t, "0 false", shared.visit("/views"))
		for _, twin := range twins {
			twin.visit("/destroy")
		}
		require.Zero(t, sessionsIn(c), "no copy of the session remains")
	}
}

// Hundreds of requests of all kinds are under way when the user logs out.
func TestDestroy_concurrent_requests(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/views": views, "/destroy": destroy,
		"/keys":  func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.Keys()) },
		"/set":   func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Keys(); s.Set("late", true) },
		"/touch": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Touch() },
		"/save": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Keys()
			s.Set("late", true)
			s.Save()
		},
		"/age": setIdleTimeout(5 * time.Hour),
		"/reload": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Keys()
			s.Reload()
			s.Set("late", 1)
		},
		"/pop": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { holdfast.Pop[int](s, "views") },
		"/expires": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.SetExpires(time.Now().Add(time.Hour))
		},
	})
	for range 30 {
		client.cookie = nil
		client.visit("/set")
		stolen := client.twin()
		var requests sync.WaitGroup
		for range 8 {
			for _, path := range []string{"/views", "/set", "/touch", "/save", "/age", "/reload", "/pop", "/expires"} {
				twin := client.twin()
				requests.Go(func() { twin.visit(path) })
			}
		}
		victim := client.twin()
		requests.Go(func() { victim.visit("/destroy") })
		requests.Wait()

		require.Equal(t, "[]", stolen.visit("/keys"), "the replay is anonymous")
	}
}

func TestDestroy_concurrent_Regenerate(t *testing.T) {
	c := newCache(t)
	_, client := userSite(t, holdfast.Options{Cache: c}, nil)
	for range 200 {
		fresh := client.anonymous()
		fresh.visit("/")
		regenerating, destroying := fresh.twin(), fresh.twin()
		var requests sync.WaitGroup
		requests.Go(func() { regenerating.visit("/regenerate") })
		requests.Go(func() { destroying.visit("/destroy") })
		requests.Wait()

		require.Equal(t, "0 false", fresh.visit("/views"))
		if regenerating.cookie.Value == fresh.cookie.Value {
			require.Zero(t, sessionsIn(c), "the logout came first, so no session remains")
		}
		regenerating.visit("/destroy")
		require.Zero(t, sessionsIn(c))
	}
}

func TestCookie_edited_expiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{IdleTimeout: time.Hour, Carrier: holdfast.Cookie{Persistent: true}}, pages{"/": count, "/views": views})
		client.visit("/")
		edited := "session=" + client.cookie.Value + "; Max-Age=999999999; Expires=Fri, 31 Dec 9999 23:59:59 GMT; expires=9999"
		time.Sleep(time.Hour)
		assert.Equal(t, "0 false", client.visitWith(edited, "/views"))
	})
}

// Anonymous requests make no call to the store.
func TestAnonymous_10000_requests(t *testing.T) {
	store := newRecording(t)
	client := direct(t, holdfast.Options{Store: store}, pages{"/views": views, "/nothing": nothing, "/destroy": destroy, "/regenerate": regenerate})
	for range 2500 {
		for _, path := range []string{"/views", "/nothing", "/destroy", "/regenerate"} {
			require.Empty(t, client.anonymous().show(path).Result().Cookies())
		}
	}
	assert.Empty(t, store.all())
}

// Without TrustedProxies, a header that claims TLS changes nothing.
func TestTrustedProxies_stranger(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": count})
	request := get("/")
	request.Header.Set("X-Forwarded-Proto", "https")
	request.Header.Set("Forwarded", "proto=https")
	request.Header.Set("X-Forwarded-Ssl", "on")
	client.send(request)
	assert.Equal(t, "session", client.cookie.Name)
	assert.False(t, client.cookie.Secure)
}

// verbs are the verbs of fmt that print a value.
var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"}

type aKey struct{}

// No verb of fmt prints an ID or a value, wherever the session is.
func TestPrint_no_ID(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		s.Set("a", "secret-value")
		id, ctx := s.ID(), r.Context()
		for name, value := range map[string]any{
			"a session": s, "a context": ctx, "a writer": w, "a request": r,
			"a context around it": context.WithValue(ctx, aKey{}, 1),
			"a slice":             []*holdfast.Session{s},
			"a copy":              *s,
			"a copy in a struct":  struct{ S holdfast.Session }{*s},
			// fmt calls no Format method of an unexported field.
			"a session in a struct": struct{ s *holdfast.Session }{s},
			"a session as any":      struct{ a any }{s},
			"behind a pointer":      &struct{ s *holdfast.Session }{s},
			"a context in a struct": struct{ c context.Context }{ctx},
			"a writer in a struct":  &struct{ w http.ResponseWriter }{w},
		} {
			for _, verb := range verbs {
				printed := fmt.Sprintf(verb, value)
				assert.NotContains(t, printed, id, "%s, %s", name, verb)
				assert.NotContains(t, printed, fmt.Sprintf("%x", id), "%s, %s", name, verb)
				assert.NotContains(t, printed, "secret", "%s, %s", name, verb)
			}
		}
	}})
	site.browser().visit("/")
}

// A nil Session prints as its type too.
func TestPrint_nil_Session(t *testing.T) {
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("outside of a Handler", "session", (*holdfast.Session)(nil))
	assert.Contains(t, log.String(), "session=holdfast.Session")
}

// No verb of fmt prints a key, wherever the Manager is.
func TestPrint_no_key(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	manager, err := holdfast.New(holdfast.Options{Keys: [][]byte{key}})
	require.NoError(t, err)
	defer manager.Close()
	for name, value := range map[string]any{
		"itself":           manager,
		"in a struct":      struct{ m *holdfast.Manager }{manager},
		"behind a pointer": &struct{ m *holdfast.Manager }{manager},
		"a copy":           *manager,
	} {
		for _, verb := range verbs {
			printed := fmt.Sprintf(verb, value)
			for _, secret := range []string{string(key), fmt.Sprintf("%x", key), "48 49 50 51", "0x30, 0x31, 0x32", "%!t(uint8=48)"} {
				assert.NotContains(t, printed, secret, "%s, %s", name, verb)
			}
		}
	}
}

func TestErrors_contain_no_value(t *testing.T) {
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

// Logs, errors and panics contain no ID and no value.
func TestPrint_logs_errors_and_panics(t *testing.T) {
	store := newAway(t)
	const secret = "secret-value"
	var printed strings.Builder
	see := func(values ...any) {
		for _, value := range values {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
				fmt.Fprintf(&printed, verb, value)
			}
			slog.New(slog.NewTextHandler(&printed, nil)).Error("all", "value", value)
			slog.New(slog.NewJSONHandler(&printed, nil)).Error("all", "value", value)
		}
	}
	options := holdfast.Options{
		Store: store, Keys: [][]byte{firstKey}, Logger: slog.New(slog.NewJSONHandler(&printed, nil)),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			see(err, r.Context())
			http.Error(w, err.Error(), http.StatusInternalServerError)
			printed.WriteString(err.Error())
		},
	}
	manager, err := holdfast.New(options)
	require.NoError(t, err)
	see(options, &options, []holdfast.Options{options}, manager)
	var id, token string
	client := &directClient{handler: manager.Handler(pages{
		"/": func(_ http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.Set("text", secret)
			id, token = s.ID(), s.Token()
			see(s, []*holdfast.Session{s}, map[string]any{"s": s}, struct{ S *holdfast.Session }{s}, r.Context())
			_, err := holdfast.Update(s, "text", func(int) int { return 1 })
			see(err)
		},
		"/bad":  func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("bad", make(chan int)) },
		"/read": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Keys() },
		"/large": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("l", strings.Repeat(secret, 1<<18))
		},
		"/panic": func(_ http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			defer func() { see(recover()) }()
			holdfast.Update(s, "text", func(string) string { panic(errors.New("boom")) })
		},
	}.handler())}
	for _, path := range []string{"/", "/bad", "/large", "/panic"} {
		client.visit(path)
	}
	store.away.Store(true)
	client.visit("/read")
	client.visit("/")

	require.Len(t, id, 43)
	require.Contains(t, printed.String(), errAway.Error(), "the log has the error")
	for _, form := range []string{id, token, url.QueryEscape(token), secret, string(firstKey)} {
		for name, coded := range map[string]string{
			"as it is": form, "in hex": hex.EncodeToString([]byte(form)), "in HEX": strings.ToUpper(hex.EncodeToString([]byte(form))),
			"in base64": base64.StdEncoding.EncodeToString([]byte(form)), "as numbers": strings.Trim(fmt.Sprint([]byte(form)), "[]"),
		} {
			assert.False(t, strings.Contains(printed.String(), coded), "%.4s… %s", form, name)
		}
	}
}

// A SessionInfo prints as its type alone.
func TestPrint_SessionInfo(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{}, nil)
	client.visit("/login?user=ada")
	sessions, err := manager.Sessions(t.Context(), "ada")
	require.NoError(t, err)
	require.Len(t, sessions, 1)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		assert.Equal(t, "holdfast.SessionInfo", fmt.Sprintf(verb, sessions[0]))
		assert.Equal(t, "holdfast.SessionInfo", fmt.Sprintf(verb, &sessions[0]))
	}
}

func TestPrint_SessionInfo_in_a_struct(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{}, nil)
	loginWith(client, "secret-agent")
	sessions, err := manager.Sessions(t.Context(), "ada")
	require.NoError(t, err)
	require.Len(t, sessions, 1)
	page := struct{ info holdfast.SessionInfo }{sessions[0]}
	for _, verb := range []string{"%v", "%+v", "%s", "%x"} {
		printed := fmt.Sprintf(verb, page)
		assert.NotContains(t, printed, "secret-agent", verb)
		assert.NotContains(t, printed, fmt.Sprintf("%x", "secret-agent"), verb)
		assert.NotContains(t, printed, strings.Trim(fmt.Sprint([]byte("secret-agent")), "[]"), verb)
	}
}

// A response sets one session cookie, however often the handler changes it.
func TestOneCookie(t *testing.T) {
	for name, act := range map[string]page{
		"saves, then destroys": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("b", 1)
			s.Save()
			s.Destroy()
		},
		"destroys, then sets": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Destroy(); s.Set("b", 1) },
		"logs in twice":       func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Login("a"); s.Login("b") },
		"changes age and ID": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.SetIdleTimeout(time.Hour)
			s.Regenerate()
		},
		"destroys twice": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Destroy(); s.Destroy() },
		"flushes, then regenerates": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.SetIdleTimeout(time.Hour)
			w.(http.Flusher).Flush()
			s.Regenerate()
		},
		"sets cookies of its own": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.SetIdleTimeout(time.Hour)
			http.SetCookie(w, &http.Cookie{Name: "x", Value: "1"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := direct(t, holdfast.Options{}, pages{"/": count, "/act": act})
			client.visit("/")
			ours := 0
			for _, line := range client.show("/act").Result().Header["Set-Cookie"] {
				if strings.HasPrefix(line, "session=") {
					ours++
				}
			}
			assert.Equal(t, 1, ours)
		})
	}
}

// Caches do not store a response with a session cookie.
func TestCacheHeaders_with_a_cookie(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": count, "/age": setIdleTimeout(time.Hour), "/regenerate": regenerate, "/destroy": destroy})
	for _, path := range []string{"/", "/age", "/regenerate", "/destroy"} {
		header := client.show(path).Header()
		require.NotEmpty(t, header.Get("Set-Cookie"), path)
		assert.Equal(t, "no-store", header.Get("Cache-Control"), path)
		assert.Equal(t, "Cookie", header.Get("Vary"), path)
	}
}

func TestErrorResponse_Vary(t *testing.T) {
	store := newAway(t)
	store.away.Store(true)
	client := direct(t, holdfast.Options{Store: store}, pages{"/": views})
	client.cookie = &http.Cookie{Name: "session", Value: strings.Repeat("A", 43)}
	response := client.show("/")
	require.Equal(t, http.StatusServiceUnavailable, response.Code)
	assert.Equal(t, "Cookie", response.Header().Get("Vary"))
}

func TestCookie_above_4096_bytes(t *testing.T) {
	for name, cookie := range map[string]holdfast.Cookie{
		"by its name":   {Name: strings.Repeat("n", 4050)},
		"by its path":   {Path: "/" + strings.Repeat("p", 4050)},
		"by its domain": {Domain: strings.Repeat(strings.Repeat("d", 60)+".", 70) + "example"},
	} {
		t.Run(name, func(t *testing.T) {
			var handled error
			manager, err := holdfast.New(holdfast.Options{Carrier: cookie, Logger: slog.New(slog.DiscardHandler), ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
				handled = err
				w.WriteHeader(http.StatusInternalServerError)
			}})
			if err != nil {
				assert.ErrorIs(t, err, holdfast.ErrOptions)
				return
			}
			defer manager.Close()
			request := get("/")
			request.URL.Path, request.RequestURI = "/"+strings.Repeat("p", 4050), ""
			response := record(manager.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				manager.Session(r).Set("a", 1)
			})), request)
			assert.ErrorIs(t, handled, holdfast.ErrCookie)
			assert.Equal(t, http.StatusInternalServerError, response.Code)
			assert.Empty(t, response.Header().Get("Set-Cookie"))
		})
	}
}

// A handler owns the values that Get returns. Its changes to them are not
// stored.
func TestGet_changes_to_a_stored_value(t *testing.T) {
	for name, set := range map[string]func(s *holdfast.Session){
		"set": func(s *holdfast.Session) { s.Set("roles", []string{"reader"}); s.Set("raw", []byte("raw")) },
		"updated": func(s *holdfast.Session) {
			holdfast.Update(s, "roles", func([]string) []string { return []string{"reader"} })
			holdfast.Update(s, "raw", func([]byte) []byte { return []byte("raw") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := direct(t, holdfast.Options{}, pages{
				"/set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { set(s) },
				"/mutate": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					roles, _ := holdfast.Get[[]string](s, "roles")
					roles[0] = "admin"
					raw, _ := holdfast.Get[[]byte](s, "raw")
					clear(raw[:cap(raw)])
					keys := s.Keys()
					clear(keys)
					s.Set("other", 1)
				},
				"/get": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					roles, _ := holdfast.Get[[]string](s, "roles")
					raw, _ := holdfast.Get[[]byte](s, "raw")
					fmt.Fprintf(w, "%v %s", roles, raw)
				}})
			client.visit("/set")
			client.visit("/mutate")
			assert.Equal(t, "[reader] raw", client.visit("/get"))
		})
	}
}

func TestSessionInfo_is_a_copy(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{}, nil)
	loginWith(client, "phone")
	sessions, _ := manager.Sessions(t.Context(), "ada")
	require.Len(t, sessions, 1)
	sessions[0].UserID = "mallory"
	sessions[0].Expires = time.Time{}
	again, _ := manager.Sessions(t.Context(), "ada")
	assert.Len(t, again, 1)
	assert.Equal(t, "ada", client.visit("/who"))
}
