// Package interop tests the adapters of plug with their middlewares. Each
// middleware runs in a real server, and the clients keep cookies. The package
// contains only tests. It is a module of its own, so that other modules do not
// download the middlewares.
//
// app_test.go is a small application on the interface visit. A file for each
// middleware (scs_test.go, gorilla_test.go and so on) implements visit and
// starts the application as a site. The other files contain the tests. Each
// test runs on every site.
package interop
