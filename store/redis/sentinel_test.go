package redisstore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/testserver"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
)

// sentinel is a master with two replicas and three sentinels under test.
type sentinel struct {
	*testing.T
	*testserver.Sentinel
}

func runSentinel(t *testing.T, kind testserver.Kind, lines ...string) sentinel {
	return sentinel{t, testserver.RunSentinel(t, kind, lines...)}
}

// in returns the sentinel for a subtest.
func (c sentinel) in(t *testing.T) sentinel { return sentinel{t, c.Sentinel} }

func (c sentinel) open(changes ...func(*redisstore.Options)) *redisstore.Store {
	c.Helper()
	return openStore(c.T, rueidis.ClientOption{
		InitAddress: c.Addrs(),
		Sentinel:    rueidis.SentinelOption{MasterSet: testserver.MasterName},
	}, changes...)
}

func (c sentinel) do(s *testserver.Server, args ...string) any {
	c.Helper()
	reply, err := s.Do(args...)
	require.NoError(c, err)
	return reply
}

func (c sentinel) master() *testserver.Server {
	c.Helper()
	master, err := c.Wait()
	require.NoError(c, err)
	return master
}

func (c sentinel) replicas() (replicas []*testserver.Server) {
	master := c.master()
	for _, server := range c.Servers {
		if server != master {
			replicas = append(replicas, server)
		}
	}
	return replicas
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	c := runSentinel(t, testserver.Valkey)
	stores := c.stores()
	c.Run("access", func(t *testing.T) { testSentinelAccess(c.in(t)) })
	c.Run("faults", func(t *testing.T) { testSentinelFaults(c.in(t), stores) })
	c.Run("failover", func(t *testing.T) { testFailOver(c.in(t), stores) })
}

// Sentinel needs one permission more, and so does WaitReplicas.
func testSentinelAccess(c sentinel) {
	for _, server := range c.Servers {
		c.do(server, slices.Concat(leastUser, permissions, []string{"+role"}, waiting)...)
	}
	user := func(o *redisstore.Options) {
		o.Client.Username, o.Client.Password = "holdfast", "secret"
		o.WaitReplicas = 2
	}
	everything(c.T, c.open(patient, user), c.open(patient, user))
	for _, server := range c.Servers {
		require.Empty(c, c.do(server, "ACL", "LOG"))
	}
}

// Connections break, sentinels end, and the master hangs for less time than the
// sentinels allow. Nothing is lost.
func testSentinelFaults(c sentinel, stores []*redisstore.Store) {
	traffic := newTraffic(stores, quickStale, "x", "y")
	stop := traffic.start(c.T)
	master := c.master()
	for range long(2) {
		c.do(master, "CLIENT", "KILL", "TYPE", "normal")
		time.Sleep(200 * time.Millisecond)
		require.NoError(c, master.Pause())
		time.Sleep(400 * time.Millisecond)
		require.NoError(c, master.Resume())
		sentinel := c.Sentinels[rand.IntN(3)]
		require.NoError(c, sentinel.Kill())
		time.Sleep(200 * time.Millisecond)
		require.NoError(c, sentinel.Restart())
		require.Equal(c, master, c.master())
	}
	stop()
	c.wantRight(traffic)
}

// A failover: unavailable for a moment, and right afterwards. The old master
// returns as a replica, and nobody writes to it.
func testFailOver(c sentinel, stores []*redisstore.Store) {
	set(c.T, stores[0], "copied", "value")
	c.wantReplicas(c.master(), 2) // a failover may lose what no replica has
	for _, s := range stores {
		soonCopies(c.T, s, "copied")
	}
	traffic := newTraffic(stores, quickStale, "a", "b")
	traffic.lossy = true
	stop := traffic.start(c.T)
	time.Sleep(500 * time.Millisecond)
	old := c.master()
	_, err := c.FailOver()
	require.NoError(c, err)
	for _, s := range stores {
		soonReads(c.T, s, "copied", "value")
	}
	stop()
	require.NotEmpty(c, traffic.faults, "unavailable for a moment")
	c.wantRight(traffic)

	require.NoError(c, old.Restart())
	c.wantNoCalls(old, stores)
}

// stores returns three stores. One has the sentinels' addresses from a URL.
func (c sentinel) stores() []*redisstore.Store {
	addrs := c.Addrs()
	url := fmt.Sprintf("redis://%s?addr=%s&addr=%s&master_set=%s", addrs[0], addrs[1], addrs[2], testserver.MasterName)
	byURL := func(o *redisstore.Options) { o.URL = url }
	stores := []*redisstore.Store{c.open(quick), c.open(quick), openStore(c.T, rueidis.ClientOption{}, quick, byURL)}
	for _, s := range stores {
		require.True(c, s.Stats().Notifies)
	}
	return stores
}

