package main

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/browser"
	"github.com/holdfast-go/holdfast/examples/internal/guide"
)

const document = "from-express-session.md"

func open(t *testing.T) *browser.Browser {
	t.Helper()
	sessions, err := holdfast.New(options())
	require.NoError(t, err)
	t.Cleanup(func() { sessions.Close() })
	return browser.Open(t, app(sessions)).Browser()
}

// The program before gives these answers to these requests.
func TestTheProgramAnswersAsTheOneBeforeDoes(t *testing.T) {
	b := open(t)
	assert.Equal(t, "Stranger, visit 1\n", b.Get("/").Text)
	assert.Equal(t, "Stranger, visit 2\n", b.Get("/").Text)
	assert.Equal(t, "Ada, visit 1\n", b.Post("/login", "name", "Ada").Text)
	assert.Equal(t, "Ada, visit 2\n", b.Get("/").Text)
	assert.Equal(t, "Stranger, visit 1\n", b.Post("/logout").Text)
}

func TestAnIconIsNoVisit(t *testing.T) {
	b := open(t)
	icon := b.Get("/favicon.ico")
	assert.Equal(t, http.StatusNotFound, icon.Status)
	assert.NotContains(t, icon.Header, "Set-Cookie")
	assert.Equal(t, "Stranger, visit 1\n", b.Get("/").Text)
}

func TestTheCookieIsSetOnce(t *testing.T) {
	b := open(t)
	cookie := b.Get("/").Header.Get("Set-Cookie")
	assert.Regexp(t, `^sid=[^;]+; Path=/; Expires=[^;]+; Max-Age=86400; HttpOnly; SameSite=Lax$`, cookie)
	assert.NotContains(t, b.Get("/").Header, "Set-Cookie")
}

func TestBehindTheProxyTheCookieIsSecure(t *testing.T) {
	b := open(t)
	b.Header.Set("X-Forwarded-Proto", "https")
	assert.Contains(t, b.Get("/").Header.Get("Set-Cookie"), "; Secure;")
}

func TestTheProgramInTheDocumentIsThisOne(t *testing.T) {
	program, err := os.ReadFile("main.go")
	require.NoError(t, err)
	assert.Equal(t, strings.ReplaceAll(string(program), "\r\n", "\n"), guide.Code(t, guide.Read(t, document), "### After"))
}

func TestTheDocumentNamesOnlyWhatExists(t *testing.T) {
	assert.Empty(t, guide.WrongNames(t, guide.Read(t, document)))
}

func TestTheDocumentHasAllThatExpressSessionDocuments(t *testing.T) {
	named := guide.FirstColumn(guide.Read(t, document))
	for _, name := range []string{
		"name", "secret", "resave", "rolling", "saveUninitialized", "genid", "proxy", "store",
		"unset: 'destroy'", "unset: 'keep'", "cookie.path", "cookie.domain", "cookie.httpOnly",
		"cookie.secure: 'auto'", "cookie.secure: true", "cookie.secure: false", "cookie.sameSite: 'lax'",
		"cookie.sameSite: 'auto'", "cookie.sameSite: false", "cookie.maxAge", "cookie.expires",
		"cookie.priority", "cookie.partitioned", "req.session", "req.session.regenerate",
		"req.session.destroy", "req.session.reload", "req.session.save", "req.session.touch",
		"req.session.id", "req.sessionID", "req.session.cookie", "req.session.cookie.maxAge",
		"req.session.cookie.originalMaxAge", "store.get", "store.set", "store.destroy", "store.touch",
		"store.all", "store.length", "store.clear",
	} {
		assert.Contains(t, named, "`"+name+"`")
	}
}
