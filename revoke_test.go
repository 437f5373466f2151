package holdfast_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

// A session that gets a new ID after each listing is in none of them. EndUser
// still ends it.
func TestEndUser_sessions_with_new_IDs(t *testing.T) {
	store := &meddling{Store: newStore(t)}
	manager, client := userSite(t, holdfast.Options{Store: store}, nil)
	client.visit("/login?user=ada")
	regenerations := 0
	var regenerate func()
	regenerate = func() {
		regenerations++
		client.visit("/regenerate")
		store.afterListing = regenerate
	}
	store.afterListing = regenerate

	_, err := manager.EndUser(t.Context(), "ada")

	require.NoError(t, err)
	assert.Positive(t, regenerations)
	assert.Empty(t, client.visit("/who"))
	infos, err := manager.Sessions(t.Context(), "ada")
	require.NoError(t, err)
	assert.Empty(t, infos)
}

// EndUser spares nobody, also not the session that an earlier EndOthers spared.
func TestEndUser_after_EndOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &meddling{Store: newStore(t)}
		manager, client := userSite(t, holdfast.Options{Store: store}, pages{
			"/others": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, ended(s.EndOthers())) }})
		client.visit("/login?user=ada")
		time.Sleep(time.Second)
		require.Equal(t, "0 <nil>", client.visit("/others"))
		var regenerate func()
		regenerate = func() {
			client.visit("/regenerate")
			store.afterListing = regenerate
		}
		store.afterListing = regenerate

		_, err := manager.EndUser(t.Context(), "ada")

		require.NoError(t, err)
		assert.Empty(t, client.visit("/who"))
	})
}

func TestEndOthers_sessions_with_new_IDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &meddling{Store: newStore(t)}
		_, client := userSite(t, holdfast.Options{Store: store}, pages{
			"/others": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				_, err := s.EndOthers()
				fmt.Fprint(w, err, s.Regenerate())
			}})
		other, this := client.anonymous(), client.anonymous()
		other.visit("/login?user=ada")
		time.Sleep(time.Second)
		this.visit("/login?user=ada")
		var regenerate func()
		regenerate = func() {
			other.visit("/regenerate")
			store.afterListing = regenerate
		}
		store.afterListing = regenerate

		assert.Equal(t, "<nil> <nil>", this.visit("/others"), "the session may get a new ID")

		store.afterListing = nil
		assert.Empty(t, other.visit("/who"))
		assert.Equal(t, "ada", this.visit("/who"))

		time.Sleep(time.Second)
		other.visit("/login?user=ada")
		assert.Equal(t, "<nil> <nil>", other.visit("/others"), "a later session may too")
		assert.Equal(t, "ada", other.visit("/who"))
		assert.Empty(t, this.visit("/who"))
	})
}

// All requests are under way at the same time. EndUser logs out every session
// that was logged in before.
func TestEndUser_concurrent_Regenerate(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{}, nil)
	for range 20 {
		var browsers []*directClient
		for range 8 {
			browser := client.anonymous()
			browser.visit("/login?user=ada")
			browsers = append(browsers, browser)
		}
		var over atomic.Bool
		var regenerating sync.WaitGroup
		for _, browser := range browsers {
			regenerating.Go(func() {
				for !over.Load() {
					browser.visit("/regenerate")
				}
			})
		}
		_, err := manager.EndUser(t.Context(), "ada")
		require.NoError(t, err)
		over.Store(true)
		regenerating.Wait()
		for _, browser := range browsers {
			require.Empty(t, browser.visit("/who"))
		}
		infos, err := manager.Sessions(t.Context(), "ada")
		require.NoError(t, err)
		require.Empty(t, infos)
	}
}

// If the store fails before it knows whether the session has ended, the session
// stays as it was.
func TestRegenerate_store_away(t *testing.T) {
	store := newAway(t)
	_, client := userSite(t, holdfast.Options{Store: store}, pages{
		"/away": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.UserID()
			store.away.Store(true)
			defer store.away.Store(false)
			fmt.Fprint(w, s.Regenerate())
		}})
	client.visit("/login?user=ada")
	assert.Equal(t, errAway.Error(), client.visit("/away"))
	assert.Equal(t, "ada", client.visit("/who"))
}
