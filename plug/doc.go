// Package plug lets other session middlewares keep their sessions in a
// [cache.Cache]: one line of the application is replaced, and its sessions have
// a memory that is bounded, TTLs that are kept, and an eviction that a flood of
// new sessions does not turn against the users who are logged in.
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
// The first three need only types of the standard library, and are here. The
// last two import the module they adapt to and are modules of their own,
// plug/gorilla and plug/gin. An application that has no session middleware yet
// does better with the package holdfast itself, whose sessions lose no update.
//
// # What the adapters have in common
//
// Several of them may share one cache, and one cap. The prefix keeps apart
// those of the same kind, such as two sites in one process; those of different
// kinds are apart in any case. A prefix may be any string, also an empty one,
// and none is taken for part of another. The cache belongs to who made it: no
// adapter closes it.
//
// A session is stored under a SHA-256 of its prefix and ID. A snapshot of the
// cache contains no session ID, so it logs nobody in, and a client that makes
// up IDs does not choose keys. The one exception is [IterableSCSStore].
//
// A log-out is not undone by a request that was under way. Deleting a session
// leaves a mark in its place for ten minutes, and a request that had read the
// session before and writes it back finds the mark: what it wrote is dropped.
// The mark takes some hundred bytes and can be evicted like any entry, so it is
// no promise where memory is very short.
//
// A session's TTL is what its middleware says. A session whose time is over is
// not found, whatever the client's cookie says.
//
// Beside a session's data, an adapter stores a byte of its own (an
// IterableSCSStore: the token too), which counts towards cache.Options.MaxValue.
package plug
