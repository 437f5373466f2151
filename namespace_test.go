package holdfast_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// twoSites are a shop and its administration with one cache.
func twoSites(t *testing.T, c *cache.Cache, shop, admin holdfast.Options) (shopManager, adminManager *holdfast.Manager, atShop, atAdmin *directClient) {
	t.Helper()
	shop.Cache, admin.Cache = c, c
	shopManager, atShop = userSite(t, shop, nil)
	adminManager, atAdmin = userSite(t, admin, nil)
	return shopManager, adminManager, atShop, atAdmin
}

var (
	shopCookie  = holdfast.Options{Carrier: holdfast.Cookie{Name: "shop"}}
	adminCookie = holdfast.Options{Carrier: holdfast.Cookie{Name: "admin"}}
)

// A shop's user who renames the cookie is no user of the administration.
func TestNamespace_separates_managers(t *testing.T) {
	_, _, shop, admin := twoSites(t, newCache(t), shopCookie, adminCookie)
	shop.visit("/login?user=1")
	admin.cookie = &http.Cookie{Name: "admin", Value: shop.cookie.Value}
	assert.Empty(t, admin.visit("/who"))
	assert.Equal(t, "1", shop.visit("/who"))
}

func TestNamespace_lists_and_ends_its_own(t *testing.T) {
	c := newCache(t)
	shops, admins, shop, admin := twoSites(t, c, shopCookie, adminCookie)
	shop.visit("/login?user=1")
	shop.anonymous().visit("/")
	admin.visit("/login?user=1")

	infos, err := shops.Sessions(t.Context(), "1")
	require.NoError(t, err)
	require.Len(t, infos, 1)
	n, err := shops.Len(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	ended, err := admins.End(t.Context(), "1", infos[0].Handle)
	require.NoError(t, err)
	assert.False(t, ended, "the handle is from another namespace")

	n, err = shops.EndUser(t.Context(), "1")
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.Equal(t, "1", admin.visit("/who"))
	admin.visit("/regenerate")
	assert.Equal(t, "1", admin.visit("/who"), "Regenerate does not log out")

	n, err = shops.EndEveryone(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.Equal(t, "1", admin.visit("/who"))
	assert.Equal(t, 1, sessionsInAll(t, admins))
}

// A CookieFunc has no name that keeps its sessions apart from others.
func TestNamespace_required_by_CookieFunc(t *testing.T) {
	choose := holdfast.CookieFunc(func(*http.Request) holdfast.Cookie { return holdfast.Cookie{} })
	_, err := holdfast.New(holdfast.Options{Carrier: choose, Cache: newCache(t)})
	assert.ErrorIs(t, err, holdfast.ErrOptions)
	assert.ErrorContains(t, err, "Namespace")
	manager, err := holdfast.New(holdfast.Options{Carrier: choose})
	require.NoError(t, err, "no other Manager uses this cache")
	manager.Close()
}

func sessionsInAll(t *testing.T, m *holdfast.Manager) (n int) {
	t.Helper()
	for _, err := range m.All(t.Context()) {
		require.NoError(t, err)
		n++
	}
	return n
}

// By default, the namespace follows from the carrier's kind and name. The
// prefix of a cookie over TLS does not count. A pointer to a carrier counts as
// the carrier.
func TestNamespace_of_a_carrier(t *testing.T) {
	choose := holdfast.CookieFunc(func(*http.Request) holdfast.Cookie { return holdfast.Cookie{} })
	for name, test := range map[string]struct {
		one, other holdfast.Options
		share      bool
	}{
		"the defaults":      {holdfast.Options{}, holdfast.Options{}, true},
		"one name":          {holdfast.Options{}, holdfast.Options{Carrier: &holdfast.Cookie{Name: "session", Secure: holdfast.SecureNever}}, true},
		"names":             {shopCookie, adminCookie, false},
		"header and cookie": {holdfast.Options{Carrier: holdfast.Header{Name: "session"}}, holdfast.Options{}, false},
		"one header":        {holdfast.Options{Carrier: holdfast.Header{}}, holdfast.Options{Carrier: &holdfast.Header{Name: "x-session"}}, true},
		"form and query":    {holdfast.Options{Carrier: holdfast.Form{}}, holdfast.Options{Carrier: holdfast.Query{}}, false},
		"a CookieFunc":      {holdfast.Options{Carrier: choose, Namespace: "a"}, holdfast.Options{}, false},
		"one Namespace":     {holdfast.Options{Namespace: "a", Carrier: holdfast.Header{}}, holdfast.Options{Namespace: "a"}, true},
		"two Namespaces":    {holdfast.Options{Namespace: "a"}, holdfast.Options{Namespace: "b"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			one, other, _, _ := twoSites(t, newCache(t), test.one, test.other)
			record(one.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { one.Session(r).Set("a", 1) })), get("/"))
			assert.Equal(t, 1, sessionsInAll(t, one))
			assert.Equal(t, test.share, sessionsInAll(t, other) == 1)
		})
	}
}
