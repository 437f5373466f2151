// Package ginplug keeps the sessions of gin-contrib/sessions in a holdfast
// cache. It is not called gin, so that it can be imported beside gin.
//
//	store := memstore.NewStore(key)                // before
//	store, err := ginplug.NewStore(c, "shop", key) // after
//
// gin-contrib's own memstore keeps each session for ever and has no limit; its
// cookie store puts the values on the client. This one keeps them on the
// server, for the time that MaxAge says, in the memory that the cache has. A
// session with MaxAge 0 is kept for Store.BrowserSessionTTL, 24 hours by
// default. A negative MaxAge ends a session and empties it, as in memstore.
//
// The package plug says what all adapters have in common, and plug/gorilla, of
// which this is a thin layer, what becomes of a session when it is saved.
package ginplug
