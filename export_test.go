package holdfast

import "github.com/holdfast-go/holdfast/cache"

// InCache is the Store that a Manager makes of its cache, for stores that wrap
// it.
func InCache(c *cache.Cache) Store { return cacheStore{c} }

// SetStore replaces the Store that m has made of its cache. m goes on to use it
// as one that neither waits nor fails: it reads a session at its first use.
func SetStore(m *Manager, s Store) { m.store = s }
