package main

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/examples/internal/browser"
	"github.com/holdfast-go/holdfast/examples/internal/users"
)

const loginBody = `{"name": "ada", "password": "engine"}`

func open(t *testing.T) *browser.Site {
	t.Helper()
	known := users.New(1000)
	require.NoError(t, known.SetPassword("ada", "engine"))
	return browser.Open(t, newHandler(browser.Sessions(t, options()), known))
}

// client is a client of the API. It sends the last token that it received.
type client struct{ *browser.Browser }

func (c client) send(method, path, body string) browser.Page {
	page := c.Send(method, path, "application/json", body)
	if given := page.Header.Values("X-Session"); len(given) > 0 {
		c.Header.Set("X-Session", given[0])
	}
	return page
}

func loggedIn(t *testing.T, s *browser.Site) client {
	t.Helper()
	c := client{s.Browser()}
	require.Equal(t, http.StatusOK, c.send("POST", "/login", loginBody).Status)
	return c
}

func TestToken_of_a_login(t *testing.T) {
	s := open(t)
	ada := loggedIn(t, s)
	assert.Contains(t, ada.send("GET", "/me", "").Text, `{"name":"ada","since":"`)

	stranger := s.Browser()
	page := stranger.Get("/me")
	assert.Equal(t, http.StatusUnauthorized, page.Status)
	assert.JSONEq(t, `{"error": "log in first, and send the X-Session that you get"}`, page.Text)
	assert.NotContains(t, page.Header, "X-Session", "a stranger gets no session")
}

func TestLogin_sets_no_cookie(t *testing.T) {
	page := open(t).Browser().Send("POST", "/login", "application/json", loginBody)
	assert.NotEmpty(t, page.Header.Get("X-Session"))
	assert.NotContains(t, page.Header, "Set-Cookie")
	assert.Equal(t, "no-store", page.Header.Get("Cache-Control"))
	assert.Equal(t, "X-Session", page.Header.Get("Vary"))
}

func TestLogin_with_a_wrong_password_or_body(t *testing.T) {
	for body, status := range map[string]int{
		`{"name": "ada", "password": "wrong"}`:  http.StatusForbidden,
		`{"name": "eve", "password": "engine"}`: http.StatusForbidden,
		`{}`:                                    http.StatusForbidden,
		`name=ada`:                              http.StatusBadRequest,
		``:                                      http.StatusBadRequest,
		`{"name": ["ada"]}`:                     http.StatusBadRequest,
	} {
		page := client{open(t).Browser()}.send("POST", "/login", body)
		assert.Equal(t, status, page.Status, body)
		assert.NotContains(t, page.Header, "X-Session", body)
	}
}

func TestLogout_ends_the_token(t *testing.T) {
	ada := loggedIn(t, open(t))
	token := ada.Header.Get("X-Session")
	assert.Equal(t, http.StatusNoContent, ada.send("POST", "/logout", "").Status)
	assert.Empty(t, ada.Header.Get("X-Session"), "the server tells the client to drop the token")

	ada.Header.Set("X-Session", token)
	assert.Equal(t, http.StatusUnauthorized, ada.send("GET", "/me", "").Status)
}

func TestLogin_ends_the_old_token(t *testing.T) {
	ada := loggedIn(t, open(t))
	before := ada.Header.Get("X-Session")
	ada.send("PUT", "/cart/tea", "2")
	ada.send("POST", "/login", loginBody)
	assert.NotEqual(t, before, ada.Header.Get("X-Session"))
	assert.JSONEq(t, `{"tea": 2}`, ada.send("GET", "/cart", "").Text, "the values are kept")

	ada.Header.Set("X-Session", before)
	assert.Equal(t, http.StatusUnauthorized, ada.send("GET", "/cart", "").Status)
}

func TestCart_belongs_to_the_session(t *testing.T) {
	s := open(t)
	phone, laptop := loggedIn(t, s), loggedIn(t, s)
	assert.JSONEq(t, `{}`, phone.send("GET", "/cart", "").Text)
	assert.JSONEq(t, `{"tea": 2}`, phone.send("PUT", "/cart/tea", "2").Text)
	assert.JSONEq(t, `{"tea": 2, "milk": 1}`, phone.send("PUT", "/cart/milk", "1").Text)
	assert.JSONEq(t, `{"milk": 1}`, phone.send("PUT", "/cart/tea", "0").Text)
	assert.JSONEq(t, `{"milk": 1}`, phone.send("GET", "/cart", "").Text)
	assert.JSONEq(t, `{}`, laptop.send("GET", "/cart", "").Text)

	for _, body := range []string{"", "many", "-1", "1001", "1.5"} {
		assert.Equal(t, http.StatusBadRequest, phone.send("PUT", "/cart/tea", body).Status, body)
	}
}

func TestCart_keeps_concurrent_items(t *testing.T) {
	const items = 20
	ada := loggedIn(t, open(t))
	var puts sync.WaitGroup
	for i := range items {
		puts.Go(func() { ada.Send("PUT", fmt.Sprintf("/cart/item%d", i), "application/json", "1") })
	}
	puts.Wait()
	cart := ada.send("GET", "/cart", "").Text
	for i := range items {
		assert.Contains(t, cart, fmt.Sprintf(`"item%d":1`, i))
	}
}

func TestRun_stops(t *testing.T) { browser.Stops(t, run) }
