package storetest_test

import (
	"testing"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/storetest"
)

// openStore opens the store under test, in this example a cache.
func openStore(t *testing.T) holdfast.Store {
	store, err := cache.New(cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// A store in this process runs in virtual time.
func ExampleRun() {
	TestStore := func(t *testing.T) { // a function of its own, in a file that ends in _test.go
		storetest.Run(t, openStore, storetest.Options{Virtual: true})
	}
	_ = TestStore
}

// A server whose clock counts whole seconds runs in real time.
func ExampleRun_server() {
	TestStore := func(t *testing.T) {
		storetest.Run(t, openStore, storetest.Options{Tick: time.Second})
	}
	_ = TestStore
}
