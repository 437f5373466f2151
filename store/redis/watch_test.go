package redisstore_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/testserver"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
)

// A process notices at once that another has changed or ended a session that it
// has read.
func TestWatch_latency(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		a, b := open(t, server.Addr(), patient), open(t, server.Addr(), patient)
		var took []time.Duration
		for i := range long(300) {
			id := fmt.Sprint(i)
			set(t, a, id, "1")
			get(t, b, id, holdfast.ReadUse)
			noticed := make(chan time.Time, 10)
			stop := b.Watch(id, func() { noticed <- time.Now() })
			began := time.Now()
			if i%2 == 0 {
				remove(t, a, id)
			} else {
				set(t, a, id, "2")
			}
			select {
			case at := <-noticed:
				took = append(took, at.Sub(began))
			case <-time.After(patience):
				t.Fatal("not noticed")
			}
			stop()
		}
		slices.Sort(took)
		of := func(percent int) time.Duration { return took[(len(took)-1)*percent/100] }
		t.Logf("write and notification: 50%% %v, 90%% %v, 99%% %v, all %v", of(50), of(90), of(99), of(100))
		require.Less(t, of(50), 50*time.Millisecond)
	})
}

// A watcher learns that its connection was lost, and with it perhaps a
// notification.
func TestWatch_lost_connection(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		s := open(t, server.Addr())
		set(t, s, "a", "1")
		noticed := make(chan bool, 100)
		defer s.Watch("a", func() { noticed <- true })()
		do(t, server, "CLIENT", "KILL", "TYPE", "normal")
		select {
		case <-noticed:
		case <-time.After(patience):
			t.Fatal("not noticed")
		}
	})
}

// Session.Ended in one process notices Manager.EndUser in another, long before
// it would ask the store again.
func TestEnded_in_another_process(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		manager := func() *holdfast.Manager {
			m, err := holdfast.New(holdfast.Options{Store: open(t, server.Addr(), patient)})
			require.NoError(t, err)
			return m
		}
		a, b := manager(), manager()
		waiting, ended := make(chan bool), make(chan time.Time, 1)
		site := httptest.NewServer(a.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, _ := holdfast.FromContext(r.Context())
			switch r.URL.Path {
			case "/login":
				require.NoError(t, s.Login("ann"))
			case "/stream":
				w.WriteHeader(http.StatusOK)
				end := s.Ended()
				waiting <- true
				<-end
				ended <- time.Now()
			}
		})))
		defer site.Close()
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		browser := &http.Client{Jar: jar}
		visit := func(path string) {
			response, err := browser.Get(site.URL + path)
			if err == nil {
				_ = response.Body.Close()
			}
		}
		visit("/login")
		go visit("/stream")
		<-waiting
		began := time.Now()
		n, err := b.EndUser(t.Context(), "ann")
		require.NoError(t, err)
		require.Equal(t, 1, n)
		select {
		case at := <-ended:
			t.Log("after", at.Sub(began))
			require.Less(t, at.Sub(began), 4*time.Second, "Ended asks the store every 5s")
		case <-time.After(patience):
			t.Fatal("not noticed")
		}
	})
}

var _ = redisstore.New
