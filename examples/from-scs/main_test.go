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

const document = "from-scs.md"

func open(t *testing.T) *browser.Browser {
	t.Helper()
	var err error
	sessions, err = holdfast.New(options())
	require.NoError(t, err)
	t.Cleanup(func() { sessions.Close() })
	return browser.Open(t, sessions.Handler(app())).Browser()
}

// The program before gives these answers to these requests.
func TestTheProgramAnswersAsTheOneBeforeDoes(t *testing.T) {
	b := open(t)
	assert.Equal(t, "Stranger, visit 1\n", b.Get("/").Text)
	assert.Equal(t, "Stranger, visit 2\n", b.Get("/").Text)
	assert.Equal(t, "Welcome back!\nAda, visit 3\n", b.Post("/login", "name", "Ada").Text)
	assert.Equal(t, "Ada, visit 4\n", b.Get("/").Text)
	assert.Equal(t, "Stranger, visit 1\n", b.Post("/logout").Text)
	assert.Equal(t, "Welcome back!\nStranger, visit 2\n", b.Post("/login", "name", "").Text)
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
	assert.Regexp(t, `^sid=[^;]{43}; Path=/; Expires=[^;]+; Max-Age=43200; HttpOnly; SameSite=Lax$`, cookie)
	assert.NotContains(t, b.Get("/").Header, "Set-Cookie")
}

func TestTheProgramInTheDocumentIsThisOne(t *testing.T) {
	program, err := os.ReadFile("main.go")
	require.NoError(t, err)
	assert.Equal(t, strings.ReplaceAll(string(program), "\r\n", "\n"), guide.Code(t, guide.Read(t, document), "### After"))
}

func TestTheDocumentNamesOnlyWhatExists(t *testing.T) {
	assert.Empty(t, guide.WrongNames(t, guide.Read(t, document)))
}

func TestTheDocumentHasAllThatScsHas(t *testing.T) {
	named := guide.FirstColumn(guide.Read(t, document))
	for _, name := range []string{
		"New()", "Lifetime", "IdleTimeout", "Store", "Codec", "GobCodec", "ErrorFunc", "HashTokenInStore",
		"Cookie.Name", "Cookie.Domain", "Cookie.Path", "Cookie.HttpOnly", "Cookie.SameSite", "Cookie.Secure",
		"Cookie.Partitioned", "Cookie.Persist", "LoadAndSave", "Load", "Commit", "WriteSessionCookie", "Destroy",
		"Put", "Get", "GetString", "GetBool", "GetInt", "GetInt64", "GetInt32", "GetFloat", "GetBytes", "GetTime",
		"Pop", "PopString", "PopBool", "PopInt", "PopFloat", "PopBytes", "PopTime", "Remove", "Clear", "Exists",
		"Keys", "RenewToken", "MergeSession", "Status", "Deadline", "SetDeadline", "Token",
		"RememberMe(ctx, true)", "RememberMe(ctx, false)", "Iterate",
		"NewSession()", "Unmodified", "Modified", "Destroyed",
		"Store.Find", "FindCtx", "Store.Commit", "CommitCtx", "Store.Delete", "DeleteCtx", "IterableStore.All", "AllCtx",
	} {
		assert.Contains(t, named, "`"+name+"`")
	}
}
