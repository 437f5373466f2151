package interop

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// logoutDuring logs a visitor in. It starts a request for page, which reads the
// session and waits, and logs the visitor out before that request ends. It
// reports whether a copy of the old cookie, or the cookie of the late response,
// is logged in afterwards.
func logoutDuring(t *testing.T, site running, page string) (loggedIn bool) {
	t.Helper()
	v := site.visitor(t)
	v.get("/login?user=alice")
	late, thief := v.thief(), v.thief()

	finished := make(chan struct{})
	go func() {
		late.try(page) // the status depends on the middleware
		close(finished)
	}()
	<-site.app.arrived
	v.get("/logout")
	site.app.proceed <- struct{}{}
	<-finished

	return thief.get("/whoami") != "" || late.get("/whoami") != ""
}

func TestLogout_during_a_request(t *testing.T) {
	forEachSite(t, roomy, long, func(t *testing.T, site running) {
		for range 20 {
			require.False(t, logoutDuring(t, site, "/slow"))
		}
	})
}

// A visitor can log in again, though a late request followed the logout.
func TestLogin_after_a_late_request(t *testing.T) {
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
