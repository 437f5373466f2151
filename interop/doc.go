// Package interop tests the adapters of plug with the middlewares that they are
// for: each in a real server, with clients that keep cookies. It has no code of
// its own, and is a module of its own so that nobody else has to download all
// those middlewares.
//
// app_test.go is a small application, written once against the visit
// interface; a file for each middleware (scs_test.go, gorilla_test.go, …) says
// how it gets its visits there, and makes it a site. The other files are the
// tests, each of them run on every site.
package interop
