package sqlstore_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
)

// An instance is a site with its own Store and Manager.
type instance struct {
	*holdfast.Manager
	server *httptest.Server
	ended  chan time.Time // receives the time at which a stream learned of the end
}

func newInstance(t *testing.T, s *sqlstore.Store) *instance {
	t.Helper()
	m, err := holdfast.New(holdfast.Options{Store: s})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	i := &instance{Manager: m, ended: make(chan time.Time, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		if err := m.Session(r).Login("ada"); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("/user", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, m.Session(r).UserID()) })
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		ended := m.Session(r).Ended()
		_ = http.NewResponseController(w).Flush()
		<-ended
		i.ended <- time.Now()
	})
	i.server = httptest.NewTLSServer(m.Handler(mux))
	t.Cleanup(i.server.Close)
	return i
}

// get requests a page with the cookies in jar.
func (i *instance) get(t *testing.T, jar http.CookieJar, path string) *http.Response {
	t.Helper()
	client := *i.server.Client()
	client.Jar = jar
	response, err := client.Get(i.server.URL + path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	require.Equal(t, http.StatusOK, response.StatusCode)
	return response
}

func (i *instance) user(t *testing.T, jar http.CookieJar) string {
	t.Helper()
	text, err := io.ReadAll(i.get(t, jar, "/user").Body)
	require.NoError(t, err)
	return string(text)
}

// A user logs in on one instance, is known on the other, and is logged out
// there. The first instance knows that at once, its open stream within
// milliseconds.
func TestSessions(t *testing.T) {
	url := postgres(t)
	o, payloads := listening(t, url)
	one := newInstance(t, open(t, openURL(t, url), sqlstore.PostgreSQL, o))
	require.Empty(t, receive(t, payloads))
	two := newInstance(t, open(t, openURL(t, url), sqlstore.PostgreSQL, o))
	require.Empty(t, receive(t, payloads))
	for range 3 {
		// Cookies belong to a host, whatever its port.
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		one.get(t, jar, "/login")
		require.Equal(t, "ada", one.user(t, jar))
		require.Equal(t, "ada", two.user(t, jar))
		infos, err := two.Sessions(background, "ada")
		require.NoError(t, err)
		require.Len(t, infos, 1)

		one.get(t, jar, "/stream")
		began := time.Now()
		n, err := two.EndUser(background, "ada")
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Empty(t, one.user(t, jar))
		select {
		case at := <-one.ended:
			t.Logf("the stream learned of the end %v after the call", at.Sub(began).Round(time.Microsecond))
		case <-time.After(patience):
			require.Fail(t, "the stream goes on")
		}
		infos, err = one.Sessions(background, "ada")
		require.NoError(t, err)
		require.Empty(t, infos)
	}
}