// wantRight checks the entries after traffic during a failover.
func (c sentinel) wantRight(traffic *traffic) {
	c.Helper()
	for _, err := range traffic.faults {
		require.ErrorIs(c, err, holdfast.ErrUnavailable)
	}
	missing, during := traffic.check(c.T)
	c.Logf("%d answered increments are lost, of %v; %d calls have failed", missing, during, len(traffic.faults))
}

// wantNoCalls wants that stores work and do not use a server, which is no
// master any more.
func (c sentinel) wantNoCalls(server *testserver.Server, stores []*redisstore.Store) {
	c.Helper()
	require.NotEqual(c, server, c.master())
	scripts := func() int {
		calls, err := server.Calls()
		require.NoError(c, err)
		return calls["evalsha"] + calls["eval"]
	}
	before := scripts()
	traffic := newTraffic(stores, quickStale, "after "+server.Addr())
	stop := traffic.start(c.T)
	time.Sleep(500 * time.Millisecond)
	stop()
	traffic.check(c.T) // each store works
	for _, err := range traffic.faults {
		require.ErrorContains(c, err, "no answer within", "more than a busy machine")
	}
	require.Equal(c, before, scripts())
}

// An operator lets the sentinels replace a master that works. It is used for a
// while after its successor has been promoted. What is written meanwhile is
// lost, except removals that all replicas had to confirm: they fail.
func TestSentinel_switch(t *testing.T) {
	t.Parallel()
	c := runSentinel(t, testserver.Redis)
	stores := c.stores()
	removed := make(map[string]bool) // by whether all replicas had to confirm it
	hasty, waiting := stores[0], c.open(func(o *redisstore.Options) { o.WaitReplicas = 2 })
	const entries = 1000
	for i := range entries {
		set(t, hasty, fmt.Sprint("hasty ", i), "value")
		set(t, hasty, fmt.Sprint("waiting ", i), "value")
	}
	old := c.master()
	c.wantReplicas(old, 2)
	traffic := newTraffic(stores, quickStale, "a", "b")
	traffic.lossy = true
	stop := traffic.start(t)
	c.do(c.Sentinels[0], "SENTINEL", "FAILOVER", testserver.MasterName)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for c.master() == old {
			time.Sleep(time.Millisecond)
		}
	}()
	for i, over := 0, false; i < entries && !over; i++ {
		for name, s := range map[string]*redisstore.Store{"hasty ": hasty, "waiting ": waiting} {
			id := name + fmt.Sprint(i)
			if _, err := s.Touch(t.Context(), id, 0); err == nil {
				removed[id] = true
			}
		}
		select {
		case <-done:
			over = true
		case <-time.After(5 * time.Millisecond):
		}
	}
	<-done
	for _, s := range stores {
		soon(t, func() error { _, err := read(s, "a"); return err })
	}
	stop()
	c.wantRight(traffic)
	c.wantNoCalls(old, stores)
	var back, all [2]int
	for id := range removed {
		i := 0
		if strings.HasPrefix(id, "waiting") {
			i = 1
		}
		all[i]++
		if text, err := read(hasty, id); err != nil || text != "none" {
			require.NoError(t, err)
			back[i]++
		}
	}
	t.Logf("%d of %d removals are undone, and %d of %d that all replicas had to confirm", back[0], all[0], back[1], all[1])
	require.Positive(t, back[0])
	require.Zero(t, back[1])
	require.Positive(t, all[1])
}

