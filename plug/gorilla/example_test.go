package gorilla_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"

	"github.com/gorilla/sessions"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug/gorilla"
)

// A page counts its views. With echo, pass the store to echo-contrib's
// middleware: e.Use(session.Middleware(store)).
func ExampleNewStore() {
	c, err := cache.New(cache.Options{MaxBytes: 64 << 20})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	key := []byte("thirty-two bytes, kept secret ...")

	// before: store := sessions.NewFilesystemStore("", key)
	store, err := gorilla.NewStore(c, "shop", key)
	if err != nil {
		panic(err)
	}

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := store.Get(r, "session")
		views, _ := session.Values["page_views"].(int)
		session.Values["page_views"] = views + 1
		if err := session.Save(r, w); err != nil {
			http.Error(w, "the session was not saved", http.StatusInternalServerError)
			return
		}
		fmt.Println("views:", views+1)
	}))
	defer server.Close()

	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	for range 3 {
		response, err := client.Get(server.URL)
		if err != nil {
			panic(err)
		}
		response.Body.Close()
	}

	// Output:
	// views: 1
	// views: 2
	// views: 3
}

// The session gets another ID when a user logs in. An attacker who planted the
// old ID in the browser before has no access to the session after the login.
func ExampleStore_Save() {
	c, err := cache.New(cache.Options{MaxBytes: 64 << 20})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	store, err := gorilla.NewStore(c, "shop", []byte("thirty-two bytes, kept secret ..."))
	if err != nil {
		panic(err)
	}

	logIn := func(w http.ResponseWriter, r *http.Request) {
		session, _ := store.Get(r, "session")
		session.ID = ""
		session.Values["user"] = "alice"
		if err := sessions.Save(r, w); err != nil {
			http.Error(w, "the session was not saved", http.StatusInternalServerError)
		}
	}

	w := httptest.NewRecorder()
	logIn(w, httptest.NewRequest("POST", "/login", nil))
	fmt.Println(w.Code, w.Result().Cookies()[0].Name)

	// Output: 200 session
}
