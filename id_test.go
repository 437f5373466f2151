package holdfast_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

// Each bit takes both values.
func TestID_256_random_bits(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		fmt.Fprint(w, s.ID())
	}})
	var ones, zeros [32]byte
	for range 1000 {
		id, err := base64.RawURLEncoding.DecodeString(client.visit("/"))
		require.NoError(t, err)
		require.Len(t, id, len(ones))
		for i, b := range id {
			ones[i] |= b
			zeros[i] |= ^b
		}
	}
	all := bytes.Repeat([]byte{0xff}, len(ones))
	assert.Equal(t, all, ones[:])
	assert.Equal(t, all, zeros[:])
}

// The server does not adopt an ID that it did not issue.
func TestID_unissued(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count})
	presented := strings.Repeat("A", 43)

	cookie := site.with("session="+presented, "/").cookie()

	require.NotNil(t, cookie)
	assert.NotEqual(t, presented, cookie.Value)
	assert.Equal(t, "1", site.with("session="+presented, "/").text)
}

// A malformed ID never reaches the store.
func TestID_malformed(t *testing.T) {
	id := strings.Repeat("A", 43)
	for _, presented := range []string{
		"", "A", id[1:], id + "A", "../" + id[3:], id[1:] + "\x00", id[1:] + "%", id[1:] + "=", id[1:] + "+", `"` + id + `"`, strings.Repeat("A", 1<<16),
	} {
		store := newRecording(t)
		client := direct(t, holdfast.Options{Store: store}, pages{"/views": views})
		assert.Equal(t, "0 false", client.visitWith("session="+presented, "/views"))
		assert.Zero(t, store.count("Get"), "%.50q", presented)
	}
}

// The key of a session in the store opens no session.
func TestStoreKey_is_not_the_ID(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views})
	id := site.browser().visit("/").cookie().Value
	for key, record := range site.cache.All() {
		assert.NotContains(t, key, id)
		assert.NotContains(t, string(record), id)
		for _, presented := range []string{
			hex.EncodeToString([]byte(key)), base64.RawURLEncoding.EncodeToString([]byte(key)),
		} {
			assert.Equal(t, "0 false", site.with("session="+presented, "/views").text)
		}
	}
}

func TestNewID_receives_the_request(t *testing.T) {
	client := direct(t, holdfast.Options{NewID: func(r *http.Request) (string, error) {
		return strings.Repeat(r.URL.Query().Get("letter"), 22), nil
	}}, pages{"/": count})
	client.visit("/?letter=x")
	assert.Equal(t, strings.Repeat("x", 22), client.cookie.Value)
	assert.Equal(t, "2", client.visit("/"))
}

// An error or an invalid ID fails the response. It never leads to a weaker ID.
func TestNewID_fails(t *testing.T) {
	errEmpty := errors.New("the entropy is used up")
	for name, test := range map[string]struct {
		id  string
		err error
	}{
		"an error":         {strings.Repeat("a", 43), errEmpty},
		"nothing":          {"", nil},
		"too short":        {strings.Repeat("a", 21), nil},
		"too long":         {strings.Repeat("a", 257), nil},
		"a space":          {strings.Repeat("a", 22) + " ", nil},
		"a semicolon":      {strings.Repeat("a", 22) + ";", nil},
		"a line break":     {strings.Repeat("a", 22) + "\r\n", nil},
		"a path":           {"../" + strings.Repeat("a", 22), nil},
		"a NUL":            {strings.Repeat("a", 22) + "\x00", nil},
		"outside of ASCII": {strings.Repeat("ä", 22), nil},
		"a percent escape": {strings.Repeat("a", 22) + "%41", nil},
	} {
		t.Run(name, func(t *testing.T) {
			manager, site := manage(t, holdfast.Options{NewID: func(*http.Request) (string, error) { return test.id, test.err }})
			var saveErr error
			response := record(manager.Handler(pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Set("a", 1)
				saveErr = s.Save()
				fmt.Fprint(w, "all is well")
			}}.handler()), get("/"))
			assert.Equal(t, http.StatusInternalServerError, response.Code)
			assert.Empty(t, response.Header().Get("Set-Cookie"))
			assert.Zero(t, site.cache.Len())
			assert.ErrorIs(t, saveErr, holdfast.ErrID)
			if test.err != nil {
				assert.ErrorIs(t, saveErr, errEmpty)
			}
		})
	}
}

// ID is empty, and Err has the reason.
func TestNewID_fails_ID_and_Err(t *testing.T) {
	client := direct(t, holdfast.Options{NewID: func(*http.Request) (string, error) { return "", errors.New("no") }},
		pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			assert.Empty(t, s.ID())
			assert.Empty(t, s.Token())
			assert.ErrorIs(t, s.Err(), holdfast.ErrID)
		}})
	assert.Equal(t, http.StatusInternalServerError, client.show("/").Code)
}

// A repeated ID does not open the session that has it.
func TestNewID_repeats_an_ID(t *testing.T) {
	client := direct(t, holdfast.Options{NewID: func(*http.Request) (string, error) { return strings.Repeat("A", 22), nil }},
		pages{"/": count, "/views": views, "/set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("mallory", true) }})
	client.visit("/")
	client.anonymous().visit("/set")
	assert.Equal(t, "1 true", client.visit("/views"), "Ada's session is unchanged")
}
