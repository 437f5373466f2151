// Package ginplug keeps the sessions of gin-contrib/sessions in a holdfast
// cache. Its name differs from gin's, so that a file can import both.
//
//	store := memstore.NewStore(key)                // before
//	store, err := ginplug.NewStore(c, "shop", key) // after
//
// gin-contrib's own memstore keeps each session for ever and has no limit. Its
// cookie store puts the values on the client. This store keeps them on the
// server, within the cap of the cache, until MaxAge ends. It keeps a session
// with MaxAge 0 for Store.BrowserSessionTTL, 24 hours by default. A negative
// MaxAge ends a session and empties it, as in memstore.
//
// The package plug documents the properties that all adapters share. This
// package is a thin layer over plug/gorilla, which documents Save.
package ginplug
