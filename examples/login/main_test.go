package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/browser"
	"github.com/holdfast-go/holdfast/examples/internal/users"
)

func open(t *testing.T) *browser.Site {
	t.Helper()
	known := users.New(1000)
	require.NoError(t, known.SetPassword("ada", "engine"))
	require.NoError(t, known.SetPassword("bob", "builder"))
	sessions := browser.Sessions(t, holdfast.Options{AbsoluteLifetime: rememberedFor})
	return browser.Open(t, (&site{users: known, sessions: sessions}).handler())
}

// loggedIn returns a browser in which a user has logged in. userAgent names the
// browser in the list of places.
func loggedIn(t *testing.T, s *browser.Site, userAgent, name, password string) *browser.Browser {
	t.Helper()
	b := s.Browser()
	b.Header.Set("User-Agent", userAgent)
	page := b.Post("/login", "name", name, "password", password)
	require.Contains(t, page.Text, "You are logged in as "+name)
	return b
}

func isLoggedIn(b *browser.Browser) bool {
	return strings.Contains(b.Get("/").Text, "You are logged in as ")
}

func TestLogin_then_logout(t *testing.T) {
	ada := loggedIn(t, open(t), "Phone", "ada", "engine")
	assert.True(t, isLoggedIn(ada))

	page := ada.Post("/logout")
	assert.Contains(t, page.Text, "<h1>Log in</h1>")
	assert.False(t, isLoggedIn(ada))
	assert.Empty(t, ada.Cookie())
}

func TestLogin_with_a_wrong_password(t *testing.T) {
	someone := open(t).Browser()
	for _, attempt := range [][2]string{{"ada", "builder"}, {"ada", ""}, {"eve", "engine"}, {"", ""}} {
		page := someone.Post("/login", "name", attempt[0], "password", attempt[1])
		assert.Equal(t, http.StatusForbidden, page.Status)
		assert.Contains(t, page.Text, "There is no such user with that password.")
	}
	assert.Empty(t, someone.Cookie(), "a stranger needs no session")
}

func TestLogin_again_changes_the_ID(t *testing.T) {
	ada := loggedIn(t, open(t), "Phone", "ada", "engine")
	before := ada.Cookie()
	ada.Post("/login", "name", "ada", "password", "engine")
	assert.NotEqual(t, before, ada.Cookie())
	assert.Equal(t, 1, strings.Count(ada.Get("/").Text, "<li>"), "the old session has ended")
}

func TestLogin_that_is_remembered(t *testing.T) {
	for remember, lasting := range map[string]bool{"": false, "on": true} {
		ada := open(t).Browser()
		ada.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		page := ada.Post("/login", "name", "ada", "password", "engine", "remember", remember)
		assert.Equal(t, lasting, strings.Contains(page.Header.Get("Set-Cookie"), "Max-Age=2592000"), page.Header)
	}
}

func TestPlaces_are_listed(t *testing.T) {
	s := open(t)
	phone := loggedIn(t, s, "Phone", "ada", "engine")
	loggedIn(t, s, "<b>Laptop</b>", "ada", "engine")
	loggedIn(t, s, "Tablet", "bob", "builder")

	page := phone.Get("/").Text
	assert.Equal(t, 2, strings.Count(page, "<li>"))
	assert.Regexp(t, `(?s)Phone<br>.{1,40}127\.0\.0\.1, since .{1,100}this is where you are now`, page)
	assert.Regexp(t, `(?s)&lt;b&gt;Laptop&lt;/b&gt;<br>.{1,40}127\.0\.0\.1, since .{1,100}last seen`, page)
	assert.NotContains(t, page, "Tablet", "it is another user's")
}

func TestEnd_of_one_session(t *testing.T) {
	s := open(t)
	phone := loggedIn(t, s, "Phone", "ada", "engine")
	laptop := loggedIn(t, s, "Laptop", "ada", "engine")
	tablet := loggedIn(t, s, "Tablet", "ada", "engine")

	phone.Post("/end", "session", handle(t, phone, "Laptop"))
	assert.True(t, isLoggedIn(phone))
	assert.False(t, isLoggedIn(laptop))
	assert.True(t, isLoggedIn(tablet))
}

