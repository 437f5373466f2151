package interop

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/stretchr/testify/assert"
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

// runSCS starts a site with a manager that the test has configured.
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

// forEverySession calls fn with each session in scs's store.
func forEverySession(t *testing.T, manager *scs.SessionManager, fn func(scsVisit) error) {
	t.Helper()
	err := manager.Iterate(context.Background(), func(ctx context.Context) error {
		return fn(scsVisit{manager, ctx})
	})
	require.NoError(t, err)
}

// With an idle timeout, scs writes back every session that it has read, even if
// the request changed nothing.
func startSCSWithIdleTimeout(t *testing.T, store scs.Store) running {
	manager := scs.New()
	manager.IdleTimeout = 20 * time.Minute
	manager.Store = store
	return runSCS(t, manager)
}

func TestSCS_logout_with_an_idle_timeout(t *testing.T) {
	site := startSCSWithIdleTimeout(t, plug.SCS(newCache(t, roomy), "shop"))
	for range 200 {
		require.False(t, logoutDuring(t, site, "/slow-read"))
	}
}

// The logout is undone in scs's own store, which shows that the test above can
// fail. If this test fails, scs has fixed its memstore.
func TestSCS_logout_with_its_own_store(t *testing.T) {
	store := memstore.NewWithCleanupInterval(0) // no goroutine to stop
	site := startSCSWithIdleTimeout(t, store)
	assert.True(t, logoutDuring(t, site, "/slow-read"))
}

// An application logs a user out everywhere else with Iterate.
func TestSCS_iterate(t *testing.T) {
	manager := scs.New()
	manager.Store = plug.IterableSCS(newCache(t, roomy), "shop")
	site := runSCS(t, manager)
	here, there, bob := site.visitor(t), site.visitor(t), site.visitor(t)
	here.get("/login?user=alice")
	there.get("/login?user=alice")
	bob.get("/login?user=bob")
	current := here.cookie(manager.Cookie.Name)

	forEverySession(t, manager, func(v scsVisit) error {
		if v.get("user") == "alice" && manager.Token(v.ctx) != current {
			return v.destroy()
		}
		return nil
	})

	assert.Equal(t, "alice", here.get("/whoami"))
	assert.Equal(t, "", there.get("/whoami"))
	assert.Equal(t, "bob", bob.get("/whoami"))
}

func TestSCS_with_HashTokenInStore(t *testing.T) {
	manager := scs.New()
	manager.HashTokenInStore = true
	manager.Store = plug.SCS(newCache(t, roomy), "shop")
	v := runSCS(t, manager).visitor(t)
	v.get("/login?user=alice")
	assert.Equal(t, "alice", v.get("/whoami"))
	v.get("/logout")
	assert.Equal(t, "", v.get("/whoami"))
}

// A store without tokens must not offer Iterate to scs.
func TestSCS_store_without_tokens(t *testing.T) {
	var store any = plug.SCS(newCache(t, roomy), "shop")
	_, iterable := store.(scs.IterableStore)
	_, iterableCtx := store.(scs.IterableCtxStore)
	assert.False(t, iterable)
	assert.False(t, iterableCtx)
}
