package gorilla_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast/plug/gorilla"
)

// The README promises that a change of one line replaces a FilesystemStore. The
// test in this file sends the same requests to a FilesystemStore and to a Store
// and compares the answers.

// replaceable has the methods that the rest of an application may call.
type replaceable interface {
	sessions.Store
	MaxAge(age int)
	MaxLength(l int)
}

var (
	_ replaceable = (*sessions.FilesystemStore)(nil)
	_ replaceable = (*gorilla.Store)(nil)
)

// site is a store with the browser that visits it.
type site struct {
	store   replaceable
	browser browser
}

// step is one request: after a pause, the application changes its session and
// saves it.
type step struct {
	pause  time.Duration
	change func(*sessions.Session)
}

// outcome is the effect of a step, as browsers see it.
type outcome struct {
	Saved    bool   // Save returned no error
	LoggedIn any    // the user in the session of the browser's next request
	Copy     any    // the user in the session of a copy of the cookie from before
	IsNew    bool   // the next request starts a new session
	Cookie   string // the cookie's attributes, if it has a value
}

// visit makes one request to the site and then reads its sessions.
func (s site) visit(change func(*sessions.Session)) outcome {
	before := browser{name: s.browser[name]}
	r, w := s.browser.request(), httptest.NewRecorder()
	session, _ := s.store.Get(r, name) // an error means a new session
	change(session)
	err := session.Save(r, w)

	result := outcome{Saved: err == nil}
	for _, cookie := range s.browser.receive(w) {
		if cookie.Value != "" {
			cookie.Value = "" // a random ID
			result.Cookie = cookie.String()
		}
	}
	result.LoggedIn, result.IsNew = s.user(s.browser)
	result.Copy, _ = s.user(before)
	return result
}

// user returns the user in b's session and whether that session is new.
func (s site) user(b browser) (user any, isNew bool) {
	session, _ := s.store.New(b.request(), name) // an error means a new session
	return session.Values["user"], session.IsNew
}

func maxAge(seconds int) func(*sessions.Session) {
	return func(s *sessions.Session) { s.Options.MaxAge = seconds }
}

func TestFilesystemStore(t *testing.T) {
	login := step{change: set("user", "alice")}
	later := func(pause time.Duration) step { return step{pause, set("seen", true)} }
	maxLength := func(l int) func(replaceable) {
		return func(s replaceable) { s.MaxLength(l) }
	}
	loginWith := func(bytes int) step {
		return step{change: set("user", strings.Repeat("x", bytes))}
	}

	for what, test := range map[string]struct {
		configure func(replaceable)
		steps     []step
	}{
		"login":                {steps: []step{login, later(0)}},
		"MaxAge_0":             {steps: []step{login, {change: maxAge(0)}, later(0)}},
		"MaxAge_-1":            {steps: []step{login, {change: maxAge(-1)}, later(0)}},
		"MaxAge_3600":          {steps: []step{login, {change: maxAge(3600)}, later(0)}},
		"another_login":        {steps: []step{login, {change: maxAge(0)}, login}},
		"logout_twice":         {steps: []step{login, {change: maxAge(0)}, {change: maxAge(0)}}},
		"logout_without_login": {steps: []step{{change: maxAge(0)}, {change: maxAge(-1)}}},
		"login_with_MaxAge_0": {steps: []step{{change: func(s *sessions.Session) {
			s.Values["user"] = "alice"
			s.Options.MaxAge = 0
		}}}},
		"Options_without_MaxAge": {steps: []step{{change: func(s *sessions.Session) {
			s.Values["user"] = "alice"
			s.Options = &sessions.Options{Path: "/"}
		}}}},
		"store_MaxAge_0": {
			configure: func(s replaceable) { s.MaxAge(0) },
			steps:     []step{login, login},
		},
		"store_MaxAge_60": {
			configure: func(s replaceable) { s.MaxAge(60) },
			steps: []step{login, later(59 * time.Second), later(59 * time.Second),
				later(62 * time.Second)},
		},
		"MaxLength_default": {steps: []step{loginWith(2000)}},
		"MaxLength_8192":    {maxLength(8192), []step{loginWith(4000), loginWith(9000), later(0)}},
		"MaxLength_8192_logout": {maxLength(8192), []step{login, {change: func(s *sessions.Session) {
			s.Values["large"] = strings.Repeat("x", 9000)
			s.Options.MaxAge = -1
		}}}},
		"MaxLength_0":        {maxLength(0), []step{loginWith(100_000)}},
		"MaxLength_negative": {maxLength(-1), []step{login}},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				theirs := site{sessions.NewFilesystemStore(t.TempDir(), key), browser{}}
				ours := site{newStore(t, newCache(t)), browser{}}
				if test.configure != nil {
					test.configure(theirs.store)
					test.configure(ours.store)
				}
				for i, step := range test.steps {
					time.Sleep(step.pause)
					want, got := theirs.visit(step.change), ours.visit(step.change)
					assert.Equal(t, want, got, "step %d", i+1)
				}
			})
		})
	}
}
