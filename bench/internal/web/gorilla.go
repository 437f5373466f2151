package web

import (
	"net/http"

	"github.com/gorilla/sessions"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug/gorilla"
)

// signingKey signs cookies. It protects nothing but a benchmark.
var signingKey = []byte("0123456789abcdef0123456789abcdef")

const cookieName = "session"

// newGorilla keeps each session in its cookie, signed.
func newGorilla() (app, error) { return gorillaApp(sessions.NewCookieStore(signingKey)), nil }

func newGorillaOnHoldfast() (app, error) {
	c, err := cache.New(cache.Options{})
	if err != nil {
		return nil, err
	}
	store, err := gorilla.NewStore(c, plugPrefix, signingKey)
	if err != nil {
		return nil, err
	}
	return gorillaApp(store), nil
}

func gorillaApp(store sessions.Store) app {
	return newHandlerApp(pages{
		login: func(w http.ResponseWriter, r *http.Request) error {
			s, err := store.Get(r, cookieName)
			if err != nil {
				return err
			}
			s.Values[userKey] = user
			s.Values[themeKey] = theme
			s.Values[tokenKey] = token
			s.Values[visitsKey] = 1
			return s.Save(r, w)
		},
		read: func(_ http.ResponseWriter, r *http.Request) error {
			s, err := store.Get(r, cookieName)
			if err != nil {
				return err
			}
			name, _ := s.Values[userKey].(string)
			return expect(r, name)
		},
		write: func(w http.ResponseWriter, r *http.Request) error {
			s, err := store.Get(r, cookieName)
			if err != nil {
				return err
			}
			visits, _ := s.Values[visitsKey].(int)
			s.Values[visitsKey] = visits + 1
			return s.Save(r, w)
		},
	})
}
