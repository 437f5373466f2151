package redisstore_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/testserver"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
	"github.com/holdfast-go/holdfast/tier"
)

// trips counts round trips: what a connection writes at once.
type trips struct{ n atomic.Int64 }

type countingConn struct {
	net.Conn
	trips *trips
}

// Write counts a write, unless all its commands are a pulse's, a ping, or the
// first of a connection. Commands of several calls may be one write.
func (c countingConn) Write(p []byte) (int, error) {
	rest := p
	for _, command := range []string{"*1\r\n$4\r\nTIME\r\n", "*1\r\n$5\r\nHELLO\r\n", "*1\r\n$4\r\nPING\r\n"} {
		rest = bytes.ReplaceAll(rest, []byte(command), nil)
	}
	if len(rest) > 0 && !bytes.HasPrefix(rest[min(len(rest), 4):], []byte("$5\r\nHELLO\r\n")) {
		c.trips.n.Add(1)
	}
	return c.Conn.Write(p)
}

func (n *trips) option(o *redisstore.Options) {
	client(o, func(c *rueidis.ClientOption) {
		c.DialCtxFn = func(ctx context.Context, addr string, dialer *net.Dialer, _ *tls.Config) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, "tcp", addr)
			if err != nil {
				return nil, err
			}
			return countingConn{conn, n}, nil
		}
	})
}

// of returns the number of trips that f takes.
func (n *trips) of(f func()) int64 {
	before := n.n.Load()
	f()
	return n.n.Load() - before
}

// settle waits for touches of earlier calls, which did not wait for them.
func (n *trips) settle(t *testing.T) {
	eventually(t, func() bool { return n.of(func() { time.Sleep(50 * time.Millisecond) }) == 0 })
}

// Round trips of each operation, by mode: Cached, Verified, Direct. The server
// knows all scripts.
func TestCost_operations(t *testing.T) {
	eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		n := new(trips)
		s, other := open(t, server.Addr(), in(mode), patient, n.option), open(t, server.Addr(), in(mode), patient)
		everything(t, s, other)
		n.settle(t)
		for _, test := range []struct {
			name  string
			trips [3]int64
			do    func()
		}{
			{"read, no entry", [3]int64{1, 1, 1}, func() { get(t, s, "a", holdfast.ReadUse) }},
			{"create", [3]int64{2, 2, 2}, func() { require.NoError(t, s.Update(t.Context(), "a", put([]byte("1"), time.Hour))) }},
			{"read, local copy", [3]int64{0, 1, 1}, func() { get(t, s, "a", holdfast.ReadUse) }},
			{"fresh read", [3]int64{1, 1, 1}, func() { get(t, s, "a", holdfast.ReadFresh) }},
			{"change, local copy", [3]int64{1, 1, 2}, func() { require.NoError(t, s.Update(t.Context(), "a", increment)) }},
			{"touch", [3]int64{0, 0, 0}, func() {
				_, err := s.Touch(t.Context(), "a", time.Hour)
				require.NoError(t, err)
			}},
			{"read, no local copy", [3]int64{1, 1, 1}, func() { get(t, s, "b", holdfast.ReadUse) }},
			{"change, no local copy", [3]int64{2, 2, 2}, func() { require.NoError(t, s.Update(t.Context(), "c", increment)) }},
			{"change, old local copy", [3]int64{2, 2, 2}, func() { require.NoError(t, s.Update(t.Context(), "old", increment)) }},
			{"set", [3]int64{1, 1, 1}, func() { set(t, s, "d", "1") }},
			{"create, a user's", [3]int64{2, 2, 2}, func() {
				require.NoError(t, s.Update(t.Context(), "ann's", put(recordOf("ann"), time.Hour)))
			}},
			{"change, a user's", [3]int64{1, 1, 2}, func() {
				require.NoError(t, s.Update(t.Context(), "ann's", put(append(recordOf("ann"), 1), time.Hour)))
			}},
			{"remove, local copy", [3]int64{1, 1, 2}, func() { remove(t, s, "a") }},
			{"end", [3]int64{1, 1, 1}, func() {
				_, err := s.Touch(t.Context(), "b", 0)
				require.NoError(t, err)
			}},
			{"list a user's", [3]int64{2, 2, 2}, func() { require.Len(t, listed(t, s, "ann"), 1) }},
		} {
			for _, id := range []string{"b", "c", "old"} {
				if test.name == "change, old local copy" && id == "old" {
					set(t, s, id, "1")
				}
				set(t, other, id, "2")
			}
			// The notifications arrive before the next answer.
			get(t, s, "nothing", holdfast.ReadFresh)
			require.Equal(t, test.trips[mode], n.of(test.do), test.name)
		}
	})
}

// Round trips of requests, in the mode Cached.
func TestCost_requests(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		n := new(trips)
		s, other := open(t, server.Addr(), patient, n.option), open(t, server.Addr(), patient)
		everything(t, s, other)
		n.settle(t)
		site := func(s *redisstore.Store) string {
			m, err := holdfast.New(holdfast.Options{Store: s})
			require.NoError(t, err)
			server := httptest.NewServer(m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s, _ := holdfast.FromContext(r.Context())
				err := error(nil)
				switch r.URL.Path {
				case "/read":
					holdfast.Get[int](s, "key")
				case "/change":
					s.Set("key", int(time.Now().UnixNano()))
				case "/login":
					err = s.Login("ann")
				case "/logout":
					err = s.Destroy()
				}
				if err != nil {
					t.Error(r.URL.Path, err)
				}
			})))
			t.Cleanup(server.Close)
			return server.URL
		}
		here, elsewhere := site(s), site(other)
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		browser := &http.Client{Jar: jar}
		visit := func(url string) func() {
			return func() {
				response, err := browser.Get(url)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
				require.Equal(t, http.StatusOK, response.StatusCode)
			}
		}
		for _, test := range []struct {
			name  string
			trips int64
			do    func()
		}{
			{"a stranger reads", 0, visit(here + "/read")},
			{"a stranger's first change", 1, visit(here + "/change")},
			{"read", 0, visit(here + "/read")},
			{"change", 1, visit(here + "/change")},
			{"change elsewhere", 0, visit(elsewhere + "/change")},
			{"read after that", 1, visit(here + "/read")},
			{"change elsewhere", 0, visit(elsewhere + "/change")},
			{"change after that", 2, visit(here + "/change")},
			{"login", 3, visit(here + "/login")},
			{"read", 0, visit(here + "/read")},
			{"change", 1, visit(here + "/change")},
			{"logout", 1, visit(here + "/logout")},
			{"read", 0, visit(here + "/read")},
		} {
			// The notifications arrive before the next answer.
			get(t, s, "nothing", holdfast.ReadFresh)
			got := n.of(test.do)
			t.Log(test.name, got)
			require.Equal(t, test.trips, got, test.name)
		}
	})
}