// The master hangs for so long that it is replaced. Then it goes on for a
// moment.
func TestSentinel_master_hangs(t *testing.T) {
	t.Parallel()
	c := runSentinel(t, testserver.Redis)
	stores := c.stores()
	traffic := newTraffic(stores, quickStale, "a", "b")
	traffic.lossy = true
	stop := traffic.start(t)
	old := c.master()
	require.NoError(t, old.Pause())
	soon(t, func() error {
		reply := c.do(c.Sentinels[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", testserver.MasterName).([]any)
		if strings.HasSuffix(old.Addr(), ":"+reply[1].(string)) {
			return errors.New("no failover yet")
		}
		return nil
	})
	for _, s := range stores {
		soon(t, func() error { _, err := add(t.Context(), s, "while it hangs"); return err })
	}
	require.NoError(t, old.Resume())
	c.master() // the old one has become a replica
	stop()
	c.wantRight(traffic)
	wantRead(t, stores[0], "while it hangs", "3")
	c.wantNoCalls(old, stores)
}

// A logout that a replica has confirmed is not undone by a failover. One that
// did not wait may be.
func TestSentinel_WaitReplicas(t *testing.T) {
	t.Parallel()
	c := runSentinel(t, testserver.Valkey)
	waiting := newSite(t, c.open(func(o *redisstore.Options) { o.WaitReplicas = 1 }))
	hasty := newSite(t, c.open())
	logout := func(s site, cookie *http.Cookie) (err error) {
		s.visit(cookie, func(session *holdfast.Session) {
			require.NotEmpty(t, session.UserID())
			err = session.Destroy()
		})
		return err
	}
	const logins = 5
	var cookies []*http.Cookie
	for range logins {
		cookies = append(cookies, waiting.login(t, "ada"))
	}
	master, replicas := c.master(), c.replicas()
	c.wantReplicas(master, 2)

	// One replica does not receive the logouts. The other takes over.
	c.cut(master, replicas[0])
	for _, cookie := range cookies {
		require.NoError(t, logout(waiting, cookie))
	}
	sessions := func(s *testserver.Server) int { return len(c.do(s, "KEYS", "hf:s:*").([]any)) }
	require.Equal(t, logins, sessions(replicas[0]))
	require.NoError(t, master.Kill())
	c.wantMaster(replicas[1])
	c.do(replicas[0], "CONFIG", "SET", "masteruser", "testserver")
	c.master()
	for _, cookie := range cookies {
		soon(t, func() error {
			if user := waiting.who(cookie); user != "" {
				return fmt.Errorf("got %q", user)
			}
			return nil
		})
	}
	require.Zero(t, sessions(replicas[1]))

	// The only replica does not receive the logouts, and takes over.
	undone, refused := hasty.login(t, "ben"), waiting.login(t, "eve")
	c.wantReplicas(replicas[1], 1)
	c.cut(replicas[1], replicas[0])
	require.NoError(t, logout(hasty, undone))
	require.Empty(t, hasty.who(undone))
	require.ErrorIs(t, logout(waiting, refused), holdfast.ErrUnavailable)
	require.NoError(t, replicas[1].Kill())
	c.wantMaster(replicas[0])
	for user, cookie := range map[string]*http.Cookie{"ben": undone, "eve": refused} {
		soon(t, func() error {
			if got := hasty.who(cookie); got != user {
				return fmt.Errorf("got %q", got)
			}
			return nil
		})
	}
}

// cut lets a replica receive nothing any more.
func (c sentinel) cut(master, replica *testserver.Server) {
	c.Helper()
	info := c.do(master, "INFO", "replication").(string)
	connected := strings.Count(info, "state=online")
	c.do(replica, "CONFIG", "SET", "masteruser", "nobody")
	c.do(master, "CLIENT", "KILL", "TYPE", "replica")
	c.wantReplicas(master, connected-1)
}

// wantReplicas waits until so many replicas have everything.
func (c sentinel) wantReplicas(master *testserver.Server, n int) {
	c.Helper()
	conn, err := master.Dial()
	require.NoError(c, err)
	defer conn.Close()
	soon(c.T, func() error {
		if _, err := conn.Do("SET", "written", "now"); err != nil {
			return err
		}
		if confirmed, err := conn.Do("WAIT", fmt.Sprint(n+1), "100"); confirmed != int64(n) {
			return fmt.Errorf("%v replicas are connected: %w", confirmed, err)
		}
		return nil
	})
}

// wantMaster waits until the sentinels have chosen a master, and wants that it
// is the one.
func (c sentinel) wantMaster(want *testserver.Server) {
	c.Helper()
	before := c.do(c.Sentinels[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", testserver.MasterName).([]any)[1]
	soon(c.T, func() error {
		now := c.do(c.Sentinels[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", testserver.MasterName).([]any)[1]
		if now == before {
			return errors.New("no failover yet")
		}
		require.True(c, strings.HasSuffix(want.Addr(), ":"+now.(string)))
		return nil
	})
}

// A server that becomes a replica answers no request, and is used again when it
// is a primary.
func TestReplica(t *testing.T) {
	t.Parallel()
	server := testserver.Run(t, testserver.Redis)
	c := sentinel{T: t}
	s := openStore(t, rueidis.ClientOption{InitAddress: []string{server.Addr()}}, quick)
	set(t, s, "id", "value")
	soonCopies(t, s, "id")
	c.do(server, "REPLICAOF", "127.0.0.1", "1")
	time.Sleep(quickStale)
	_, err := read(s, "id")
	require.ErrorIs(t, err, holdfast.ErrUnavailable)
	_, err = add(t.Context(), s, "counter")
	require.ErrorIs(t, err, holdfast.ErrUnavailable)
	c.do(server, "REPLICAOF", "NO", "ONE")
	soonReads(t, s, "id", "value")
	soonCopies(t, s, "id")

	c.do(server, "REPLICAOF", "127.0.0.1", "1")
	_, err = redisstore.New(redisstore.Options{URL: "redis://" + server.Addr(), Check: true})
	require.ErrorIs(t, err, holdfast.ErrUnavailable)
	require.ErrorContains(t, err, "is a replica")
}
