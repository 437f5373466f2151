package interop

import (
	"net/http"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/plug"
)

// logoutDuring logs a visitor in, and out again while a request for page is
// under way that has read the session. It reports whether who kept the cookie,
// or took the one that the late response set, is logged in after that.
func logoutDuring(t *testing.T, site running, page string) (loggedIn bool) {
	t.Helper()
	v := site.visitor(t)
	v.get("/login?user=alice")
	late, thief := v.thief(), v.thief()

	finished := make(chan struct{})
	go func() {
		late.try(page) // what it is answered is up to the middleware
		close(finished)
	}()
	<-site.app.arrived
	v.get("/logout")
	site.app.proceed <- struct{}{}
	<-finished

	return thief.get("/whoami") != "" || late.get("/whoami") != ""
}

func TestLogoutIsNotUndoneByARequestUnderWay(t *testing.T) {
	forEachSite(t, roomy, long, func(t *testing.T, site running) {
		for range 20 {
			require.False(t, logoutDuring(t, site, "/slow"))
		}
	})
}

func TestVisitorCanLogInAgainThoughALateRequestFollowedTheLogout(t *testing.T) {
	forEachSite(t, roomy, long, func(t *testing.T, site running) {
		v := site.visitor(t)
		v.get("/login?user=alice")
		finished := make(chan struct{})
		go func() {
			v.try("/slow")
			close(finished)
		}()
		<-site.app.arrived
		v.get("/logout")
		site.app.proceed <- struct{}{}
		<-finished

		v.get("/login?user=bob")
		assert.Equal(t, "bob", v.get("/whoami"))
	})
}

// With an idle timeout, scs writes back every session that it has read, even if
// the request changed nothing in it.
func startSCSWithIdleTimeout(t *testing.T, store scs.Store) running {
	manager := scs.New()
	manager.IdleTimeout = 20 * time.Minute
	manager.Store = store
	return runSCS(t, manager)
}

func TestSCSLogoutIsNotUndoneByAnIdleTimeout(t *testing.T) {
	site := startSCSWithIdleTimeout(t, plug.SCS(newCache(t, roomy), "shop"))
	for range 200 {
		require.False(t, logoutDuring(t, site, "/slow-read"))
	}
}

// This is what the test above guards against. If it fails, scs has found its
// own remedy.
func TestSCSLogoutIsUndoneByAnIdleTimeoutInItsOwnStore(t *testing.T) {
	store := memstore.NewWithCleanupInterval(0) // no goroutine that nobody stops
	site := startSCSWithIdleTimeout(t, store)
	assert.True(t, logoutDuring(t, site, "/slow-read"))
}

func TestSCSIterateLogsAUserOutEverywhereElse(t *testing.T) {
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

func TestSCSStoreThatKeepsNoTokensDoesNotClaimToIterate(t *testing.T) {
	var store any = plug.SCS(newCache(t, roomy), "shop")
	_, iterable := store.(scs.IterableStore)
	_, iterableCtx := store.(scs.IterableCtxStore)
	assert.False(t, iterable)
	assert.False(t, iterableCtx)
}

func TestFiberResetLogsOutFibersUsersOnly(t *testing.T) {
	c := newCache(t, roomy)
	visitors := map[string]*visitor{}
	for _, s := range sites {
		v := run(t, s, setup{newApp(), c, "shop", long}).visitor(t)
		v.get("/login?user=alice")
		visitors[s.name] = v
	}

	require.NoError(t, plug.Fiber(c, "shop").Reset())

	for name, v := range visitors {
		want := "alice"
		if name == "fiber v2" || name == "fiber v3" {
			want = ""
		}
		assert.Equal(t, want, v.get("/whoami"), name)
	}
}

func TestFastHTTPRefusesALateRequestOfADestroyedSession(t *testing.T) {
	site := run(t, sites[len(sites)-1], setup{newApp(), newCache(t, roomy), "shop", long})
	v := site.visitor(t)
	v.get("/login?user=alice")
	late := v.thief()
	v.get("/logout")
	status, _ := late.try("/views")
	assert.Equal(t, http.StatusInternalServerError, status)
}
