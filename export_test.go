package holdfast

import "github.com/holdfast-go/holdfast/cache"

// InCache is the Store that a Manager makes of its cache, for stores that wrap
// it.
func InCache(c *cache.Cache) Store { return cacheStore{c} }
