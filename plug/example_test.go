package plug_test

import (
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug"
)

// With scs, the application replaces the line that chooses the store.
func ExampleSCS() {
	c, err := cache.New(cache.Options{MaxBytes: 64 << 20})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	// sessionManager := scs.New()
	// before: sessionManager.Store = memstore.New()
	// after:  sessionManager.Store = plug.SCS(c, "shop")
	store := plug.SCS(c, "shop")

	// scs calls the store:
	store.Commit("token", []byte("alice"), time.Now().Add(time.Hour))
	data, found, _ := store.Find("token")
	fmt.Println(string(data), found)

	// A user logs out while another request is under way:
	store.Delete("token")
	store.Commit("token", []byte("alice again"), time.Now().Add(time.Hour))
	_, found, _ = store.Find("token")
	fmt.Println(found)

	// Output:
	// alice true
	// false
}

// Applications that call Iterate, for example to log a user out everywhere,
// need a store that knows the tokens.
func ExampleIterableSCS() {
	c, err := cache.New(cache.Options{MaxBytes: 64 << 20})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	// before: sessionManager.Store = memstore.New()
	// after:  sessionManager.Store = plug.IterableSCS(c, "shop")
	store := plug.IterableSCS(c, "shop")

	store.Commit("token", []byte("alice"), time.Now().Add(time.Hour))
	sessions, _ := store.All()
	for token, data := range sessions {
		fmt.Println(token, string(data))
	}

	// Output: token alice
}

// With fiber, the storage is a field of the session middleware's configuration,
// in v2 and v3 alike.
func ExampleFiber() {
	c, err := cache.New(cache.Options{MaxBytes: 64 << 20})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	// before: app.Use(session.New(session.Config{}))
	// after:  app.Use(session.New(session.Config{Storage: plug.Fiber(c, "shop")}))
	storage := plug.Fiber(c, "shop")

	// fiber calls the storage:
	storage.Set("id", []byte("alice"), 30*time.Minute)
	value, _ := storage.Get("id")
	fmt.Println(string(value))

	// Output: alice
}

// With fasthttp/session, the application sets the provider once, at the start.
func ExampleFastHTTP() {
	c, err := cache.New(cache.Options{MaxBytes: 64 << 20})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	// before: provider, err := memory.New(memory.Config{})
	// after:  provider := plug.FastHTTP(c, "shop")
	//         serverSession.SetProvider(provider)
	provider := plug.FastHTTP(c, "shop")

	// The manager calls the provider, here when a user logs in:
	provider.Save([]byte("id"), []byte("alice"), time.Hour)
	provider.Regenerate([]byte("id"), []byte("new id"), time.Hour)
	data, _ := provider.Get([]byte("new id"))
	fmt.Println(string(data))

	// Output: alice
}
