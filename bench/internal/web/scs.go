package web

import (
	"net/http"

	"github.com/alexedwards/scs/v2"
)

func newSCS() (app, error) {
	manager := scs.New() // its default store is memstore
	return newHandlerApp(manager.LoadAndSave(pages{
		login: func(_ http.ResponseWriter, r *http.Request) error {
			manager.Put(r.Context(), userKey, user)
			manager.Put(r.Context(), themeKey, theme)
			manager.Put(r.Context(), tokenKey, token)
			manager.Put(r.Context(), visitsKey, 1)
			return nil
		},
		read: func(_ http.ResponseWriter, r *http.Request) error {
			name := manager.GetString(r.Context(), userKey)
			manager.GetInt(r.Context(), visitsKey)
			return expect(r, name)
		},
		write: func(_ http.ResponseWriter, r *http.Request) error {
			manager.Put(r.Context(), visitsKey, manager.GetInt(r.Context(), visitsKey)+1)
			return nil
		},
	})), nil
}
