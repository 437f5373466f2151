package interop

import (
	"context"
	"net/http"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/plug"
)

var (
	_ scs.Store            = (*plug.SCSStore)(nil)
	_ scs.CtxStore         = (*plug.SCSStore)(nil)
	_ scs.Store            = (*plug.IterableSCSStore)(nil)
	_ scs.CtxStore         = (*plug.IterableSCSStore)(nil)
	_ scs.IterableStore    = (*plug.IterableSCSStore)(nil)
	_ scs.IterableCtxStore = (*plug.IterableSCSStore)(nil)
)

func startSCS(t *testing.T, with setup) string {
	manager := scs.New()
	manager.Lifetime = with.ttl
	manager.Store = plug.SCS(with.cache, with.prefix)
	return serveSCS(t, manager, with.app)
}

// runSCS is run for a manager that a test has set up by itself.
func runSCS(t *testing.T, manager *scs.SessionManager) running {
	app := newApp()
	url := serveSCS(t, manager, app)
	return visited(t, running{site: site{name: "scs"}, setup: setup{app: app}, url: url})
}

func serveSCS(t *testing.T, manager *scs.SessionManager, app *app) string {
	return serveHTTP(t, manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := app.serve(scsVisit{manager, r.Context()}, r.URL.Path, r.URL.Query())
		if err != nil {
			http.Error(w, "error", http.StatusInternalServerError)
			return
		}
		w.Write([]byte(body))
	})))
}

type scsVisit struct {
	manager *scs.SessionManager
	ctx     context.Context
}

func (v scsVisit) get(key string) string { return v.manager.GetString(v.ctx, key) }
func (v scsVisit) set(key, value string) { v.manager.Put(v.ctx, key, value) }
func (v scsVisit) renew() error          { return v.manager.RenewToken(v.ctx) }
func (v scsVisit) destroy() error        { return v.manager.Destroy(v.ctx) }
func (v scsVisit) save() error           { return nil }

func (v scsVisit) addFlash(message string) { v.manager.Put(v.ctx, "flash", message) }

func (v scsVisit) flashes() []string {
	if message := v.manager.PopString(v.ctx, "flash"); message != "" {
		return []string{message}
	}
	return nil
}

// forEverySession has scs call fn with each session that it knows.
func forEverySession(t *testing.T, manager *scs.SessionManager, fn func(scsVisit) error) {
	t.Helper()
	err := manager.Iterate(context.Background(), func(ctx context.Context) error {
		return fn(scsVisit{manager, ctx})
	})
	require.NoError(t, err)
}
