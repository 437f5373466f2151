package holdfast_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

func TestCarrier_own_token(t *testing.T) {
	for name, b := range bearers {
		for signed, keys := range map[string][][]byte{"": nil, ", signed": {firstKey}} {
			t.Run(name+signed, func(t *testing.T) {
				handler := bearing(t, b, holdfast.Options{Keys: keys})
				token := record(handler, get("/token")).Body.String()
				if _, raw := b.carrier.(holdfast.Header); !raw {
					token = url.QueryEscape(token)
				}
				assert.Equal(t, "1 true", record(handler, b.request("/views", token)).Body.String())
			})
		}
	}
}

// A carrier ignores a token sent by another one, and the store sees no read.
func TestCarrier_foreign(t *testing.T) {
	for name, b := range bearers {
		for otherName, other := range bearers {
			if strings.HasPrefix(name, "Cookie") && strings.HasPrefix(otherName, "Cookie") || name == otherName {
				continue
			}
			t.Run(otherName+" to "+name, func(t *testing.T) {
				store := newRecording(t)
				handler := bearing(t, b, holdfast.Options{Store: store})
				token := record(handler, get("/token")).Body.String()
				before := store.count("Get")
				assert.Equal(t, "0 false", record(handler, other.request("/views", token)).Body.String())
				assert.Zero(t, store.count("Get")-before)
			})
		}
	}
}

// The token of a destroyed session opens no session.
func TestCarrier_destroyed_session(t *testing.T) {
	for name, b := range bearers {
		t.Run(name, func(t *testing.T) {
			handler := bearing(t, b, holdfast.Options{})
			token := record(handler, get("/token")).Body.String()
			record(handler, b.request("/destroy", token))
			assert.Equal(t, "0 false", record(handler, b.request("/views", token)).Body.String())
		})
	}
}

// Managers with one Namespace share sessions, though their carriers differ.
func TestNamespace_shared_across_carriers(t *testing.T) {
	c := newCache(t)
	browsers := bearing(t, bearers["Cookie"], holdfast.Options{Cache: c, Namespace: "shop"})
	api := bearing(t, bearers["Header"], holdfast.Options{Cache: c, Namespace: "shop"})
	token := record(browsers, get("/token")).Body.String()

	assert.Equal(t, "2", record(api, bearers["Header"].request("/", token)).Body.String())
	assert.Equal(t, "3", record(browsers, bearers["Cookie"].request("/", token)).Body.String())
	record(api, bearers["Header"].request("/destroy", token))

	assert.Equal(t, "0 false", record(browsers, bearers["Cookie"].request("/views", token)).Body.String())
	require.Zero(t, c.Len())
}

// A response carries a new token once. After Destroy, it carries an empty one.
func TestHeader_sets_and_clears_the_token(t *testing.T) {
	handler := bearing(t, bearer{carrier: holdfast.Header{Name: "x-api-session"}}, holdfast.Options{})
	begun := record(handler, get("/token"))
	token := begun.Header().Get("X-Api-Session")
	assert.Equal(t, begun.Body.String(), token)
	assert.Empty(t, begun.Header().Get("Set-Cookie"))
	assert.Equal(t, "X-Api-Session", begun.Header().Get("Vary"))

	request := get("/views")
	request.Header.Set("X-Api-Session", token)
	seen := record(handler, request)
	assert.Equal(t, "1 true", seen.Body.String())
	assert.NotContains(t, seen.Header(), "X-Api-Session", "the client has it already")

	request = get("/destroy")
	request.Header.Set("X-Api-Session", token)
	assert.Equal(t, []string{""}, record(handler, request).Header()["X-Api-Session"])
}

func TestHeader_response_is_not_cacheable(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{Carrier: holdfast.Header{}})
	handler := manager.Handler(pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		s.Set("a", 1)
	}}.handler())
	response := record(handler, get("/"))
	require.NotEmpty(t, response.Header().Get("X-Session"))
	assert.Equal(t, "no-store", response.Header().Get("Cache-Control"))
}

func TestHeader_invalid_names(t *testing.T) {
	for _, name := range []string{"a b", "a:", "a\r\nb", "ä"} {
		_, err := holdfast.New(holdfast.Options{Carrier: holdfast.Header{Name: name}})
		assert.ErrorIs(t, err, holdfast.ErrOptions, name)
	}
}

