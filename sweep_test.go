package holdfast_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// sweepActs are the acts of a handler. Each returns the error of the call that
// decides.
var sweepActs = map[string]func(s *holdfast.Session) error{
	"Login":           func(s *holdfast.Session) error { return s.Login("ada") },
	"Set_Login_Set":   func(s *holdfast.Session) error { s.Set("x", 1); err := s.Login("ada"); s.Set("y", 2); return err },
	"Regenerate":      func(s *holdfast.Session) error { s.Set("x", 1); return s.Regenerate() },
	"Regenerate_Set":  func(s *holdfast.Session) error { err := s.Regenerate(); s.Set("x", 1); s.Touch(); return err },
	"Destroy":         (*holdfast.Session).Destroy,
	"Destroy_Set":     func(s *holdfast.Session) error { err := s.Destroy(); s.Set("x", 1); return err },
	"Set_Save":        func(s *holdfast.Session) error { s.Set("x", 1); return s.Save() },
	"Reload_Set":      func(s *holdfast.Session) error { err := s.Reload(); s.Set("x", 1); return err },
	"SetIdleTimeout":  func(s *holdfast.Session) error { s.SetIdleTimeout(time.Minute); return nil },
	"Update_and_Pop":  func(s *holdfast.Session) error { increment(s); holdfast.Pop[int](s, "x"); return nil },
	"EndOthers_Touch": func(s *holdfast.Session) error { s.EndOthers(); return s.Touch() },
}

// Each call of the store fails in turn, in each act, for visitors and users and
// for a late request: with an error, with a panic, or with an error although it
// was carried out. A cache is swept like a Store, since with it the session is
// read later. A handler may recover, inside Handler or outside. Nobody may lose
// a session, keep a dead cookie or be logged in by a Login that failed.
func TestSweep(t *testing.T) {
	for act := range sweepActs {
		t.Run(act, func(t *testing.T) {
			t.Parallel()
			for _, state := range []string{"stranger", "visitor", "user", "late"} {
				for _, embedded := range []bool{false, true} {
					for _, fault := range []fault{refused, lost, panicked} {
						for _, inside := range []bool{false, true} {
							for _, rolling := range []bool{false, true} {
								for _, forever := range []bool{false, true} {
									if fault == lost && forever {
										continue // nobody could find out whether a session has moved
									}
									c := sweepCase{act, state, fault, embedded, inside, rolling, forever}
									for call := 1; c.run(t, call); call++ {
									}
								}
							}
						}
					}
				}
			}
		})
	}
}

type sweepCase struct {
	act, state                         string
	fault                              fault
	embedded, inside, rolling, forever bool
}

// run makes the case's request with the n-th call failing. It reports whether
// there was such a call.
func (c sweepCase) run(t *testing.T, n int) (failed bool) {
	t.Helper()
	small, err := cache.New(cache.Options{MaxBytes: 32 << 10})
	require.NoError(t, err)
	defer small.Close()
	store := failingIn(holdfast.InCache(small))
	store.fault, store.forever = c.fault, c.forever
	o := holdfast.Options{Store: store, Carrier: holdfast.Cookie{Rolling: c.rolling}, Logger: slog.New(slog.DiscardHandler)}
	events := &observer{}
	o.Observer = events.observe
	if c.embedded {
		o.Cache, o.Store = small, nil
	}
	manager, err := holdfast.New(o)
	require.NoError(t, err)
	holdfast.SetStore(manager, store)
	var acted *holdfast.Session
	var actErr error
	returned := false
	handler := pages{"/": count, "/views": views, "/who": who, "/regenerate": regenerate,
		"/login": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Login("ada") },
		"/new":   func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.IsNew()) },
		"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			acted, store.calls, store.failAt = s, 0, n
			actErr = sweepActs[c.act](s)
			returned = true
		}}.handler()
	if c.inside {
		handler = recovering(handler)
	}
	client := &directClient{handler: recovering(manager.Handler(handler))}
	if c.state != "stranger" {
		client.visit("/")
	}
	if c.state == "user" || c.state == "late" {
		client.visit("/login")
	}
	newer := client.twin()
	if c.state == "late" {
		newer.visit("/regenerate")
	}

	response := client.show("/act")

	store.failAt = 0
	ok := returned && actErr == nil
	cookies := response.Result().Cookies()
	login, destroys := c.act == "Login" || c.act == "Set_Login_Set", c.act == "Destroy" || c.act == "Destroy_Set"
	check := func(holds bool, promise string) {
		t.Helper()
		if !holds {
			t.Errorf("%s: %+v, call %d, code %d, cookies %v", promise, c, n, response.Code, cookies)
		}
	}
	check(len(cookies) <= 1, "one cookie at most")
	if acted != nil {
		acted.Err() // the lock is free, or the test hangs
	}
	if len(cookies) == 1 && cookies[0].MaxAge < 0 {
		client.cookie = nil
	} else if len(cookies) == 1 {
		check(client.visit("/new") == "false", "a cookie that is sent has a session")
	}
	user, values := client.visit("/who"), client.visit("/views")
	switch {
	case c.state == "late":
		check(len(cookies) == 0 || login && ok, "a late request sets no cookie")
		check(newer.visit("/who") == "ada" || destroys, "the session under the newer ID lives")
	case destroys:
		check(user == "" || !ok, "Destroy ends the session")
	case c.state == "user":
		check(user == "ada", "the user stays logged in")
		check(values == "1 true" || c.act == "Update_and_Pop", "the values stay")
	case login:
		check(user == "ada" || !ok, "a Login that succeeded is stored")
		check(user == "" || ok, "a Login that failed is not stored")
		check(values == "1 true" || c.state == "stranger", "the values stay")
	case c.state == "visitor":
		check(values == "1 true" || c.act == "Update_and_Pop", "the values stay")
	}
	if c.fault != lost && !c.forever { // else nobody knows whether the call, or the clean-up after it, was carried out
		check(slices.Equal(events.live(), handles(t, manager)), "the events tell which sessions there are")
	}
	return store.failed
}