func TestEnd_of_another_users_session(t *testing.T) {
	s := open(t)
	phone := loggedIn(t, s, "Phone", "ada", "engine")
	laptop := loggedIn(t, s, "Laptop", "ada", "engine")
	bob := loggedIn(t, s, "Tablet", "bob", "builder")

	bob.Post("/end", "session", handle(t, phone, "Laptop"))
	bob.Post("/end", "session", "nonsense")
	s.Browser().Post("/end", "session", handle(t, phone, "Laptop"))
	assert.True(t, isLoggedIn(laptop))
}

func TestEndOthers(t *testing.T) {
	s := open(t)
	phone := loggedIn(t, s, "Phone", "ada", "engine")
	laptop := loggedIn(t, s, "Laptop", "ada", "engine")
	bob := loggedIn(t, s, "Tablet", "bob", "builder")

	assert.Contains(t, phone.Post("/end-others").Text, "Other sessions ended: 1.")
	assert.True(t, isLoggedIn(phone))
	assert.False(t, isLoggedIn(laptop))
	assert.True(t, isLoggedIn(bob))
}

func TestEndAll(t *testing.T) {
	s := open(t)
	phone := loggedIn(t, s, "Phone", "ada", "engine")
	laptop := loggedIn(t, s, "Laptop", "ada", "engine")
	bob := loggedIn(t, s, "Tablet", "bob", "builder")

	phone.Post("/end-all")
	assert.False(t, isLoggedIn(phone))
	assert.Empty(t, phone.Cookie())
	assert.False(t, isLoggedIn(laptop))
	assert.True(t, isLoggedIn(bob))
}

func TestPassword_ends_the_other_sessions(t *testing.T) {
	s := open(t)
	phone := loggedIn(t, s, "Phone", "ada", "engine")
	laptop := loggedIn(t, s, "Laptop", "ada", "engine")
	before := phone.Cookie()

	page := phone.Post("/password", "old", "engine", "new", "difference")
	assert.Contains(t, page.Text, "Your password is changed. Other sessions ended: 1.")
	assert.NotContains(t, phone.Get("/").Text, "Your password is changed.", "the notice is shown once")
	assert.NotEqual(t, before, phone.Cookie())
	assert.True(t, isLoggedIn(phone))
	assert.False(t, isLoggedIn(laptop))

	refused := laptop.Post("/login", "name", "ada", "password", "engine")
	assert.Equal(t, http.StatusForbidden, refused.Status)
	loggedIn(t, s, "Laptop", "ada", "difference")
}

func TestPassword_wrong_or_empty(t *testing.T) {
	s := open(t)
	phone := loggedIn(t, s, "Phone", "ada", "engine")
	laptop := loggedIn(t, s, "Laptop", "ada", "engine")
	for _, attempt := range [][2]string{{"wrong", "difference"}, {"engine", ""}} {
		page := phone.Post("/password", "old", attempt[0], "new", attempt[1])
		assert.Contains(t, page.Text, "The password stays as it was")
	}
	assert.True(t, isLoggedIn(laptop))
	loggedIn(t, s, "Tablet", "ada", "engine")
}

func TestForm_of_another_site(t *testing.T) {
	ada := loggedIn(t, open(t), "Phone", "ada", "engine")
	ada.Header.Set("Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusForbidden, ada.Post("/logout").Status)
	ada.Header.Del("Sec-Fetch-Site")
	assert.True(t, isLoggedIn(ada))
}

func TestRun_stops(t *testing.T) { browser.Stops(t, run) }

// handle returns the handle of the session in another browser, as in the page
// of b.
func handle(t *testing.T, b *browser.Browser, userAgent string) string {
	t.Helper()
	found := regexp.MustCompile(`(?s)` + userAgent + `<br>.*?name="session" value="([^"]+)"`).FindStringSubmatch(b.Get("/").Text)
	require.NotNil(t, found)
	return found[1]
}
