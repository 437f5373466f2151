// Package holdfast gives any Go server sessions that are right for production:
// kept in bounded memory, safe by default, and stored before the response
// leaves.
//
//	sessions, err := holdfast.New(holdfast.Options{})
//	...
//	http.ListenAndServe("localhost:3000", sessions.Handler(mux))
//
// and in any handler below it:
//
//	s := sessions.Session(r)
//	s.Set("name", "Ada")
//	name, ok := holdfast.Get[string](s, "name")
//	visits, err := holdfast.Update(s, "visits", func(n int) int { return n + 1 })
//
// The zero Options keep the sessions in a cache of 64 MiB. Give a cache of your
// own to choose its size, or to watch it:
//
//	c, err := cache.New(cache.Options{MaxBytes: 512 << 20})
//	sessions, err := holdfast.New(holdfast.Options{Store: c})
//
// # Cost of a request
//
// A request that does not use its session costs one allocation. If reads of the
// Store can fail (see Loader), each request that presents an ID costs one read
// more. A request that reads values costs one lookup and one touch, and decodes
// those values. A request that changes values encodes those. A visitor without
// values gets no cookie, and nothing is stored.
//
// # Concurrent requests
//
// A browser sends many requests at once, and they share one session. Each
// request commits only the keys that it changed, to the session as it is then.
// So requests that change different keys lose nothing. For one key the last
// commit wins; Update loses no step. If a request ends the session or gives it
// a new ID, other requests with the old ID cannot bring it back: their Save and
// Update return ErrEnded, and their other changes are dropped. A value that is
// set to itself is not stored.
//
// # End of a session
//
// A session ends when no request has used it for the idle timeout (requests
// that Options.Passive names do not count), when its absolute lifetime is over,
// by Destroy and the methods named End, when the cache needs its memory, and
// with the process unless the cache is saved. The server alone decides this. It
// believes no time that a client sends.
//
// The cache first evicts sessions that were used once, then those of users who
// came back. So a flood of visitors ends no user's session, as long as the
// users' sessions fit into four fifths of the cache.
//
// # Protection of a session
//
// An ID is 256 random bits. An ID that this server did not issue, or whose
// session has ended, is never adopted. Sessions are stored under the SHA-256 of
// their ID, so nobody can log in with a key that they read in the store.
// Managers whose carriers have different names share no sessions, unless
// Options.Namespace says so. The cookie is HttpOnly, SameSite=Lax, and on TLS
// Secure and named with the __Host- prefix, unless Options give it a name. A
// response that sets it has Cache-Control: no-store. A response that depends on
// the session has Vary: Cookie.
//
// Call Session.Login when a user logs in, and Session.Regenerate when they gain
// rights. Then an ID that an attacker planted or saw before identifies nobody.
package holdfast
