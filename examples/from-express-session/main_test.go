package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast/examples/internal/browser"
	"github.com/holdfast-go/holdfast/examples/internal/guide"
)

func open(t *testing.T) *browser.Browser {
	t.Helper()
	return browser.Open(t, app(browser.Sessions(t, options()))).Browser()
}

// The program before the move gives the same answers to these requests.
func TestProgram_answers_as_before(t *testing.T) {
	b := open(t)
	assert.Equal(t, "Stranger, visit 1\n", b.Get("/").Text)
	assert.Equal(t, "Stranger, visit 2\n", b.Get("/").Text)
	assert.Equal(t, "Ada, visit 1\n", b.Post("/login", "name", "Ada").Text)
	assert.Equal(t, "Ada, visit 2\n", b.Get("/").Text)
	assert.Equal(t, "Stranger, visit 1\n", b.Post("/logout").Text)
}

func TestIcon_is_no_visit(t *testing.T) {
	b := open(t)
	icon := b.Get("/favicon.ico")
	assert.Equal(t, http.StatusNotFound, icon.Status)
	assert.NotContains(t, icon.Header, "Set-Cookie")
	assert.Equal(t, "Stranger, visit 1\n", b.Get("/").Text)
}

func TestCookie_is_set_once(t *testing.T) {
	b := open(t)
	cookie := b.Get("/").Header.Get("Set-Cookie")
	assert.Regexp(t, `^sid=[^;]+; Path=/; Expires=[^;]+; Max-Age=86400; HttpOnly; SameSite=Lax$`, cookie)
	assert.NotContains(t, b.Get("/").Header, "Set-Cookie")
}

func TestCookie_behind_a_proxy_is_secure(t *testing.T) {
	b := open(t)
	b.Header.Set("X-Forwarded-Proto", "https")
	assert.Contains(t, b.Get("/").Header.Get("Set-Cookie"), "; Secure;")
}

func TestGuide(t *testing.T) {
	guide.Check(t, "from-express-session.md",
		"name", "secret", "resave", "rolling", "saveUninitialized", "genid", "proxy", "store",
		"unset: 'destroy'", "unset: 'keep'", "cookie.path", "cookie.domain", "cookie.httpOnly",
		"cookie.secure: 'auto'", "cookie.secure: true", "cookie.secure: false", "cookie.sameSite: 'lax'",
		"cookie.sameSite: 'auto'", "cookie.sameSite: false", "cookie.maxAge", "cookie.expires",
		"cookie.priority", "cookie.partitioned", "req.session", "req.session.regenerate",
		"req.session.destroy", "req.session.reload", "req.session.save", "req.session.touch",
		"req.session.id", "req.sessionID", "req.session.cookie", "req.session.cookie.maxAge",
		"req.session.cookie.originalMaxAge", "store.get", "store.set", "store.destroy", "store.touch",
		"store.all", "store.length", "store.clear",
	)
}
