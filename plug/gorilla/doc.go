// Package gorilla keeps the sessions of gorilla/sessions in a holdfast cache.
// Middlewares built on gorilla/sessions take the same store: echo-contrib's
// session middleware, Buffalo's App.Options.SessionStore and others. For
// gin-contrib/sessions use the module plug/gin.
//
//	store := sessions.NewFilesystemStore("", key)  // before
//	store, err := gorilla.NewStore(c, "shop", key) // after
//
// The cookie holds the session's ID, 256 random bits, signed with the key and,
// if a second key is given, encrypted. The values stay on the server, in the
// cache, encoded with securecookie's serializer. Types that an application has
// registered with encoding/gob for another gorilla store need no change.
//
// The package plug documents the properties that all adapters share.
//
// # Differences from FilesystemStore
//
// The methods MaxAge, MaxLength, Get, New and Save take the same arguments. A
// MaxAge of 0 ends a session, as it does there. These differences remain:
//
//   - A session ends on the server when its MaxAge is over. FilesystemStore
//     leaves the file.
//   - A Save that ends a session empties its Values. FilesystemStore keeps
//     them.
//   - A Save that ends a session at MaxAge 0 removes the cookie.
//     FilesystemStore sends an empty cookie, which the next Get refuses with an
//     error.
//   - Save does not store a session that has ended under its old ID again.
//   - New returns no error if the session of a cookie has ended.
//   - MaxLength counts the encoded values without encryption and base64. By
//     default there is no limit.
//   - Store.BrowserSessionTTL allows browser sessions with MaxAge 0. An
//     application that used CookieStore with MaxAge 0 sets it.
package gorilla
