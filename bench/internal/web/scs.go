package web

import (
	"net/http"

	"github.com/alexedwards/scs/v2"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug"
)

// newSCS is scs on its default store, which is memstore.
func newSCS() (app, error) { return scsApp(scs.New()), nil }

func newSCSOnHoldfast() (app, error) {
	c, err := cache.New(cache.Options{})
	if err != nil {
		return nil, err
	}
	manager := scs.New()
	manager.Store = plug.SCS(c, plugPrefix)
	return scsApp(manager), nil
}

func scsApp(manager *scs.SessionManager) app {
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
	}))
}
