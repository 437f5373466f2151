package main

import (
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/users"
)

const (
	maxBody   = 4 << 10
	mostItems = 1000

	cartKey = "cart" // a cart
)

// cart maps each item to the number that the user wants.
type cart map[string]int

// options carries the token in a header. A browser never sends that header by
// itself, so the API needs no protection from cross-site request forgery.
func options() holdfast.Options {
	return holdfast.Options{
		Carrier:      holdfast.Header{},
		ErrorHandler: unavailable,
	}
}

type api struct{ sessions *holdfast.Manager }

func newHandler(sessions *holdfast.Manager, known *users.Users) http.Handler {
	a := api{sessions}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", help)
	mux.HandleFunc("POST /login", a.endpoint(logIn(known)))
	mux.HandleFunc("POST /logout", a.endpoint(logOut))
	mux.HandleFunc("GET /me", a.userEndpoint(me))
	mux.HandleFunc("GET /cart", a.userEndpoint(showCart))
	mux.HandleFunc("PUT /cart/{item}", a.userEndpoint(putItem))
	return sessions.Handler(mux)
}

// failure is an error that the client sees, with its status.
type failure struct {
	status int
	text   string
}

func (f failure) Error() string { return f.text }

// action returns the answer, which is sent as JSON, or nil for an answer
// without a body. An error other than a failure goes to the log, not to the
// client.
type action func(r *http.Request, s *holdfast.Session) (any, error)

func (a api) endpoint(act action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		answer, err := act(r, a.sessions.Session(r))
		var fail failure
		switch {
		case errors.As(err, &fail):
			write(w, fail.status, problem{fail.text})
		case err != nil:
			log.Print(err)
			unavailable(w, r, err)
		case answer == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			write(w, http.StatusOK, answer)
		}
	}
}

// userEndpoint answers only users who are logged in.
func (a api) userEndpoint(act action) http.HandlerFunc {
	return a.endpoint(func(r *http.Request, s *holdfast.Session) (any, error) {
		if s.UserID() == "" {
			return nil, failure{http.StatusUnauthorized, "log in first, and send the X-Session that you get"}
		}
		return act(r, s)
	})
}

// logIn answers with a new token in the header X-Session. Login ends the
// session under the old token.
func logIn(known *users.Users) action {
	return func(r *http.Request, s *holdfast.Session) (any, error) {
		var user struct{ Name, Password string }
		if err := json.NewDecoder(r.Body).Decode(&user); err != nil {
			return nil, failure{http.StatusBadRequest, `send {"name": "...", "password": "..."}`}
		}
		if !known.Check(user.Name, user.Password) {
			return nil, failure{http.StatusForbidden, "there is no such user with that password"}
		}
		if err := s.Login(user.Name); err != nil {
			return nil, err
		}
		return me(r, s)
	}
}

func logOut(_ *http.Request, s *holdfast.Session) (any, error) {
	return nil, s.Destroy()
}

func me(_ *http.Request, s *holdfast.Session) (any, error) {
	return struct {
		Name    string    `json:"name"`
		Since   time.Time `json:"since"`
		Expires time.Time `json:"expires"`
	}{s.UserID(), s.Created(), s.Expires()}, nil
}

func showCart(_ *http.Request, s *holdfast.Session) (any, error) {
	items, ok := holdfast.Get[cart](s, cartKey)
	if !ok {
		items = cart{}
	}
	return items, nil
}

// putItem changes the cart in one atomic step, so that concurrent requests do
// not lose each other's items.
func putItem(r *http.Request, s *holdfast.Session) (any, error) {
	var wanted int
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil || wanted < 0 || wanted > mostItems {
		return nil, failure{http.StatusBadRequest, "send how many, from 0 to 1000"}
	}
	return holdfast.Update(s, cartKey, func(items cart) cart {
		if items == nil {
			items = cart{}
		}
		if items[r.PathValue("item")] = wanted; wanted == 0 {
			delete(items, r.PathValue("item"))
		}
		return items
	})
}

// problem is the answer to a request that failed.
type problem struct {
	Error string `json:"error"`
}

// unavailable answers a request that failed on the server, for example because
// its session could not be loaded.
func unavailable(w http.ResponseWriter, _ *http.Request, _ error) {
	write(w, http.StatusServiceUnavailable, problem{"please try again"})
}

func write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer)
}
