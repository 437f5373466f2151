package holdfast_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

// bearer sends a token by one carrier, in requests that a client could make.
type bearer struct {
	carrier holdfast.Carrier
	request func(path, token string) *http.Request
}

var bearers = map[string]bearer{
	"Cookie": {holdfast.Cookie{}, func(path, token string) *http.Request {
		r := get(path)
		r.Header["Cookie"] = []string{"session=" + token}
		return r
	}},
	"CookieFunc": {holdfast.CookieFunc(func(*http.Request) holdfast.Cookie { return holdfast.Cookie{} }), func(path, token string) *http.Request {
		r := get(path)
		r.Header["Cookie"] = []string{"session=" + token}
		return r
	}},
	"Header": {holdfast.Header{}, func(path, token string) *http.Request {
		r := get(path)
		r.Header["X-Session"] = []string{token}
		return r
	}},
	"Form": {holdfast.Form{}, func(path, token string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("session="+token))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}},
	"Query": {holdfast.Query{}, func(path, token string) *http.Request {
		r := get(path)
		r.URL.RawQuery = "session=" + token
		return r
	}},
}

// bearing is a site whose sessions travel by the bearer's carrier. Its page
// /token begins a session and shows its token, escaped for a URL.
func bearing(t *testing.T, b bearer, o holdfast.Options) http.Handler {
	t.Helper()
	o.Carrier = b.carrier
	manager, _ := manage(t, o)
	return manager.Handler(pages{"/views": views, "/": count, "/destroy": destroy, "/nothing": nothing,
		"/token": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.Set("views", 1)
			fmt.Fprint(w, s.Token())
		}}.handler())
}

func TestATokenByAnyCarrierIsRecognised(t *testing.T) {
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

func TestATokenByAnotherCarrierIsNotLookedAt(t *testing.T) {
	for name, b := range bearers {
		for otherName, other := range bearers {
			if strings.HasPrefix(name, "Cookie") && strings.HasPrefix(otherName, "Cookie") || name == otherName {
				continue
			}
			t.Run(otherName+" to "+name, func(t *testing.T) {
				store := &counting{Store: newCache(t)}
				handler := bearing(t, b, holdfast.Options{Store: store})
				token := record(handler, get("/token")).Body.String()
				before := store.reads.Load()
				assert.Equal(t, "0 false", record(handler, other.request("/views", token)).Body.String())
				assert.Zero(t, store.reads.Load()-before)
			})
		}
	}
}

func TestADestroyedSessionIsGoneByAnyCarrier(t *testing.T) {
	for name, b := range bearers {
		t.Run(name, func(t *testing.T) {
			handler := bearing(t, b, holdfast.Options{})
			token := record(handler, get("/token")).Body.String()
			record(handler, b.request("/destroy", token))
			assert.Equal(t, "0 false", record(handler, b.request("/views", token)).Body.String())
		})
	}
}

func TestTheHeaderBringsANewTokenAndTakesADeadOneAway(t *testing.T) {
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

func TestAHeaderNameThatIsNoneIsRefused(t *testing.T) {
	for _, name := range []string{"a b", "a:", "a\r\nb", "ä"} {
		_, err := holdfast.New(holdfast.Options{Carrier: holdfast.Header{Name: name}})
		assert.ErrorIs(t, err, holdfast.ErrOptions, name)
	}
}

func TestTokensInFormsAndURLsArePromotedToNoCookieOrHeader(t *testing.T) {
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

func TestPagesWithATokenInFormOrURLAreKeptByNobodyAndNameNoReferrer(t *testing.T) {
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

func TestAFormFieldInTheURLIsNotThatOfTheForm(t *testing.T) {
	handler := bearing(t, bearers["Form"], holdfast.Options{})
	token := record(handler, get("/token")).Body.String()
	request := httptest.NewRequest(http.MethodPost, "/views?session="+token, strings.NewReader("a=1"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	assert.Equal(t, "0 false", record(handler, request).Body.String())
}

func TestAHandlerBelowTheFormCarrierStillReadsItsForm(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{Carrier: holdfast.Form{Field: "sid"}})
	handler := manager.Handler(pages{"/": func(w http.ResponseWriter, r *http.Request, _ *holdfast.Session) {
		fmt.Fprint(w, r.FormValue("name"), r.PostFormValue("name"))
	}}.handler())
	request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("name=Ada&sid=x"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	assert.Equal(t, "AdaAda", record(handler, request).Body.String())
}

func TestAHandlerBelowTheFormCarrierStillReadsABodyThatIsNoForm(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{Carrier: holdfast.Form{}})
	handler := manager.Handler(pages{"/": func(w http.ResponseWriter, r *http.Request, _ *holdfast.Session) {
		body := make([]byte, 7)
		n, _ := r.Body.Read(body)
		fmt.Fprintf(w, "%s", body[:n])
	}}.handler())
	request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"a":1}`))
	request.Header.Set("Content-Type", "application/json")
	assert.Equal(t, `{"a":1}`, record(handler, request).Body.String())
}

func TestTwoManagersWithDifferentCarriersShareTheSessionsOfOneStore(t *testing.T) {
	c := newCache(t)
	browsers := bearing(t, bearers["Cookie"], holdfast.Options{Store: c})
	api := bearing(t, bearers["Header"], holdfast.Options{Store: c})
	token := record(browsers, get("/token")).Body.String()

	assert.Equal(t, "2", record(api, bearers["Header"].request("/", token)).Body.String())
	assert.Equal(t, "3", record(browsers, bearers["Cookie"].request("/", token)).Body.String())
	record(api, bearers["Header"].request("/destroy", token))

	assert.Equal(t, "0 false", record(browsers, bearers["Cookie"].request("/views", token)).Body.String())
	require.Zero(t, c.Len())
}

func TestTwoManagersAroundEachOtherSetTheirOwnCookies(t *testing.T) {
	outer, _ := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Name: "outer"}})
	inner, _ := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Name: "inner"}})
	client := &directClient{handler: outer.Handler(pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		s.Set("outer", true)
		inner.Handler(pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("inner", true) }}.handler()).ServeHTTP(w, r)
	}}.handler())}
	var names []string
	for _, cookie := range client.show("/").Result().Cookies() {
		names = append(names, cookie.Name)
	}
	assert.ElementsMatch(t, []string{"outer", "inner"}, names)
}
