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

// A session that gets a new ID again and again while its user's sessions are
// listed and ended is in none of the listings.
func TestEndUserEndsSessionsThatMove(t *testing.T) {
	store := &meddling{Scanner: newCache(t)}
	manager, client := userSite(t, holdfast.Options{Store: store}, nil)
	client.visit("/login?user=ada")
	moves := 0
	var move func()
	move = func() {
		moves++
		client.visit("/regenerate")
		store.afterListing = move
	}
	store.afterListing = move

	_, err := manager.EndUser("ada")

	require.NoError(t, err)
	assert.Positive(t, moves)
	assert.Empty(t, client.visit("/who"))
	infos, err := manager.Sessions("ada")
	require.NoError(t, err)
	assert.Empty(t, infos)
}

func TestEndOthersEndsSessionsThatMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &meddling{Scanner: newCache(t)}
		_, client := userSite(t, holdfast.Options{Store: store}, pages{
			"/others": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				_, err := s.EndOthers()
				fmt.Fprint(w, err, s.Regenerate())
			}})
		other, this := client.anonymous(), client.anonymous()
		other.visit("/login?user=ada")
		time.Sleep(time.Second)
		this.visit("/login?user=ada")
		var move func()
		move = func() {
			other.visit("/regenerate")
			store.afterListing = move
		}
		store.afterListing = move

		assert.Equal(t, "<nil> <nil>", this.visit("/others"), "the session itself may move")

		store.afterListing = nil
		assert.Empty(t, other.visit("/who"))
		assert.Equal(t, "ada", this.visit("/who"))

		time.Sleep(time.Second)
		other.visit("/login?user=ada")
		assert.Equal(t, "<nil> <nil>", other.visit("/others"), "and so may one that began later")
		assert.Equal(t, "ada", other.visit("/who"))
		assert.Empty(t, this.visit("/who"))
	})
}

// All requests are under way at the same time. Whoever was logged in before is
// logged out after.
func TestEndUserAgainstRegenerateFromManySessions(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{Store: newCache(t)}, nil)
	for range 20 {
		var browsers []*directClient
		for range 8 {
			browser := client.anonymous()
			browser.visit("/login?user=ada")
			browsers = append(browsers, browser)
		}
		var over atomic.Bool
		var moving sync.WaitGroup
		for _, browser := range browsers {
			moving.Go(func() {
				for !over.Load() {
					browser.visit("/regenerate")
				}
			})
		}
		_, err := manager.EndUser("ada")
		require.NoError(t, err)
		over.Store(true)
		moving.Wait()
		for _, browser := range browsers {
			require.Empty(t, browser.visit("/who"))
		}
		infos, err := manager.Sessions("ada")
		require.NoError(t, err)
		require.Empty(t, infos)
	}
}

// A store that fails before it can tell whether the session is over leaves it as
// it was.
func TestRegenerateWhileTheStoreIsAwayKeepsTheOldID(t *testing.T) {
	store := &away{Scanner: newCache(t)}
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