// A token in a form or a URL never moves into a cookie or a header.
func TestFormAndQuery_set_no_header(t *testing.T) {
	for _, name := range []string{"Form", "Query"} {
		t.Run(name, func(t *testing.T) {
			handler := bearing(t, bearers[name], holdfast.Options{})
			begun := record(handler, get("/token"))
			token := begun.Body.String()
			for _, response := range []*httptest.ResponseRecorder{
				begun,
				record(handler, bearers[name].request("/views", token)),
				record(handler, bearers[name].request("/", token)),
				record(handler, bearers[name].request("/destroy", token)),
			} {
				assert.Empty(t, response.Header().Get("Set-Cookie"))
				assert.NotContains(t, fmt.Sprint(response.Header()), token)
			}
		})
	}
}

// Caches do not store the page, and browsers do not send its URL to other
// sites.
func TestFormAndQuery_page_with_a_token(t *testing.T) {
	for _, name := range []string{"Form", "Query"} {
		t.Run(name, func(t *testing.T) {
			handler := bearing(t, bearers[name], holdfast.Options{})
			begun := record(handler, get("/token"))
			seen := record(handler, bearers[name].request("/views", begun.Body.String()))
			for _, response := range []*httptest.ResponseRecorder{begun, seen} {
				assert.Equal(t, "no-store", response.Header().Get("Cache-Control"))
				assert.Equal(t, "no-referrer", response.Header().Get("Referrer-Policy"))
			}
		})
	}
}

// A page of the Form carrier is not cacheable, even if its handler does not use
// the session.
func TestForm_page_without_session_use(t *testing.T) {
	handler := bearing(t, bearers["Form"], holdfast.Options{})
	assert.Equal(t, "no-store", record(handler, get("/nothing")).Header().Get("Cache-Control"))
}

// A page whose URL carries a token is not cacheable and sends no referrer, even
// if its handler does not use the session.
func TestQuery_page_without_session_use(t *testing.T) {
	var token string
	manager, _ := manage(t, holdfast.Options{Carrier: holdfast.Query{}})
	handler := manager.Handler(pages{
		"/":       func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("a", 1); token = s.Token() },
		"/static": nothing,
	}.handler())
	record(handler, get("/"))
	header := record(handler, get("/static?session="+token)).Header()
	assert.Equal(t, "no-referrer", header.Get("Referrer-Policy"), "even if the page does not use the session")
	assert.Equal(t, "no-store", header.Get("Cache-Control"))
}

func TestForm_handler_still_reads(t *testing.T) {
	t.Run("the form", func(t *testing.T) {
		manager, _ := manage(t, holdfast.Options{Carrier: holdfast.Form{Field: "sid"}})
		handler := manager.Handler(pages{"/": func(w http.ResponseWriter, r *http.Request, _ *holdfast.Session) {
			fmt.Fprint(w, r.FormValue("name"), r.PostFormValue("name"))
		}}.handler())
		request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("name=Ada&sid=x"))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		assert.Equal(t, "AdaAda", record(handler, request).Body.String())
	})
	t.Run("another body", func(t *testing.T) {
		manager, _ := manage(t, holdfast.Options{Carrier: holdfast.Form{}})
		handler := manager.Handler(pages{"/": func(w http.ResponseWriter, r *http.Request, _ *holdfast.Session) {
			body := make([]byte, 7)
			n, _ := r.Body.Read(body)
			fmt.Fprintf(w, "%s", body[:n])
		}}.handler())
		request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"a":1}`))
		request.Header.Set("Content-Type", "application/json")
		assert.Equal(t, `{"a":1}`, record(handler, request).Body.String())
	})
}

// A field of the same name in the URL is no token.
func TestForm_ignores_the_URL(t *testing.T) {
	handler := bearing(t, bearers["Form"], holdfast.Options{})
	token := record(handler, get("/token")).Body.String()
	request := httptest.NewRequest(http.MethodPost, "/views?session="+token, strings.NewReader("a=1"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	assert.Equal(t, "0 false", record(handler, request).Body.String())
}

// The first of several fields is the token.
func TestForm_duplicate_multipart_fields(t *testing.T) {
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
	unissued := strings.Repeat("A", 43)
	assert.Equal(t, "1 true", post(token))
	assert.Equal(t, "1 true", post(token, unissued))
	assert.Equal(t, "0 false", post(unissued, token))
}

// The handler, not the carrier, answers a body over the limit of
// http.MaxBytesHandler.
func TestCarrier_body_over_the_limit(t *testing.T) {
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

func TestCarrier_empty_URL(t *testing.T) {
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
