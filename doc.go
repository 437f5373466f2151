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
// # What a request costs
//
// A request that never looks at its session costs one allocation, and with a
// Store whose reads can fail (see Loader) one read. One that
// reads values costs one lookup and one touch, and decodes the values that it
// asks for. One that changes values encodes those. A visitor for whom nothing is
// ever stored never gets a cookie.
//
// # Requests at the same time
//
// A browser sends many requests at once, and they share one session. Each
// commits only the keys that it changed, onto whatever the session is by then;
// so requests that change different keys lose nothing of each other's. For the
// same key the last commit wins, unless it is changed with Update, which loses
// no step. And when one request ends the session or gives it a new ID, the commits
// of those still running with the old one do nothing: they cannot bring it back.
// Save and Update then return ErrEnded, and what was merely Set is dropped.
// A change that changes nothing is not stored.
//
// # When sessions end
//
// A session ends when no request has looked at it for the idle timeout (those
// that Options.Passive names do not count), when its
// absolute lifetime is over, by Destroy, one of the methods named End or
// Manager.EndEveryone, when the cache needs its memory, and with the process unless the
// cache is saved. The server alone decides this: the cookie says nothing of time
// that the server would believe.
//
// The cache evicts sessions that were used only once before those of users who
// came back, so a flood of visitors costs no user a session, as long as the users'
// sessions fit into four fifths of it.
//
// # What protects a session
//
// An ID is 256 random bits. One that this server did not issue, or whose session
// has ended, is never adopted: what a client presents is a key to try, not a
// name to take. Sessions are stored under the SHA-256 of their ID, so nobody can
// log in with what they read there. Managers with different cookies on one Store
// do not share sessions, unless Options.Namespace says so. The cookie is HttpOnly, SameSite=Lax, and on
// TLS Secure and named with the __Host- prefix, unless you name it yourself; a
// response that sets it carries Cache-Control: no-store, and one that looked at
// the session Vary: Cookie.
//
// Call Session.Login when a user logs in, and Session.Regenerate when they gain
// rights, so that an ID that was known before is worth nothing after.
package holdfast
