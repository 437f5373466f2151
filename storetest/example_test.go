package storetest_test

import (
	"testing"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/storetest"
)

// openStore opens the store under test, here the cache in place of one's own.
func openStore(t *testing.T) holdfast.Store {
	store, err := cache.New(cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// A store that lives in this process is tested in virtual time, in an instant.
func ExampleRun() {
	TestStore := func(t *testing.T) { // a function of its own, in a file that ends in _test.go
		storetest.Run(t, openStore, storetest.Options{Virtual: true})
	}
	_ = TestStore
}

// A server whose clock counts whole seconds takes real time, and more of it.
func ExampleRun_server() {
	TestStore := func(t *testing.T) {
		if testing.Short() {
			t.Skip("waits for a server's clock")
		}
		storetest.Run(t, openStore, storetest.Options{Tick: time.Second})
	}
	_ = TestStore
}
