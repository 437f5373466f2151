package holdfast_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast"
)

// A late response must not replace a newer cookie of the same browser.

// lateSite is a site whose page /late calls act and then waits for the login of
// the same client in another request. late visits that page and returns the
// cookie that it sets, or nil.
func lateSite(t *testing.T, o holdfast.Options, act func(s *holdfast.Session)) (client *directClient, late func() *http.Cookie) {
	client = direct(t, o, pages{"/": count, "/views": views,
		"/login": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.Login("ada")) },
		"/who":   who,
		"/late": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			act(s)
			assert.Equal(t, "<nil>", client.visit("/login"))
		}})
	client.visit("/")
	slow := client.twin()
	return client, func() *http.Cookie {
		before := slow.cookie.Value
		response := slow.show("/late").Result()
		assert.Equal(t, http.StatusOK, response.StatusCode)
		assert.NotEqual(t, before, client.cookie.Value)
		for _, cookie := range response.Cookies() {
			return cookie
		}
		return nil
	}
}

// A response sets no cookie if another request has replaced the ID meanwhile.
func TestTombstone_late_response(t *testing.T) {
	for name, act := range map[string]func(s *holdfast.Session){
		"reads":   func(s *holdfast.Session) { s.IsNew() },
		"changes": func(s *holdfast.Session) { s.Set("a", 1) },
		"saves":   func(s *holdfast.Session) { s.SetIdleTimeout(time.Hour); assert.NoError(t, s.Save()) },
	} {
		for suffix, rolling := range map[string]bool{"": false, ", rolling": true} {
			t.Run(name+suffix, func(t *testing.T) {
				client, late := lateSite(t, holdfast.Options{Carrier: &holdfast.Cookie{Rolling: rolling}}, act)
				assert.Nil(t, late())
				assert.Equal(t, "ada", client.visit("/who"))
			})
		}
	}
}

// This is the control: while the session lives, the same response sets the
// cookie.
func TestTombstone_timely_response(t *testing.T) {
	client := direct(t, holdfast.Options{Carrier: &holdfast.Cookie{Rolling: true}}, pages{"/": count})
	client.visit("/")
	assert.Len(t, client.show("/").Result().Cookies(), 1)
}

// For a minute, a request with a replaced ID begins no session, unless it logs
// in.
func TestTombstone_request_with_the_old_ID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := lateSite(t, holdfast.Options{}, nil)
		late := client.twin()
		client.visit("/login")
		old := late.cookie.Value

		response := late.show("/") // stores a value
		assert.Empty(t, response.Result().Cookies(), "the old ID begins no session")
		assert.Equal(t, "0 false", late.visit("/views"), "the old ID has no session")
		assert.Equal(t, "ada", client.visit("/who"))

		late.visit("/login")
		assert.NotEqual(t, old, late.cookie.Value, "the old ID may log in")
		assert.Equal(t, "ada", late.visit("/who"))

		late.cookie.Value = old
		time.Sleep(2 * time.Minute)
		late.visit("/")
		assert.NotEqual(t, old, late.cookie.Value, "later, the old ID is as any unissued ID")
		assert.Equal(t, "1 true", late.visit("/views"))
	})
}
