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
// cache, encoded with securecookie's serializer: types that an application has
// registered with encoding/gob for another gorilla store go on working.
//
// The package plug says what all adapters have in common.
package gorilla
