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
	sessions = browser.Sessions(t, options())
	return browser.Open(t, sessions.Handler(app())).Browser()
}

// The program before the move gives the same answers to these requests.
func TestProgram_answers_as_before(t *testing.T) {
	b := open(t)
	assert.Equal(t, "Stranger, visit 1\n", b.Get("/").Text)
	assert.Equal(t, "Stranger, visit 2\n", b.Get("/").Text)
	assert.Equal(t, "Welcome back!\nAda, visit 3\n", b.Post("/login", "name", "Ada").Text)
	assert.Equal(t, "Ada, visit 4\n", b.Get("/").Text)
	assert.Equal(t, "Stranger, visit 1\n", b.Post("/logout").Text)
	assert.Equal(t, "Welcome back!\nStranger, visit 2\n", b.Post("/login", "name", "").Text)
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
	assert.Regexp(t, `^sid=[^;]{43}; Path=/; Expires=[^;]+; Max-Age=43200; HttpOnly; SameSite=Lax$`, cookie)
	assert.NotContains(t, b.Get("/").Header, "Set-Cookie")
}

func TestGuide(t *testing.T) {
	guide.Check(t, "from-scs.md",
		"New()", "Lifetime", "IdleTimeout", "Store", "Codec", "GobCodec", "ErrorFunc", "HashTokenInStore",
		"Cookie.Name", "Cookie.Domain", "Cookie.Path", "Cookie.HttpOnly", "Cookie.SameSite", "Cookie.Secure",
		"Cookie.Partitioned", "Cookie.Persist", "LoadAndSave", "Load", "Commit", "WriteSessionCookie", "Destroy",
		"Put", "Get", "GetString", "GetBool", "GetInt", "GetInt64", "GetInt32", "GetFloat", "GetBytes", "GetTime",
		"Pop", "PopString", "PopBool", "PopInt", "PopFloat", "PopBytes", "PopTime", "Remove", "Clear", "Exists",
		"Keys", "RenewToken", "MergeSession", "Status", "Deadline", "SetDeadline", "Token",
		"RememberMe(ctx, true)", "RememberMe(ctx, false)", "Iterate",
		"NewSession()", "Unmodified", "Modified", "Destroyed",
		"Store.Find", "FindCtx", "Store.Commit", "CommitCtx", "Store.Delete", "DeleteCtx", "IterableStore.All", "AllCtx",
	)
}
