package web

import (
	"errors"
	"net/http"

	"github.com/holdfast-go/holdfast"
)

var errNoSession = errors.New("the request has no session")

func newHoldfast() (app, error) {
	manager, err := holdfast.New(holdfast.Options{})
	if err != nil {
		return nil, err
	}
	return newHandlerApp(manager.Handler(pages{
		login: func(_ http.ResponseWriter, r *http.Request) error {
			s, ok := holdfast.FromContext(r.Context())
			if !ok {
				return errNoSession
			}
			s.Set(userKey, user)
			s.Set(themeKey, theme)
			s.Set(tokenKey, token)
			s.Set(visitsKey, 1)
			return nil
		},
		read: func(_ http.ResponseWriter, r *http.Request) error {
			s, ok := holdfast.FromContext(r.Context())
			if !ok {
				return errNoSession
			}
			name, _ := holdfast.Get[string](s, userKey)
			holdfast.Get[int](s, visitsKey)
			return expect(r, name)
		},
		write: func(_ http.ResponseWriter, r *http.Request) error {
			s, ok := holdfast.FromContext(r.Context())
			if !ok {
				return errNoSession
			}
			visits, _ := holdfast.Get[int](s, visitsKey)
			s.Set(visitsKey, visits+1)
			return nil
		},
	})), nil
}
