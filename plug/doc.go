// Package plug lets other session middlewares keep their sessions in a
// [cache.Cache]. The application replaces one line. Its sessions then have
// bounded memory and exact TTLs, and a flood of new sessions does not evict
// those of users who come back.
//
//	c, err := cache.New(cache.Options{MaxBytes: 256 << 20})
//
//	// scs v2
//	sessionManager.Store = memstore.New()                          // before
//	sessionManager.Store = plug.SCS(c, "shop")                     // after
//
//	// fiber v2 and v3
//	session.Config{}                                               // before
//	session.Config{Storage: plug.Fiber(c, "shop")}                 // after
//
//	// fasthttp/session v2
//	provider, err := memory.New(memory.Config{})                   // before
//	provider := plug.FastHTTP(c, "shop")                           // after
//
//	// gorilla/sessions, and with it echo-contrib and Buffalo
//	store := sessions.NewFilesystemStore("", key)                  // before
//	store, err := gorilla.NewStore(c, "shop", key)                 // after
//
//	// gin-contrib/sessions
//	store := memstore.NewStore(key)                                // before
//	store, err := ginplug.NewStore(c, "shop", key)                 // after
//
// The first three adapters need only types of the standard library and are in
// this package. The last two import the module that they adapt. They are
// modules of their own: plug/gorilla and plug/gin.
//
// An application that has no session middleware yet does better with the
// package holdfast itself, whose sessions lose no update.
//
// # All adapters
//
// Several adapters can share one cache and its cap. Adapters of different kinds
// never share sessions. Adapters of one kind share them only under the same
// prefix, so two sites in one process need two prefixes. A prefix is any
// string, the empty one included. The caller owns the cache: no adapter closes
// it.
//
// An adapter stores a session under a SHA-256 of its prefix and ID. A snapshot
// of the cache contains no session ID and logs nobody in. A client that invents
// IDs does not choose keys in the cache. [IterableSCSStore] is the one
// exception: it stores IDs.
//
// A request that is under way during a logout does not undo it. Deleting a
// session leaves a tombstone under its ID for ten minutes. A request that read
// the session before the logout and writes it back afterwards finds the
// tombstone, and its write is dropped. A tombstone takes about a hundred bytes.
// The cache can evict it like any entry, so it promises nothing when memory is
// very short.
//
// The middleware chooses a session's TTL. After the TTL the session is not
// found, even if the client still has the cookie.
//
// An adapter adds one byte to a session's data, and IterableSCSStore adds the
// token too. These bytes count towards cache.Options.MaxValue.
package plug
