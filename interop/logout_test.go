package interop

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
