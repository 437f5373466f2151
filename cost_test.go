package holdfast_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

// What a session costs a request, over and above the handler itself.

// reused is a response that costs nothing, for measuring what sessions add.
type reused struct{ header http.Header }

func (w *reused) Header() http.Header         { return w.header }
func (w *reused) Write(p []byte) (int, error) { return len(p), nil }
func (w *reused) WriteHeader(int)             {}

// requests returns a function that makes one request after the other, with the
// session that began has begun if it is not nil.
func requests(t testing.TB, began, page func(s *holdfast.Session)) func() {
	t.Helper()
	manager, _ := manage(t, holdfast.Options{})
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

func TestARequestThatTouchesNothingAllocatesOnce(t *testing.T) {
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, requests(t, nil, nil)), 1.0)
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, requests(t, begin, nil)), 1.0)
}

func TestAReadOfNothingAllocatesNoMoreThanARequestThatTouchesNothing(t *testing.T) {
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, requests(t, nil, readOne)), 1.0)
}

// The request, the key of the store and the record; the value is the caller's.
func TestAReadOfOneValueAllocatesThreeTimes(t *testing.T) {
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, requests(t, begin, readOne)), 3.0)
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, requests(t, logIn, readOne)), 3.0)
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
