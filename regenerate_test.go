package holdfast_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/codec"
)

func TestRegenerateKeepsTheValuesUnderANewIDAndEndsTheOld(t *testing.T) {
	sealed, err := codec.NewSealed(codec.MsgPack{}, []byte("0123456789abcdef0123456789abcdef"))
	require.NoError(t, err)
	for name, c := range map[string]codec.Codec{"MsgPack": codec.MsgPack{}, "JSON": codec.JSON{}, "Sealed": sealed} {
		t.Run(name, func(t *testing.T) {
			site := serve(t, holdfast.Options{Codec: c}, pages{"/": count, "/views": views,
				"/login": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.Set("user", "ada")
					before := s.ID()
					if err := s.Regenerate(); err != nil {
						http.Error(w, err.Error(), http.StatusInternalServerError)
						return
					}
					user, _ := holdfast.Get[string](s, "user")
					fmt.Fprint(w, user, " ", s.ID() != before)
				}})
			ada := site.browser()
			old := ada.visit("/").cookie()

			assert.Equal(t, "ada true", ada.visit("/login").text)

			assert.Equal(t, "2", ada.visit("/").text)
			assert.Equal(t, "0 false", site.with(old.String(), "/views").text)
			assert.Equal(t, 1, sessionsIn(site.cache))
		})
	}
}

func TestRegenerateOfANewSessionGivesItAnotherID(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		before := s.ID()
		s.Regenerate()
		fmt.Fprint(w, s.ID() != before, s.Keys())
	}, "/keys": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.Keys()) }})
	assert.Equal(t, "true [a]", client.visit("/"))
	assert.Equal(t, "[a]", client.visit("/keys"))
}

func TestARegenerateWhoseGeneratorFailsLeavesTheSessionAsItWas(t *testing.T) {
	fails := false
	client := direct(t, holdfast.Options{NewID: func(r *http.Request) (string, error) {
		if fails {
			return "", errors.New("no")
		}
		return strings.Repeat("a", 22), nil
	}}, pages{"/": count, "/regenerate": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		fmt.Fprint(w, errors.Is(s.Regenerate(), holdfast.ErrID))
	}})
	client.visit("/")
	fails = true
	assert.Equal(t, "true", client.visit("/regenerate"))
	assert.Equal(t, "2", client.visit("/"))
}

func TestRegenerateWithAGeneratorThatRepeatsTheIDIsAnErrorAndNotALoop(t *testing.T) {
	store := &frail{Store: newCache(t), setsAllowed: 100}
	var err error
	client := direct(t, holdfast.Options{Store: store, NewID: func(*http.Request) (string, error) { return strings.Repeat("A", 22), nil }},
		pages{"/": count, "/views": views,
			"/regenerate": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { err = s.Regenerate() }})
	client.visit("/")
	client.visit("/regenerate")
	assert.ErrorIs(t, err, holdfast.ErrID)
	assert.Equal(t, "1 true", client.visit("/views"), "the session is as it was")
}

func TestARegenerateThatDoesNotFitLeavesTheSessionAsItWas(t *testing.T) {
	c := newCache(t)
	var told error
	client := direct(t, holdfast.Options{Store: c}, pages{"/": count, "/views": views,
		"/large": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("large", make([]byte, 2<<20))
			told = s.Regenerate()
			s.Reload()
		}})
	client.visit("/")
	client.visit("/large")
	assert.ErrorIs(t, told, cache.ErrTooLarge)
	assert.Equal(t, "1 true", client.visit("/views"))
	assert.Equal(t, 1, c.Len())
}
