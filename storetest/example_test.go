package storetest_test

import (
	"testing"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/storetest"
)

// openStore opens the store under test.
var openStore = storetest.OpenReference

// openTwo opens it twice, on one database.
func openTwo(t *testing.T) (a, b holdfast.Store) {
	a = openStore(t)
	return a, a
}

// A server whose clock counts whole seconds runs in real time.
func ExampleRun() {
	TestStore := func(t *testing.T) { // a function of its own, in a file that ends in _test.go
		storetest.Run(t, openStore, storetest.Options{Tick: time.Second})
	}
	_ = TestStore
}

// A store with local copies states how old they get, and whether Watch notices
// the writes of other processes.
func ExampleRunShared() {
	TestSharedStore := func(t *testing.T) {
		storetest.RunShared(t, openTwo, storetest.Options{MaxStale: time.Second, Notifies: true})
	}
	_ = TestSharedStore
}
