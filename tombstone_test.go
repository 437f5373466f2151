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

// No response may take the place of a newer cookie of the same browser.

// lateSite has a page that does something and then waits until another request
// of the same client has logged in.
func lateSite(t *testing.T, o holdfast.Options, look func(s *holdfast.Session)) (client *directClient, late func() *http.Cookie) {
	client = direct(t, o, pages{"/": count, "/views": views,
		"/login": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.Login("ada")) },
		"/who":   who,
		"/late": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			look(s)
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

func TestALateResponseSetsNoCookie(t *testing.T) {
	for name, look := range map[string]func(s *holdfast.Session){
		"looks":        func(s *holdfast.Session) { s.IsNew() },
		"changes":      func(s *holdfast.Session) { s.Set("a", 1) },
		"saves an age": func(s *holdfast.Session) { s.SetIdleTimeout(time.Hour); assert.NoError(t, s.Save()) },
	} {
		for _, rolling := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", rolling ", rolling), func(t *testing.T) {
				client, late := lateSite(t, holdfast.Options{Carrier: &holdfast.Cookie{Rolling: rolling}}, look)
				assert.Nil(t, late())
				assert.Equal(t, "ada", client.visit("/who"))
			})
		}
	}
}

// With the session still there, the same responses do set it: the control.
func TestAResponseInTimeSetsTheCookie(t *testing.T) {
	client := direct(t, holdfast.Options{Carrier: &holdfast.Cookie{Rolling: true}}, pages{"/": count})
	client.visit("/")
	assert.Len(t, client.show("/").Result().Cookies(), 1)
}

func TestARequestWithAReplacedID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := lateSite(t, holdfast.Options{}, nil)
		late := client.twin()
		client.visit("/login")
		old := late.cookie.Value

		response := late.show("/") // stores a value
		assert.Empty(t, response.Result().Cookies(), "it begins no session")
		assert.Equal(t, "0 false", late.visit("/views"), "and sees none")
		assert.Equal(t, "ada", client.visit("/who"))

		late.visit("/login")
		assert.NotEqual(t, old, late.cookie.Value, "but may log in")
		assert.Equal(t, "ada", late.visit("/who"))

		late.cookie.Value = old
		time.Sleep(2 * time.Minute)
		late.visit("/")
		assert.NotEqual(t, old, late.cookie.Value, "later on, it is a stranger's")
		assert.Equal(t, "1 true", late.visit("/views"))
	})
}
