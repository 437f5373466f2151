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
//	err = s.Login(userID)  // after the password was checked
//	user := s.UserID()     // "" if nobody is logged in
//	err = s.Destroy()      // logout
//
// The zero Options keep the sessions in a cache of 64 MiB. Give a cache of your
// own to choose its size, or to watch it:
//
//	c, err := cache.New(cache.Options{MaxBytes: 512 << 20})
//	sessions, err := holdfast.New(holdfast.Options{Cache: c})
//
// Several processes share their sessions through a Store: store/redis keeps
// them in Redis or Valkey, store/sql in PostgreSQL. With store/sql the sessions
// of one process can also be in an SQLite file, and survive its end.
//
// # Cost of a request
//
// A request that does not use its session costs one allocation. With
// Options.Store, each request that presents an ID reads its session before the
// handler runs. A request that reads values costs one lookup and one touch, and
// decodes those values. A request that changes values encodes those. A visitor
// who has neither values nor a login gets no cookie, and nothing is stored.
//
// # Concurrent requests
//
// A browser sends many requests at once, and they share one session. (The first
// requests of a new visitor have no cookie yet. Each begins a session of its
// own, and the last cookie wins.) Each request commits only the keys that it
// changed, to the session as it is then. So requests that change different keys
// lose nothing. If two requests Set one key, the last commit wins. Concurrent
// Updates of one key all count; a Set overwrites earlier Updates of its key. A
// value that is set to itself is not stored.
//
// A request that used the session before it ended cannot bring it back: its
// Save and Update return ErrEnded, and its other changes are dropped. So does a
// request that comes with the old ID within a minute after the session got a
// new one. A request that comes after Destroy begins a new session.
//
// # End of a session
//
// The server alone decides when a session ends, and believes no time that a
// client sends. A session ends
//
//   - when no request has used it for the idle timeout; requests that
//     Options.Passive names do not count;
//   - when its absolute lifetime is over, or at the time of SetExpires;
//   - by Destroy, EndOthers, EndAll, and the Manager's End, EndUser and
//     EndEveryone;
//   - when the cache needs its memory;
//   - with the process, unless the cache is saved, or a Store keeps the session.
//
// The cache first evicts sessions that were used once, then those that were
// used again or have a user. So a flood of visitors ends no user's session, as
// long as those sessions fit into 80 % of the cache.
//
// # Protection of a session
//
// An ID is 256 random bits. An ID that this server did not issue, or whose
// session has ended, is never adopted. Sessions are stored under the SHA-256 of
// their ID, so nobody can log in with a key that they read in the store.
// Managers whose carriers have different names share no sessions, unless
// Options.Namespace says so. The cookie is HttpOnly and SameSite=Lax. On TLS it
// is Secure, and its name begins with __Host-, or with __Secure- if it has a
// Domain or a Path; a name of Options is used unchanged. A response that sets
// it has Cache-Control: no-store. A response that depends on the session has
// Vary with the carrier's header.
//
// Call Session.Login when a user logs in, and Session.Regenerate when they gain
// rights. Then an ID that an attacker planted or saw before identifies nobody.
package holdfast
