package holdfast_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

// counted are the counts of s that are not 0, by name.
func counted(s holdfast.Stats) map[string]uint64 {
	all := map[string]uint64{"created": s.Created, "logged in": s.LoggedIn, "regenerated": s.Regenerated,
		"changes dropped": s.ChangesDropped, "conflicts": s.Conflicts,
		"store unavailable": s.StoreUnavailable, "store refused": s.StoreRefused, "damaged": s.Damaged}
	for why, n := range s.Ended {
		all["ended: "+string(why)] = n
	}
	for why, n := range s.Refused {
		all["refused: "+string(why)] = n
	}
	maps.DeleteFunc(all, func(_ string, n uint64) bool { return n == 0 })
	return all
}

// A count is the number of calls that failed, also if one is part of another.
func TestStats_store_errors(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		count string
	}{
		"unavailable": {errAway, "store unavailable"},
		"refused":     {errBroken, "store refused"},
	} {
		t.Run(name, func(t *testing.T) {
			store := newAway(t)
			store.err = c.err
			manager, client := userSite(t, holdfast.Options{Store: store}, pages{
				"/broken": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.UserID()
					store.away.Store(true)
					s.Regenerate()
					store.away.Store(false)
				}})
			client.visit("/login?user=ada")
			before := counted(manager.Stats())
			for _, method := range []string{"Update", "Set"} { // Set is within the Update
				store.only = method
				client.visit("/broken")
			}
			after := counted(manager.Stats())
			assert.EqualValues(t, 2, after[c.count])
			delete(after, c.count)
			assert.Equal(t, before, after)
		})
	}
}

// A read that ended because the client went away is no error of the store.
func TestStats_client_gone(t *testing.T) {
	for gone, want := range map[bool]uint64{false: 1, true: 0} {
		store := newAway(t)
		store.err = fmt.Errorf("reading: %w", context.Canceled)
		manager, client := userSite(t, holdfast.Options{Store: store}, nil)
		client.visit("/")
		store.away.Store(true)
		ctx, cancel := context.WithCancel(t.Context())
		if gone {
			cancel()
		}
		request := get("/views").WithContext(ctx)
		request.AddCookie(client.cookie)
		client.send(request)
		cancel()
		assert.Equal(t, want, manager.Stats().StoreRefused, "gone: %v", gone)
	}
}

func TestStats_damaged(t *testing.T) {
	c := newCache(t)
	manager, client := userSite(t, holdfast.Options{Cache: c}, nil)
	client.visit("/")
	for id := range c.All() {
		require.NoError(t, c.Set(id, []byte("no record"), time.Hour))
	}
	client.visit("/views")
	assert.Equal(t, map[string]uint64{"created": 1, "damaged": 1}, counted(manager.Stats()))
	client.visit("/login?user=ada")
	assert.Equal(t, map[string]uint64{"created": 2, "logged in": 1, "damaged": 2, "ended: damaged": 1}, counted(manager.Stats()))
}

// A commit that is made again on a newer record is a conflict.
func TestStats_conflicts(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{Store: &twice{Store: newStore(t)}}, nil)
	client.visit("/")
	require.Zero(t, manager.Stats().Conflicts)
	client.visit("/")
	client.visit("/regenerate")
	assert.EqualValues(t, 2, manager.Stats().Conflicts)
}

func TestStats_changes_dropped(t *testing.T) {
	var client *directClient
	manager, client := userSite(t, holdfast.Options{}, pages{
		"/late": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("views", 7)
			client.twin().visit("/destroy")
		}})
	client.visit("/")
	client.visit("/late")
	assert.Equal(t, map[string]uint64{"created": 1, "ended: logout": 1, "changes dropped": 1}, counted(manager.Stats()))
}

// Every reason has a count from the beginning, so that a metric has all labels.
func TestStats_of_a_new_Manager(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{})
	s := manager.Stats()
	assert.Empty(t, counted(s))
	assert.Len(t, s.Ended, 9)
	assert.Len(t, s.Refused, 4)
}

// A life of several sessions, step by step.
func TestStats_steps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		manager, client := userSite(t, holdfast.Options{Keys: [][]byte{firstKey}}, pages{
			"/others": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, ended(s.EndOthers())) },
			"/all":    func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, ended(s.EndAll())) },
			"/past": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.SetExpires(time.Now().Add(-time.Second))
			},
		})
		other := client.anonymous()
		for i, step := range []struct {
			act  func()
			want map[string]uint64
		}{
			{func() { client.visit("/views") }, nil},
			{func() { client.visit("/") }, map[string]uint64{"created": 1}},
			{func() { client.visit("/"); client.visit("/views") }, nil},
			{func() { client.visit("/login?user=ada") }, map[string]uint64{"logged in": 1}},
			{func() { client.visit("/regenerate") }, map[string]uint64{"regenerated": 1}},
			{func() { other.visit("/login?user=ada") }, map[string]uint64{"created": 1, "logged in": 1}},
			{func() { client.visit("/others") }, map[string]uint64{"ended: end_others": 1}},
			{func() { other.visit("/views") }, map[string]uint64{"refused: unknown": 1}},
			{func() { client.visit("/login?user=bob") }, map[string]uint64{"ended: login": 1, "created": 1, "logged in": 1}},
			{func() { client.visit("/past") }, map[string]uint64{"ended: expired": 1}},
			{func() { client.visitWith("session=x", "/views") }, map[string]uint64{"refused: malformed": 1}},
			{func() { client.visitWith("session=s:"+strings.Repeat("A", 43)+".B", "/views") }, map[string]uint64{"refused: signature": 1}},
			{func() { client.visitWith("session=", "/views") }, nil},
			{func() { client.visit("/login?user=ada"); other.visit("/login?user=ada") }, map[string]uint64{"created": 2, "logged in": 2, "refused: unknown": 1}},
			{func() { other.visit("/all") }, map[string]uint64{"ended: end_others": 1, "ended: logout": 1}},
		} {
			before := counted(manager.Stats())
			step.act()
			after := counted(manager.Stats())
			for name, n := range before {
				if after[name] -= n; after[name] == 0 {
					delete(after, name)
				}
			}
			if step.want == nil {
				step.want = map[string]uint64{}
			}
			assert.Equal(t, step.want, after, "step %d", i)
		}
	})
}
