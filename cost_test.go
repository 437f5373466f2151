package holdfast_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

// The cost of a session for a request, without the handler's own.

// reused is a response writer that does not allocate.
type reused struct{ header http.Header }

func (w *reused) Header() http.Header         { return w.header }
func (w *reused) Write(p []byte) (int, error) { return len(p), nil }
func (w *reused) WriteHeader(int)             {}

// requests returns a function that makes one request. With began, the request
// has the session that began fills.
func requests(t testing.TB, began, page func(s *holdfast.Session)) func() {
	t.Helper()
	return requestsOf(t, holdfast.Options{}, began, page)
}

// requestsOf is requests for a Manager with these options.
func requestsOf(t testing.TB, o holdfast.Options, began, page func(s *holdfast.Session)) func() {
	t.Helper()
	manager, _ := manage(t, o)
	serve := func(act func(*holdfast.Session)) http.Handler {
		return manager.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if act != nil {
				act(manager.Session(r))
			}
			w.WriteHeader(http.StatusOK)
		}))
	}
	request := get("/")
	if began != nil {
		cookies := record(serve(began), get("/")).Result().Cookies()
		require.Len(t, cookies, 1)
		request.AddCookie(cookies[0])
	}
	handler, response := serve(page), &reused{make(http.Header)}
	return func() {
		clear(response.header)
		handler.ServeHTTP(response, request)
	}
}

func begin(s *holdfast.Session) { s.Set("views", 1); s.Set("name", "Ada") }

func logIn(s *holdfast.Session) { begin(s); s.Login("ada") }

func readOne(s *holdfast.Session) { holdfast.Get[int](s, "views") }

func writeOne(s *holdfast.Session) { s.Set("views", 2) }

func updateOne(s *holdfast.Session) { increment(s) }

func TestAllocs_unused_session(t *testing.T) {
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, requests(t, nil, nil)), 1.0)
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, requests(t, begin, nil)), 1.0)
}

func TestAllocs_read_of_an_empty_session(t *testing.T) {
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, requests(t, nil, readOne)), 1.0)
}

// The allocations are the request, the key in the store and the record. The
// value belongs to the caller.
func TestAllocs_read_of_one_value(t *testing.T) {
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, requests(t, begin, readOne)), 3.0)
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, requests(t, logIn, readOne)), 3.0)
}

// A Store that answers at once costs two contexts more, and no timer.
func TestAllocs_read_from_a_store(t *testing.T) {
	o := holdfast.Options{Store: holdfast.InCache(newCache(t))}
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, requestsOf(t, o, begin, readOne)), 5.0)
}

func BenchmarkRequest(b *testing.B) {
	for _, bench := range []struct {
		name  string
		began func(*holdfast.Session)
		page  func(*holdfast.Session)
	}{
		{"anonymous, untouched", nil, nil},
		{"anonymous, read", nil, readOne},
		{"known, untouched", begin, nil},
		{"known, read", begin, readOne},
		{"known, write", begin, writeOne},
		{"known, update", begin, updateOne},
		{"new session", nil, begin},
	} {
		b.Run(bench.name, func(b *testing.B) {
			request := requests(b, bench.began, bench.page)
			b.ReportAllocs()
			for b.Loop() {
				request()
			}
		})
	}
}
