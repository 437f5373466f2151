package interop

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
)

const (
	roomy = 4 << 20 // bytes; more than these tests fill
	long  = time.Hour
)

func TestViews_of_concurrent_visitors(t *testing.T) {
	forEachSite(t, roomy, long, func(t *testing.T, site running) {
		var visitors sync.WaitGroup
		for range 8 {
			v := site.visitor(t)
			visitors.Go(func() {
				for n := range 20 {
					assert.Equal(t, strconv.Itoa(n+1), v.get("/views"))
				}
			})
		}
		visitors.Wait()
	})
}

// The middlewares store whole sessions, so concurrent requests lose updates and
// the number of views is not exact. The user must stay.
func TestViews_concurrent_for_one_visitor(t *testing.T) {
	forEachSite(t, roomy, long, func(t *testing.T, site running) {
		v := site.visitor(t)
		v.get("/login?user=alice")
		var requests sync.WaitGroup
		for range 20 {
			requests.Go(func() { v.get("/views") })
		}
		requests.Wait()
		assert.Equal(t, "alice", v.get("/whoami"))
	})
}

func TestLogin_then_logout(t *testing.T) {
	forEachSite(t, roomy, long, func(t *testing.T, site running) {
		v := site.visitor(t)
		assert.Equal(t, "", v.get("/whoami"))
		v.get("/login?user=alice")
		assert.Equal(t, "alice", v.get("/whoami"))
		v.get("/logout")
		assert.Equal(t, "", v.get("/whoami"))
	})
}

func TestLogin_after_a_logout(t *testing.T) {
	forEachSite(t, roomy, long, func(t *testing.T, site running) {
		v := site.visitor(t)
		for _, user := range []string{"alice", "bob"} {
			v.get("/login?user=" + user)
			assert.Equal(t, user, v.get("/whoami"))
			v.get("/logout")
		}
	})
}

func TestLogin_of_two_users(t *testing.T) {
	forEachSite(t, roomy, long, func(t *testing.T, site running) {
		alice, bob, nobody := site.visitor(t), site.visitor(t), site.visitor(t)
		alice.get("/login?user=alice")
		bob.get("/login?user=bob")
		assert.Equal(t, "alice", alice.get("/whoami"))
		assert.Equal(t, "bob", bob.get("/whoami"))
		assert.Equal(t, "", nobody.get("/whoami"))
	})
}

func TestLogout_ends_copies_of_the_cookie(t *testing.T) {
	forEachSite(t, roomy, long, func(t *testing.T, site running) {
		v := site.visitor(t)
		v.get("/login?user=alice")
		thief := v.thief()
		require.Equal(t, "alice", thief.get("/whoami"))
		v.get("/logout")
		assert.Equal(t, "", thief.get("/whoami"))
	})
}

func TestRenewal_ends_the_old_ID(t *testing.T) {
	forEachSite(t, roomy, long, func(t *testing.T, site running) {
		v := site.visitor(t)
		v.get("/login?user=alice")
		thief := v.thief()
		v.get("/renew")
		assert.Equal(t, "alice", v.get("/whoami"))
		assert.Equal(t, "", thief.get("/whoami"))
	})
}

func TestLogin_keeps_the_values(t *testing.T) {
	forEachSite(t, roomy, long, func(t *testing.T, site running) {
		v := site.visitor(t)
		v.get("/views")
		v.get("/login?user=alice")
		assert.Equal(t, "2", v.get("/views"))
	})
}

func TestPlantedID_is_not_adopted(t *testing.T) {
	forEachSite(t, roomy, long, func(t *testing.T, site running) {
		if site.adoptsIDs {
			t.Skip("the middleware adopts any ID; the adapter documents that")
		}
		victim := site.hoarder(t)
		attacker := site.hoarder(t)
		u, _ := url.Parse(site.url)
		for _, cookie := range []string{"session", "session_id"} {
			planted := []*http.Cookie{{Name: cookie, Value: "chosen-by-the-attacker"}}
			victim.client.Jar.SetCookies(u, planted)
			attacker.client.Jar.SetCookies(u, planted)
		}
		victim.get("/views")
		victim.get("/login?user=alice")
		assert.Equal(t, "alice", victim.get("/whoami"))
		assert.Equal(t, "", attacker.get("/whoami"))
	})
}

func TestFlash_is_shown_once(t *testing.T) {
	forEachSite(t, roomy, long, func(t *testing.T, site running) {
		v := site.visitor(t)
		v.get("/flash?message=saved")
		assert.Equal(t, "saved", v.get("/flashes"))
		assert.Equal(t, "", v.get("/flashes"))
	})
}

func TestTTL_ends_on_the_server(t *testing.T) {
	hoarders := map[string]*visitor{}
	caches := map[string]*cache.Cache{}
	for _, s := range sites { // all sites first, to wait only once
		caches[s.name] = newCache(t, roomy)
		v := run(t, s, setup{newApp(), caches[s.name], "shop", time.Second}).hoarder(t)
		require.Equal(t, "1", v.get("/views"), s.name)
		require.Equal(t, "2", v.get("/views"), s.name)
		hoarders[s.name] = v
	}
	for name, v := range hoarders {
		empty := func() bool { return caches[name].Len() == 0 }
		require.Eventually(t, empty, 5*time.Second, 10*time.Millisecond, name)
		assert.Equal(t, "1", v.get("/views"), name)
	}
}

func TestCache_is_shared_by_two_servers(t *testing.T) {
	for _, s := range sites {
		t.Run(s.name, func(t *testing.T) {
			with := setup{newApp(), newCache(t, roomy), "shop", long}
			one, two := run(t, s, with), run(t, s, with)
			v := one.visitor(t)
			v.get("/login?user=alice")
			v.url = two.url // another port of one host, so the same cookies
			assert.Equal(t, "alice", v.get("/whoami"))
		})
	}
}

func TestCache_of_all_middlewares(t *testing.T) {
	c := newCache(t, roomy)
	visitors := map[string]*visitor{}
	for _, s := range sites {
		v := run(t, s, setup{newApp(), c, "shop", long}).visitor(t)
		v.get("/login?user=" + url.QueryEscape(s.name))
		visitors[s.name] = v
	}
	for name, v := range visitors {
		assert.Equal(t, name, v.get("/whoami"))
	}
}

func TestCache_of_two_prefixes(t *testing.T) {
	for _, s := range sites {
		t.Run(s.name, func(t *testing.T) {
			c := newCache(t, roomy)
			shop := run(t, s, setup{newApp(), c, "shop", long})
			blog := run(t, s, setup{newApp(), c, "blog", long})
			v := shop.visitor(t)
			v.get("/login?user=alice")
			thief := v.thief()
			thief.url = blog.url
			assert.Equal(t, "", thief.get("/whoami"))
		})
	}
}

func TestViews_concurrent_on_one_cache(t *testing.T) {
	c := newCache(t, roomy)
	var visits sync.WaitGroup
	for i, s := range sites {
		v := run(t, s, setup{newApp(), c, fmt.Sprint(i), long}).visitor(t)
		visits.Go(func() {
			for n := range 20 {
				assert.Equal(t, strconv.Itoa(n+1), v.get("/views"), s.name)
			}
		})
	}
	visits.Wait()
}
