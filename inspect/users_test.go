package inspect_test

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func permit(*http.Request) error { return nil }

// handles returns the handles in the forms of a page.
func handles(page string) (all []string) {
	for _, found := range regexp.MustCompile(`name="session" value="([0-9a-f]+)"`).FindAllStringSubmatch(page, -1) {
		all = append(all, found[1])
	}
	return all
}

func TestUsers_without_Allow(t *testing.T) {
	s := newSite(t, nil)
	_, page := s.get("")
	require.NotContains(t, page, `href="users"`)
	answer, _ := s.get("users")
	require.Equal(t, http.StatusNotFound, answer.StatusCode)
	answer, _ = s.post(sameOrigin, "user", "ada", "action", "end-all")
	require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
}

func TestUsers_not_allowed(t *testing.T) {
	s := newSite(t, func(r *http.Request) error { return errors.New("secret reason") })
	s.login("ada")
	_, page := s.get("")
	require.NotContains(t, page, `href="users"`)
	answer, _ := s.get("users")
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
	answer, text := s.post(sameOrigin, "user", "ada", "action", "end-all")
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
	require.NotContains(t, text, "secret")
	require.Equal(t, 1, s.cache.Len())
}

// Another site can make an operator's browser send a form, but not this one.
func TestUsers_forged(t *testing.T) {
	asked := 0
	s := newSite(t, func(*http.Request) error { asked++; return nil })
	s.login("ada")
	answer, _ := s.post(http.Header{"Sec-Fetch-Site": {"cross-site"}}, "user", "ada", "action", "end-all")
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
	answer, _ = s.post(http.Header{"Origin": {"https://evil.example"}}, "user", "ada", "action", "end-all")
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
	require.Equal(t, 1, s.cache.Len())
	require.Zero(t, asked)
}

func TestUsers_find(t *testing.T) {
	s := newSite(t, permit)
	s.login("ada")
	s.login("ada")
	s.login("<b>grace</b>")

	_, page := s.post(sameOrigin, "user", " ada ", "action", "find")
	require.Contains(t, page, "2 sessions of ada")
	require.Len(t, handles(page), 2)
	_, page = s.post(sameOrigin, "user", "<b>grace</b>", "action", "find")
	require.Contains(t, page, "1 session of &lt;b&gt;grace&lt;/b&gt;")
	_, page = s.post(sameOrigin, "user", "nobody", "action", "find")
	require.Contains(t, page, "nobody has no session")
	_, page = s.post(sameOrigin, "user", "", "action", "end-all")
	require.Empty(t, handles(page))
}

// An ending is asked about first. The question ends nothing.
func TestUsers_end_one(t *testing.T) {
	s := newSite(t, permit)
	s.login("ada")
	s.login("ada")
	_, page := s.post(sameOrigin, "user", "ada", "action", "find")
	one := handles(page)[0]

	_, page = s.post(sameOrigin, "user", "ada", "action", "ask-one", "session", one)
	require.Contains(t, page, "End this session of ada?")
	require.Equal(t, []string{one}, handles(page))
	require.Equal(t, 2, s.cache.Len())

	_, page = s.post(sameOrigin, "user", "ada", "action", "end-one", "session", one)
	require.Contains(t, page, `role="status">The session has ended.`)
	require.Contains(t, page, "1 session of ada")
	require.NotContains(t, handles(page), one)

	for _, action := range []string{"ask-one", "end-one"} {
		_, page = s.post(sameOrigin, "user", "ada", "action", action, "session", one)
		require.Contains(t, page, "The session had ended already.", action)
	}
	_, page = s.post(sameOrigin, "user", "grace", "action", "end-one", "session", handles(page)[0])
	require.Contains(t, page, "The session had ended already.", "a handle of another user ends nothing")
}

func TestUsers_end_all(t *testing.T) {
	s := newSite(t, permit)
	s.login("ada")
	s.login("ada")
	s.login("grace")
	_, page := s.post(sameOrigin, "user", "ada", "action", "ask-all")
	require.Contains(t, page, "End all sessions of ada?")
	_, page = s.post(sameOrigin, "user", "ada", "action", "end-all")
	require.Contains(t, page, "2 sessions ended.")
	require.Contains(t, page, "ada has no session")
	infos, err := s.sessions.Sessions(t.Context(), "grace")
	require.NoError(t, err)
	require.Len(t, infos, 1)
}

func TestUsers_form_is_bounded(t *testing.T) {
	s := newSite(t, permit)
	answer, _ := s.post(sameOrigin, "user", strings.Repeat("x", 20<<10), "action", "find")
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
}

func TestUsers_store_error(t *testing.T) {
	s := newSite(t, permit)
	s.login("ada")
	s.sessions.Close()
	s.cache.Close()
	_, page := s.post(sameOrigin, "user", "ada", "action", "end-all")
	require.Contains(t, page, "This did not work.")
}
