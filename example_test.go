package holdfast_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"

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
		visits, err := holdfast.Update(sessions.Session(r), "visits", func(n int) int { return n + 1 })
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

	sessions, err := holdfast.New(holdfast.Options{Cache: c})
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
	sessions, _ := holdfast.New(holdfast.Options{})
	defer sessions.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/set", func(w http.ResponseWriter, r *http.Request) {
		s := sessions.Session(r)
		s.Set("user", user{Name: "Ada", Roles: []string{"editor"}})
	})
	mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		s := sessions.Session(r)
		u, ok := holdfast.Get[user](s, "user")
		fmt.Fprintln(w, u.Name, u.Roles, ok)
		_, ok = holdfast.Get[int](s, "user")
		fmt.Fprint(w, "an int? ", ok)
	})

	visit(sessions.Handler(mux), "/set", "/get")
	// Output:
	//
	// Ada [editor] true
	// an int? false
}

// Login gives the session a new ID: an attacker who planted or saw the old one
// has nothing. Destroy ends the session for all requests.
func ExampleSession_Login() {
	sessions, _ := holdfast.New(holdfast.Options{})
	defer sessions.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		s := sessions.Session(r)
		if err := s.Login("ada"); err != nil { // after the password was checked
			http.Error(w, "please try again", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, "welcome")
	})
	mux.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) {
		s := sessions.Session(r)
		if err := s.Destroy(); err != nil {
			http.Error(w, "please try again", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, "goodbye")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s := sessions.Session(r)
		fmt.Fprintf(w, "user %q", s.UserID())
	})

	visit(sessions.Handler(mux), "/login", "/", "/logout", "/")
	// Output:
	// welcome
	// user "ada"
	// goodbye
	// user ""
}

// A user sees the places where they are logged in, and ends a session that is
// not theirs.
func ExampleManager_Sessions() {
	sessions, _ := holdfast.New(holdfast.Options{})
	defer sessions.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		s := sessions.Session(r)
		s.Set("from", r.URL.Query().Get("from"))
		if err := s.Login("ada"); err != nil {
			http.Error(w, "please try again", http.StatusServiceUnavailable)
		}
	})
	visit(sessions.Handler(mux), "/login?from=at+home")
	visit(sessions.Handler(mux), "/login?from=in+a+library")

	infos, err := sessions.Sessions(context.Background(), "ada")
	if err != nil {
		panic(err)
	}
	for _, info := range infos { // the last seen first
		var from string
		info.Value("from", &from)
		fmt.Println("logged in", from)
		if from == "in a library" {
			ended, err := sessions.End(context.Background(), "ada", info.Handle)
			fmt.Println("ended:", ended, err)
		}
	}
	// Output:
	// logged in in a library
	// ended: true <nil>
	// logged in at home
}

// An audit log has each login, each end with its cause, and each refused ID. A
// real one has a slog.JSONHandler, and the handles whole.
func ExampleOptions_auditLog() {
	handles := map[string]string{}
	shorten := func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey, slog.LevelKey:
			return slog.Attr{}
		case "handle", "previous":
			if handles[a.Value.String()] == "" {
				handles[a.Value.String()] = fmt.Sprint("#", len(handles)+1)
			}
			return slog.String(a.Key, handles[a.Value.String()])
		}
		return a
	}
	audit := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: shorten}))
	sessions, _ := holdfast.New(holdfast.Options{
		Observer: func(ctx context.Context, e holdfast.Event) {
			audit.InfoContext(ctx, string(e.Kind), "session", e)
		},
		ClientAddr: func(r *http.Request) string {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			return host
		},
	})
	defer sessions.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		if err := sessions.Session(r).Login("ada"); err != nil { // after the password was checked
			http.Error(w, "please try again", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { sessions.Session(r).Set("seen", "the front page") })
	mux.HandleFunc("/lock", func(w http.ResponseWriter, r *http.Request) {
		if _, err := sessions.EndUser(r.Context(), "ada"); err != nil {
			http.Error(w, "please try again", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/account", func(w http.ResponseWriter, r *http.Request) { sessions.Session(r).UserID() })

	visit(sessions.Handler(mux), "/", "/login", "/lock", "/account")
	// Output:
	// msg=created session.kind=created session.handle=#1 session.addr=127.0.0.1
	//
	// msg=logged_in session.kind=logged_in session.user=ada session.handle=#2 session.previous=#1 session.addr=127.0.0.1
	//
	// msg=ended session.kind=ended session.reason=end_user session.user=ada session.handle=#2 session.addr=127.0.0.1
	//
	// msg=refused session.kind=refused session.reason=unknown session.handle=#2 session.addr=127.0.0.1
}

// Pop reads a value once. It passes a notice from one page to the next.
func ExamplePop() {
	sessions, _ := holdfast.New(holdfast.Options{})
	defer sessions.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/save", func(w http.ResponseWriter, r *http.Request) {
		s := sessions.Session(r)
		s.Set("notice", "Saved.")
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s := sessions.Session(r)
		notice, ok := holdfast.Pop[string](s, "notice")
		fmt.Fprintf(w, "%q %v", notice, ok)
	})

	visit(sessions.Handler(mux), "/save", "/")
	// Output:
	// "Saved." true
	// "" false
}

// visit requests each path with one browser and prints the responses.
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
