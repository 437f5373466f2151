package holdfast_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

func Example() {
	sessions, err := holdfast.New(holdfast.Options{})
	if err != nil {
		panic(err)
	}
	defer sessions.Close()

	greet := func(w http.ResponseWriter, r *http.Request) {
		s, _ := holdfast.FromContext(r.Context())
		visits, err := holdfast.Update(s, "visits", func(n int) int { return n + 1 })
		if err != nil {
			http.Error(w, "please try again", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "visit %d", visits)
	}

	visit(sessions.Handler(http.HandlerFunc(greet)), "/", "/", "/")
	// Output:
	// visit 1
	// visit 2
	// visit 3
}

func ExampleNew_cache() {
	c, err := cache.New(cache.Options{MaxBytes: 512 << 20})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	sessions, err := holdfast.New(holdfast.Options{Store: c})
	if err != nil {
		panic(err)
	}
	defer sessions.Close()
	fmt.Println(c.Stats().MaxBytes)
	// Output: 536870912
}

func ExampleGet() {
	type user struct {
		Name  string
		Roles []string
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/set", func(w http.ResponseWriter, r *http.Request) {
		s, _ := holdfast.FromContext(r.Context())
		s.Set("user", user{Name: "Ada", Roles: []string{"editor"}})
	})
	mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		s, _ := holdfast.FromContext(r.Context())
		u, ok := holdfast.Get[user](s, "user")
		fmt.Fprintln(w, u.Name, u.Roles, ok)
		_, ok = holdfast.Get[int](s, "user")
		fmt.Fprint(w, "an int? ", ok)
	})

	sessions, _ := holdfast.New(holdfast.Options{})
	defer sessions.Close()
	visit(sessions.Handler(mux), "/set", "/get")
	// Output:
	//
	// Ada [editor] true
	// an int? false
}

// At a log-in the session gets a new ID, so that whoever planted or saw the old
// one is left with nothing; a log-out ends it for all requests.
func ExampleSession_Regenerate() {
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		s, _ := holdfast.FromContext(r.Context())
		if err := s.Regenerate(); err != nil {
			http.Error(w, "please try again", http.StatusServiceUnavailable)
			return
		}
		s.Set("user", "ada")
	})
	mux.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) {
		s, _ := holdfast.FromContext(r.Context())
		if err := s.Destroy(); err != nil {
			http.Error(w, "please try again", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s, _ := holdfast.FromContext(r.Context())
		name, ok := holdfast.Get[string](s, "user")
		fmt.Fprintf(w, "%q %v", name, ok)
	})

	sessions, _ := holdfast.New(holdfast.Options{})
	defer sessions.Close()
	visit(sessions.Handler(mux), "/login", "/", "/logout", "/")
	// Output:
	//
	// "ada" true
	//
	// "" false
}

// visit requests each path from one browser and prints what it was shown.
func visit(h http.Handler, paths ...string) {
	server := httptest.NewServer(h)
	defer server.Close()
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar}
	for _, path := range paths {
		response, err := browser.Get(server.URL + path)
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		fmt.Printf("%s\n", body)
	}
}
