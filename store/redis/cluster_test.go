package redisstore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/testserver"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
)

// cluster is a cluster under test.
type cluster struct {
	*testing.T
	*testserver.Cluster
}

func runCluster(t *testing.T, kind testserver.Kind, replicas int, lines ...string) cluster {
	return cluster{t, testserver.RunCluster(t, kind, replicas, lines...)}
}

// in returns the cluster for a subtest.
func (c cluster) in(t *testing.T) cluster { return cluster{t, c.Cluster} }

// open returns a store that changes may configure.
func (c cluster) open(changes ...func(*redisstore.Options)) *redisstore.Store {
	c.Helper()
	return openStore(c.T, rueidis.ClientOption{InitAddress: c.Addrs()}, changes...)
}

func openStore(t *testing.T, client rueidis.ClientOption, changes ...func(*redisstore.Options)) *redisstore.Store {
	t.Helper()
	o := redisstore.Options{Client: client, Check: true}
	o.Tier.Logger = slog.New(slog.DiscardHandler)
	for _, change := range changes {
		change(&o)
	}
	s, err := redisstore.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// quick gives a store many pulses.
func quick(o *redisstore.Options) { o.Tier.MaxStale = 300 * time.Millisecond }

func (c cluster) do(s *testserver.Server, args ...string) any {
	c.Helper()
	reply, err := s.Do(args...)
	require.NoError(c, err)
	return reply
}

func (c cluster) slot(key string) int {
	return int(c.do(c.anyNode(), "CLUSTER", "KEYSLOT", key).(int64))
}

// anyNode returns a node that answers.
func (c cluster) anyNode() *testserver.Server {
	for _, node := range c.Nodes {
		if _, err := node.Do("PING"); err == nil {
			return node
		}
	}
	c.Fatal("no node answers")
	return nil
}

func (c cluster) ownerOf(key string) *testserver.Server {
	c.Helper()
	owner, err := c.Owner(c.slot(key))
	require.NoError(c, err)
	return owner
}

// idOn returns an ID whose entry is on a node. Each number gives another ID.
func (c cluster) idOn(node *testserver.Server, number int) string {
	c.Helper()
	for i := 0; ; i++ {
		id := fmt.Sprintf("%d %d %s", number, i, c.Name())
		if c.ownerOf("hf:s:"+id) == node {
			return id
		}
	}
}

func (c cluster) replicaOf(master *testserver.Server) *testserver.Server {
	for _, node := range c.Nodes {
		role, err := node.Do("ROLE")
		if err == nil && role.([]any)[0] == "slave" && strings.HasSuffix(master.Addr(), fmt.Sprintf(":%d", role.([]any)[2])) {
			return node
		}
	}
	c.Fatal("the master has no replica")
	return nil
}

// read returns a value as a request reads it, "none", or an error.
func read(s *redisstore.Store, id string) (string, error) {
	value, found, err := s.Get(context.Background(), id, holdfast.ReadUse)
	if err == nil && !found {
		return "none", nil
	}
	return string(value), err
}

func wantRead(t *testing.T, s *redisstore.Store, id, want string) {
	t.Helper()
	got, err := read(s, id)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// soonReads waits until the store answers, and then wants the value.
func soonReads(t *testing.T, s *redisstore.Store, id, want string) {
	t.Helper()
	var got string
	soon(t, func() (err error) { got, err = read(s, id); return err })
	require.Equal(t, want, got)
}

// soon waits until f returns nil.
func soon(t *testing.T, f func() error) {
	t.Helper()
	for deadline := time.Now().Add(3 * patience); ; time.Sleep(5 * time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			require.NoError(t, err)
		}
	}
}

// soonNotices waits until the store reads what another has written. It is
// notified, perhaps after the other's call has returned.
func soonNotices(t *testing.T, s *redisstore.Store, id, want string) {
	t.Helper()
	soon(t, func() error {
		if got, err := read(s, id); err != nil || got != want {
			return fmt.Errorf("got %q, want %q: %w", got, want, err)
		}
		return nil
	})
}

// soonCopies waits until local copies answer reads.
func soonCopies(t *testing.T, s *redisstore.Store, id string) {
	t.Helper()
	soon(t, func() error {
		before := s.Stats().Hits
		if _, err := read(s, id); err != nil {
			return err
		}
		if s.Stats().Hits == before {
			return fmt.Errorf("the read was no hit: %+v", s.Stats())
		}
		return nil
	})
}

// add adds 1 to a counter and returns it.
func add(ctx context.Context, s *redisstore.Store, id string) (n int, err error) {
	err = s.Update(ctx, id, func(old []byte, _ bool) (cache.Change, error) {
		n, _ = strconv.Atoi(string(old)) // 0 for none
		n++
		return cache.Put([]byte(strconv.Itoa(n)), time.Hour), nil
	})
	return n, err
}

// site is a Manager whose users log in.
type site struct{ *holdfast.Manager }

func newSite(t *testing.T, s *redisstore.Store) site {
	m, err := holdfast.New(holdfast.Options{Store: s, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return site{m}
}

// visit carries out a request, with the cookie of an earlier one unless it is
// nil, and returns the status and the cookie.
func (s site) visit(cookie *http.Cookie, handle func(*holdfast.Session)) (int, *http.Cookie) {
	request := httptest.NewRequest("GET", "https://example.com/", nil)
	if cookie != nil {
		request.AddCookie(cookie)
	}
	recorder := httptest.NewRecorder()
	s.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { handle(s.Session(r)) })).ServeHTTP(recorder, request)
	result := recorder.Result()
	for _, c := range result.Cookies() {
		cookie = c
	}
	return result.StatusCode, cookie
}

// login waits until the store is available.
func (s site) login(t *testing.T, user string) (cookie *http.Cookie) {
	t.Helper()
	soon(t, func() (err error) {
		status, c := s.visit(nil, func(session *holdfast.Session) { err = session.Login(user) })
		if err == nil && (status != http.StatusOK || c == nil) {
			err = fmt.Errorf("status %d, cookie %v", status, c != nil)
		}
		cookie = c
		return err
	})
	return cookie
}

// who returns the user of the session, or the status of an error.
func (s site) who(cookie *http.Cookie) (user string) {
	status, _ := s.visit(cookie, func(session *holdfast.Session) { user = session.UserID() })
	if status != http.StatusOK {
		return fmt.Sprint(status)
	}
	return user
}

// Three primaries without replicas.
func TestCluster_primaries(t *testing.T) {
	t.Parallel()
	c := runCluster(t, testserver.Redis, 0, "cluster-require-full-coverage no")
	t.Run("addresses", func(t *testing.T) { testAddresses(c.in(t)) })
	t.Run("access", func(t *testing.T) { testClusterAccess(c.in(t)) })
	t.Run("dead for good", func(t *testing.T) { testDeadForGood(c.in(t)) })
}

// One address of a cluster is enough.
func testAddresses(c cluster) {
	first, second := c.Nodes[0].Addr(), c.Nodes[1].Addr()
	for name, o := range map[string]redisstore.Options{
		"URL":                     {URL: "redis://" + first},
		"URL with more addresses": {URL: "redis://" + first + "?addr=" + second},
		"URL with a name":         {URL: "redis://" + strings.Replace(first, "127.0.0.1", "localhost", 1)},
		"Client":                  {Client: rueidis.ClientOption{InitAddress: []string{second}}},
	} {
		c.Run(name, func(t *testing.T) {
			c := c.in(t)
			s := openStore(t, o.Client, func(all *redisstore.Options) { all.URL = o.URL })
			for _, node := range c.Nodes {
				id := c.idOn(node, 0)
				set(t, s, id, "value")
				require.EqualValues(t, 1, c.do(node, "EXISTS", "hf:s:"+id))
			}
			require.True(t, s.Stats().Notifies)
			soonCopies(t, s, c.idOn(c.Nodes[0], 0))
		})
	}
}

// A cluster needs a few permissions more, and so does WaitReplicas.
func testClusterAccess(c cluster) {
	user := c.asUser()
	everything(c.T, c.open(patient, user), c.open(patient, user))
	for _, node := range c.Nodes {
		require.Empty(c, c.do(node, "ACL", "LOG"))
	}
}

// waiting are the permissions that WaitReplicas needs.
var waiting = []string{"+wait", "+discard", "+unsubscribe", "+punsubscribe", "+sunsubscribe"}

// asUser lets a store log in with the permissions that it needs.
func (c cluster) asUser() func(*redisstore.Options) {
	more := []string{"+asking", "+cluster|info", "+cluster|nodes", "+cluster|shards", "+cluster|slots"}
	for _, node := range c.Nodes {
		c.do(node, slices.Concat(leastUser, permissions, more, waiting)...)
		c.do(node, "ACL", "LOG", "RESET")
	}
	return func(o *redisstore.Options) { o.Client.Username, o.Client.Password = "holdfast", "secret" }
}

// Many sessions of a user can have the same time in the index.
func TestScan_same_time(t *testing.T) {
	server := testserver.Run(t, testserver.Redis)
	s := open(t, server.Addr())
	const sessions = 350
	index := []string{"ZADD", "hf:u:" + string(tagOf("ada"))}
	end := strconv.FormatInt(time.Now().Add(3*time.Hour).UnixMilli(), 10)
	for i := range sessions {
		id := fmt.Sprintf("%d \n\"%c", i, 0xff-i%100)
		require.NoError(t, s.Set(t.Context(), id, recordOf("ada"), time.Hour))
		at := end
		if i%50 == 0 {
			at += strconv.Itoa(i)
		}
		index = append(index, at, id)
	}
	do(t, server, index...)
	ids := listed(t, s, "ada")
	require.Len(t, ids, sessions)
	slices.Sort(ids)
	require.Len(t, slices.Compact(ids), sessions)
}

// A primary without a replica hangs, and ends. Its sessions are unavailable,
// and a listing says so. The others are used as before: neither the server nor
// the attempts to reach it end their copies.
func testDeadForGood(c cluster) {
	s := c.open(quick)
	dead := c.Nodes[2]
	there, gone := c.idOn(c.Nodes[0], 0), c.idOn(dead, 0)
	set(c.T, s, there, "value")
	set(c.T, s, gone, "value")
	soonCopies(c.T, s, gone)
	require.NoError(c, dead.Pause())
	c.wantUse(s, there)
	_, err := read(s, gone)
	require.ErrorIs(c, err, holdfast.ErrUnavailable)
	c.open() // a store can begin now
	require.NoError(c, dead.Kill())
	c.wantUse(s, there)
	_, err = read(s, gone)
	require.ErrorIs(c, err, holdfast.ErrUnavailable)
	_, err = newSite(c.T, s).Len(c.Context())
	require.ErrorIs(c, err, holdfast.ErrUnavailable)

	require.NoError(c, dead.Restart()) // without its data
	require.NoError(c, c.Wait())
	soonReads(c.T, s, gone, "none")
	set(c.T, s, gone, "new")
	c.wantUse(s, gone)
}

func TestCluster(t *testing.T) {
	t.Parallel()
	// On a busy machine nodes would take each other for dead after 2 seconds.
	whole := runCluster(t, testserver.Valkey, 1, "cluster-require-full-coverage no", "cluster-node-timeout 5000")
	run := func(name string, test func(c cluster)) {
		t.Run(name, func(t *testing.T) { test(whole.in(t)) })
	}
	run("notifies", testNotifies)
	run("scans each entry once", testScan)
	run("moves slots", testMoveSlots)
	run("redirects", testRedirects)
	run("WaitReplicas", testWaitReplicas)
	run("replaced primary", testReplacedPrimary)
	run("dead replica", testDeadReplica)
	run("dead primary", testDeadPrimary)
	run("lost cluster", testLostCluster)
}

// A write on any node removes the copies of the other stores, and proofs come
// from all nodes, replicas included.
func testNotifies(c cluster) {
	a, b := c.open(), c.open()
	for _, node := range c.Nodes[:3] {
		id := c.idOn(node, 0)
		set(c.T, a, id, "old")
		soonCopies(c.T, b, id)
		set(c.T, a, id, "new")
		soonNotices(c.T, b, id, "new")
		wantRead(c.T, a, id, "new")
	}
	require.Zero(c, b.Stats().Mismatches)
}

// The scan of all sessions visits all nodes. A user's index may be on another
// node than the sessions.
func testScan(c cluster) {
	s := c.open(patient)
	sites := newSite(c.T, s)
	users := []string{"ada", "ben", "eve"}
	const each = 20
	for _, user := range users {
		for range each {
			sites.login(c.T, user)
		}
	}
	used := 0
	for _, node := range c.Nodes[:3] {
		if keys := c.do(node, "KEYS", "hf:s:*"); len(keys.([]any)) > 0 {
			used++
		}
	}
	require.Equal(c, 3, used)
	seen := map[string]int{}
	for info, err := range sites.All(c.Context()) {
		require.NoError(c, err)
		seen[info.Handle]++
	}
	require.Len(c, seen, each*len(users))
	for handle, times := range seen {
		require.Equal(c, 1, times, handle)
	}
	for _, user := range users {
		infos, err := sites.Sessions(c.Context(), user)
		require.NoError(c, err)
		require.Len(c, infos, each)
		ended, err := sites.EndUser(c.Context(), user)
		require.NoError(c, err)
		require.Equal(c, each, ended)
	}
	n, err := sites.Len(c.Context())
	require.NoError(c, err)
	require.Zero(c, n)
}

// Slots move while three stores read and change the entries in them. No step is
// lost, no read is older than MaxStale, and no listing misses a session.
func testMoveSlots(c cluster) {
	stores := []*redisstore.Store{c.open(patient, quick), c.open(patient, quick), c.open(patient, quick)}
	site := newSite(c.T, stores[0])
	const logins = 300 // more than one page of a listing
	for range logins {
		site.login(c.T, "ada")
	}
	traffic := newTraffic(stores, quickStale, c.idOn(c.Nodes[0], 1), c.idOn(c.Nodes[1], 1))
	var moving []int
	for _, counter := range traffic.counters {
		moving = append(moving, c.slot("hf:s:"+counter.id))
	}
	index := -1
	for _, node := range c.Nodes[:3] {
		for i, key := range c.do(node, "KEYS", "hf:s:*").([]any) {
			if i < 10 {
				moving = append(moving, c.slot(key.(string)))
			}
		}
		if keys := c.do(node, "KEYS", "hf:u:*").([]any); len(keys) > 0 {
			index = c.slot(keys[0].(string))
		}
	}
	for i := len(moving); i > 0; i -= 3 {
		moving = slices.Insert(moving, i, index)
	}

	stop := traffic.start(c.T)
	var moves atomic.Int64
	listed, ended := 0, make(chan struct{})
	var listing sync.WaitGroup
	listing.Go(func() {
		for before := int64(0); ; before = moves.Load() {
			infos, err := site.Sessions(context.Background(), "ada")
			if err != nil || len(infos) != logins {
				c.Errorf("listed %d of the user's sessions: %v", len(infos), err)
				return
			}
			if n, err := site.Len(context.Background()); err != nil || n != logins {
				c.Errorf("listed %d of all sessions: %v", n, err)
				return
			}
			if moves.Load() > before {
				listed++
			}
			select {
			case <-ended:
				return
			default:
			}
		}
	})
	var err error
	for i := 0; i < long(2)*len(moving) && err == nil; i++ {
		var owner *testserver.Server
		if owner, err = c.Owner(moving[i%len(moving)]); err == nil {
			next := c.Nodes[(slices.Index(c.Nodes, owner)+1)%3]
			err = c.MoveSlot(moving[i%len(moving)], next)
			moves.Add(1)
		}
	}
	close(ended)
	listing.Wait()
	stop()
	require.NoError(c, err)
	traffic.check(c.T)
	traffic.wantNoFaults(c.T)
	require.Positive(c, listed, "listings during which a slot has moved")
	_, err = site.EndEveryone(c.Context())
	require.NoError(c, err)
}

// While a slot moves, its old node sends clients to the new one with ASK. The
// entry is tracked there.
func testRedirects(c cluster) {
	user := c.asUser()
	a, b := c.open(patient, user), c.open(patient, user)
	from, to := c.Nodes[0], c.Nodes[1]
	id := c.idOn(from, 0)
	slot := c.slot("hf:s:" + id)
	require.NoError(c, to.SetSlot(slot, "IMPORTING "+c.do(from, "CLUSTER", "MYID").(string)))
	require.NoError(c, from.SetSlot(slot, "MIGRATING "+c.do(to, "CLUSTER", "MYID").(string)))
	calls := func() int {
		calls, err := to.Calls()
		require.NoError(c, err)
		return calls["asking"]
	}
	before := calls()
	set(c.T, a, id, "old")
	require.Greater(c, calls(), before)

	soonCopies(c.T, b, id)
	set(c.T, a, id, "new")
	soonNotices(c.T, b, id, "new")

	waiting := c.open(patient, user, func(o *redisstore.Options) { o.WaitReplicas = 1 })
	_, err := waiting.Touch(c.Context(), id, 0)
	require.NoError(c, err)
	soonNotices(c.T, a, id, "none")

	for _, node := range []*testserver.Server{from, to} {
		require.NoError(c, node.SetSlot(slot, "STABLE"))
	}

	// MOVED: the other store does not know of the move.
	set(c.T, a, id, "moved")
	require.NoError(c, c.MoveSlot(slot, to))
	_, err = waiting.Touch(c.Context(), id, 0)
	require.NoError(c, err)
	soonNotices(c.T, b, id, "none")
	require.NoError(c, c.MoveSlot(slot, from))
}

// A removal returns when a replica has it.
func testWaitReplicas(c cluster) {
	s := c.open(slowly, func(o *redisstore.Options) { o.WaitReplicas = 1 })
	primary := c.Nodes[0]
	replica := c.replicaOf(primary)
	conn, err := replica.Dial()
	require.NoError(c, err)
	defer conn.Close()
	_, err = conn.Do("READONLY")
	require.NoError(c, err)
	for i := range 20 {
		id := c.idOn(primary, i)
		set(c.T, s, id, "value")
		require.NoError(c, s.Update(c.Context(), id, func([]byte, bool) (cache.Change, error) { return cache.Remove(), nil }))
		there, err := conn.Do("EXISTS", "hf:s:"+id)
		require.NoError(c, err)
		require.Zero(c, there)
	}

	id := c.idOn(primary, 0)
	set(c.T, s, id, "value")
	require.NoError(c, replica.Pause())
	defer func() { require.NoError(c, replica.Resume()) }()
	waits := func() int {
		calls, err := primary.Calls()
		require.NoError(c, err)
		return calls["wait"]
	}
	before := waits()
	err = s.Update(c.Context(), id, func([]byte, bool) (cache.Change, error) { return cache.Remove(), nil })
	require.ErrorIs(c, err, holdfast.ErrUnavailable)
	require.ErrorContains(c, err, "0 of 1 replicas")
	require.LessOrEqual(c, waits(), before+2, "two attempts")
	// Another store finds nothing to remove, but does not claim that it waited.
	_, err = c.open(slowly, func(o *redisstore.Options) { o.WaitReplicas = 1 }).Touch(c.Context(), id, 0)
	require.ErrorContains(c, err, "0 of 1 replicas")
	wantRead(c.T, s, id, "none")
}

// A primary that was replaced, but still answers, does not know the writes to
// its successor. Copies from it end.
func testReplacedPrimary(c cluster) {
	a, b := c.open(quick), c.open(patient)
	old := c.Nodes[1]
	successor := c.replicaOf(old)
	id := c.idOn(old, 0)
	set(c.T, b, id, "old")
	soonCopies(c.T, a, id)

	// It cannot log in to its successor, so it stays as it is.
	c.do(old, "CONFIG", "SET", "masteruser", "nobody")
	c.do(successor, "CLUSTER", "FAILOVER")
	soon(c.T, func() error {
		if c.do(old, "ROLE").([]any)[0] != "slave" {
			return errors.New("no failover yet")
		}
		return nil
	})
	set(c.T, b, id, "new")
	time.Sleep(quickStale) // the bound that is promised
	wantRead(c.T, a, id, "new")
	conn, err := old.Dial()
	require.NoError(c, err)
	defer conn.Close()
	_, err = conn.Do("READONLY")
	require.NoError(c, err)
	there, err := conn.Do("GETRANGE", "hf:s:"+id, "8", "-1")
	require.NoError(c, err)
	require.Equal(c, "old", there, "the replaced primary answers")

	c.do(old, "CONFIG", "SET", "masteruser", "testserver")
	require.NoError(c, c.Wait())
	c.failOver(successor)
	soonReads(c.T, a, id, "new")
	soonCopies(c.T, a, id)
}

const quickStale = 300 * time.Millisecond

// A dead replica ends no copies, and neither do attempts to reach it.
func testDeadReplica(c cluster) {
	s := c.open(quick)
	id := c.idOn(c.Nodes[0], 0)
	set(c.T, s, id, "value")
	replica := c.replicaOf(c.Nodes[1])
	require.NoError(c, replica.Kill())
	c.wantUse(s, id)
	require.NoError(c, replica.Restart())
	require.NoError(c, c.Wait())
	c.wantUse(s, id)
}

// wantUse wants that local copies answer reads, and go on during many pulses.
func (c cluster) wantUse(s *redisstore.Store, id string) {
	c.Helper()
	node := c.ownerOf("hf:s:" + id)
	pulses := func() int {
		calls, err := node.Calls()
		require.NoError(c, err)
		return calls["time"]
	}
	soon(c.T, func() error {
		lost, misses := s.Stats().Lost, s.Stats().Misses+s.Stats().Verified
		for begun := pulses(); pulses() < begun+10; time.Sleep(5 * time.Millisecond) {
			if _, err := read(s, id); err != nil {
				return err
			}
		}
		now := s.Stats()
		if now.Lost != lost || now.Misses+now.Verified > misses+2 {
			return fmt.Errorf("the copies were not used: %d and %d before, %+v", lost, misses, now)
		}
		return nil
	})
}

// A primary is killed. Its slots are unavailable until its replica takes over.
// The others are not.
func testDeadPrimary(c cluster) {
	stores := []*redisstore.Store{c.open(quick, slowly), c.open(quick, slowly), c.open(quick, slowly)}
	dead := c.Nodes[2]
	there, gone, unwritten := c.idOn(c.Nodes[0], 0), c.idOn(dead, 0), c.idOn(dead, 1)
	set(c.T, stores[0], there, "0")
	set(c.T, stores[0], gone, "old")
	for _, s := range stores {
		soonCopies(c.T, s, there)
		soonCopies(c.T, s, gone)
	}
	traffic := newTraffic(stores, quickStale, there)
	for i := 0; traffic.tag == "" || c.ownerOf(traffic.tag) != c.Nodes[0]; i++ {
		traffic.tag = strconv.Itoa(i)
	}
	stop := traffic.start(c.T)
	killed := time.Now()
	require.NoError(c, dead.Kill())
	time.Sleep(quickStale)
	wantUnavailable := func(err error) {
		if err == nil && time.Since(killed) > 3*time.Second/2 {
			return // on a slow machine the replica may have taken over
		}
		require.ErrorIs(c, err, holdfast.ErrUnavailable)
	}
	for _, s := range stores {
		_, err := read(s, gone)
		wantUnavailable(err)
		wantUnavailable(s.Set(c.Context(), unwritten, nil, time.Hour))
	}
	// The set of keys is not complete without the dead server.
	_, err := newSite(c.T, stores[0]).Len(c.Context())
	wantUnavailable(err)

	for i, s := range stores {
		soonReads(c.T, s, gone, []string{"old", "new0", "new1"}[i])
		// A node that does not know of the failover yet may mislead a store.
		soon(c.T, func() error { return s.Set(c.Context(), gone, fmt.Append(nil, "new", i), time.Hour) })
		wantRead(c.T, s, gone, fmt.Sprint("new", i))
		soonCopies(c.T, s, gone)
	}
	stop()
	traffic.check(c.T)
	traffic.wantNoFaults(c.T)
	soon(c.T, func() error { _, err := newSite(c.T, stores[0]).Len(c.Context()); return err })

	require.NoError(c, dead.Restart())
	require.NoError(c, c.Wait())
	for _, s := range stores {
		c.wantUse(s, gone)
		wantRead(c.T, s, gone, "new2")
	}
}

// A primary that has lost the others may have been replaced. It answers no
// commands, so copies from it answer none either.
func testLostCluster(c cluster) {
	s := c.open(quick)
	alone := c.ownerOf("hf:s:" + c.Name())
	set(c.T, s, c.Name(), "value")
	soonCopies(c.T, s, c.Name())
	for _, node := range c.Nodes {
		if node != alone {
			require.NoError(c, node.Pause())
			defer func() { require.NoError(c, node.Resume()) }()
		}
	}
	soon(c.T, func() error {
		_, _ = read(s, c.Name()) // leaves a copy while the primary answers
		if info := c.do(alone, "CLUSTER", "INFO").(string); strings.Contains(info, "cluster_state:ok") {
			return errors.New("the primary has not noticed that it is alone")
		}
		return nil
	})
	time.Sleep(quickStale)
	_, err := read(s, c.Name())
	require.ErrorIs(c, err, holdfast.ErrUnavailable)
	require.NotEmpty(c, c.do(alone, "TIME"), "it answers")
	for _, node := range c.Nodes {
		if node != alone {
			require.NoError(c, node.Resume())
		}
	}
	require.NoError(c, c.Wait())
	soonReads(c.T, s, c.Name(), "value")
	soonCopies(c.T, s, c.Name())
}

// Everything at once: slots move, replicas take over, nodes hang, connections
// break, and nothing is lost. The unit of HOLDFAST_LONG is six seconds.
func TestCluster_model(t *testing.T) {
	t.Parallel()
	c := runCluster(t, testserver.Redis, 1)
	stores := []*redisstore.Store{c.open(quick), c.open(quick), c.open(quick)}
	traffic := newTraffic(stores, quickStale, c.idOn(c.Nodes[0], 0), c.idOn(c.Nodes[1], 0), c.idOn(c.Nodes[2], 0))
	stop := traffic.start(t)
	faults := []struct {
		name string
		f    func()
	}{
		{"a slot moves", func() {
			slot := c.slot("hf:s:" + traffic.counters[rand.IntN(3)].id)
			soon(t, func() error { // on a busy machine a replica may take over meanwhile
				masters := c.masters()
				return c.MoveSlot(slot, masters[rand.IntN(len(masters))])
			})
			require.NoError(t, c.Wait()) // replicas know it too
		}},
		{"a replica takes over", func() {
			masters := c.masters()
			c.failOver(masters[rand.IntN(len(masters))])
		}},
		{"a node hangs", func() {
			node := c.Nodes[rand.IntN(len(c.Nodes))]
			require.NoError(t, node.Pause())
			time.Sleep(time.Duration(rand.IntN(700)) * time.Millisecond)
			require.NoError(t, node.Resume())
			require.NoError(t, c.Wait())
		}},
		{"connections break", func() {
			c.do(c.Nodes[rand.IntN(len(c.Nodes))], "CLIENT", "KILL", "TYPE", "normal")
		}},
	}
	least := time.Duration(long(6)) * time.Second
	for begun := time.Now(); !t.Failed() && (time.Since(begun) < least || !traffic.hasFailed() && time.Since(begun) < least+patience); {
		for _, i := range rand.Perm(len(faults)) {
			faults[i].f()
			time.Sleep(50 * time.Millisecond)
		}
	}
	require.NoError(t, c.Wait())
	stop()
	traffic.check(t)
	require.NotEmpty(t, traffic.faults, "the faults have hit something")
	for _, err := range traffic.faults {
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
	}
	t.Logf("%d calls have failed, %d entries have ended", len(traffic.faults), len(traffic.ended))
}

// masters returns the nodes that are masters.
func (c cluster) masters() (masters []*testserver.Server) {
	for _, node := range c.Nodes {
		if c.do(node, "ROLE").([]any)[0] == "master" {
			masters = append(masters, node)
		}
	}
	return masters
}

// failOver lets a replica take over from a master that works. No write is lost.
func (c cluster) failOver(master *testserver.Server) {
	replica := c.replicaOf(master)
	soon(c.T, func() error {
		if c.do(replica, "ROLE").([]any)[0] == "master" {
			return nil
		}
		_, _ = replica.Do("CLUSTER", "FAILOVER") // refused while one is under way
		return errors.New("no failover yet")
	})
	require.NoError(c, c.Wait())
}

// traffic is what several stores do with entries meanwhile: increment counters,
// and store and remove other entries. It checks each read.
type traffic struct {
	stores   []*redisstore.Store
	maxStale time.Duration
	counters []*counter
	tag      string // of the entries that are removed; if it is "", they are anywhere
	lossy    bool   // answered writes may be lost meanwhile
	hits     uint64 // before

	mu     sync.Mutex
	ended  []ended // entries that were removed, the latest last
	faults []error // of calls
}

// counter is the knowledge of an entry that counts increments.
type counter struct {
	id      string
	mu      sync.Mutex
	steps   []step // increments that were answered
	unknown int    // increments that have failed, and may have been carried out
}

// step is an increment that was answered at a time.
type step struct {
	at    time.Time
	value int // that it has stored
}

// ended is an entry whose removal was answered at a time.
type ended struct {
	id string
	at time.Time
}

func newTraffic(stores []*redisstore.Store, maxStale time.Duration, counters ...string) *traffic {
	all := &traffic{stores: stores, maxStale: maxStale}
	for _, id := range counters {
		all.counters = append(all.counters, &counter{id: id})
	}
	all.hits = all.newHits()
	return all
}

// newHits returns how many reads local copies have answered since the start.
func (all *traffic) newHits() (n uint64) {
	for _, s := range all.stores {
		n += s.Stats().Hits
	}
	return n - all.hits
}

// start begins the traffic. stop ends it, once there is enough to check, and
// waits for that.
func (all *traffic) start(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	loop := func(pause time.Duration, f func()) {
		group.Go(func() {
			for ; ctx.Err() == nil && !t.Failed(); time.Sleep(pause) {
				f()
			}
		})
	}
	for _, s := range all.stores {
		for _, c := range all.counters {
			loop(5*time.Millisecond, func() { all.increment(s, c) })
			loop(time.Millisecond/2, func() { all.read(t, s, c) })
		}
		loop(5*time.Millisecond, func() { all.end(ctx, s) })
		loop(time.Millisecond, func() { all.readEnded(t, s) })
	}
	return func() {
		eventually(t, func() bool { return t.Failed() || all.enough() })
		cancel()
		group.Wait()
	}
}

// enough reports whether there has been traffic of each kind.
func (all *traffic) enough() bool {
	for _, c := range all.counters {
		c.mu.Lock()
		n := len(c.steps)
		c.mu.Unlock()
		if n == 0 {
			return false
		}
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	return len(all.ended) > 0 && all.newHits() > 0
}

func (all *traffic) failed(err error) bool {
	if err != nil {
		all.mu.Lock()
		defer all.mu.Unlock()
		all.faults = append(all.faults, err)
	}
	return err != nil
}

// hasFailed reports whether a call has failed.
func (all *traffic) hasFailed() bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return len(all.faults) > 0
}

func (all *traffic) increment(s *redisstore.Store, c *counter) {
	n, err := add(context.Background(), s, c.id)
	failed := all.failed(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if failed {
		c.unknown++
		return
	}
	c.steps = append(c.steps, step{time.Now(), n})
}

// lost returns the time during which answered increments were lost: until the
// value that was stored next fell.
func (c *counter) lost() (during time.Duration) {
	greatest, fall := 0, 0
	for i, s := range c.steps {
		if greatest-s.value > fall {
			first := slices.IndexFunc(c.steps, func(before step) bool { return before.value >= s.value })
			greatest, fall, during = s.value, greatest-s.value, c.steps[i-1].at.Sub(c.steps[first].at)
		}
		greatest = max(greatest, s.value)
	}
	return during
}

// read fails the test if a read is older than MaxStale.
func (all *traffic) read(t *testing.T, s *redisstore.Store, c *counter) {
	begun := time.Now()
	text, err := read(s, c.id)
	if all.failed(err) {
		return
	}
	got, _ := strconv.Atoi(text) // 0 for none
	c.mu.Lock()
	defer c.mu.Unlock()
	want := len(c.steps)
	for want > 0 && !c.steps[want-1].at.Before(begun.Add(-all.maxStale)) {
		want--
	}
	if got < want && !all.lossy {
		t.Errorf("read %d, but %d increments were answered more than %v before: %+v", got, want, all.maxStale, s.Stats())
	}
}

// end stores an entry, lets all stores have a copy, and removes it.
func (all *traffic) end(ctx context.Context, s *redisstore.Store) {
	id := fmt.Sprintf("ended {%s} %x", cmp.Or(all.tag, strconv.Itoa(rand.Int())), rand.Uint64())
	if all.failed(s.Set(context.Background(), id, []byte("value"), time.Hour)) {
		return
	}
	for _, s := range all.stores {
		_, err := read(s, id)
		all.failed(err)
	}
	for ctx.Err() == nil {
		err := all.stores[rand.IntN(len(all.stores))].Update(context.Background(), id, func([]byte, bool) (cache.Change, error) { return cache.Remove(), nil })
		if !all.failed(err) {
			all.mu.Lock()
			all.ended = append(all.ended, ended{id, time.Now()})
			all.mu.Unlock()
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// readEnded fails the test if an entry is found that has ended.
func (all *traffic) readEnded(t *testing.T, s *redisstore.Store) {
	all.mu.Lock()
	if len(all.ended) == 0 {
		all.mu.Unlock()
		return
	}
	latest := min(len(all.ended), 100)
	e := all.ended[len(all.ended)-1-rand.IntN(latest)]
	all.mu.Unlock()
	begun := time.Now()
	if text, err := read(s, e.id); !all.failed(err) && text != "none" && !all.lossy && e.at.Before(begun.Add(-all.maxStale)) {
		t.Errorf("found an entry %v after it was removed: %+v", begun.Sub(e.at), s.Stats())
	}
}

// check compares the entries with the increments. Unless lossy, none that was
// answered is missing. It returns how many are, and the longest time between
// two of a counter.
func (all *traffic) check(t *testing.T) (missing int, during time.Duration) {
	t.Helper()
	for _, c := range all.counters {
		var got int
		soon(t, func() error {
			value, _, err := all.stores[0].Get(t.Context(), c.id, holdfast.ReadFresh)
			got, _ = strconv.Atoi(string(value))
			return err
		})
		answered := len(c.steps)
		require.Positive(t, answered)
		if !all.lossy {
			require.GreaterOrEqual(t, got, answered, "increments that were answered")
		} else if got < answered {
			missing, during = missing+answered-got, max(during, c.lost())
		}
		require.LessOrEqual(t, got, answered+c.unknown, "and those that may have been carried out")
		for _, s := range all.stores {
			soonNotices(t, s, c.id, strconv.Itoa(got))
		}
	}
	require.NotEmpty(t, all.ended)
	for _, s := range all.stores {
		for i := 0; i < len(all.ended) && !all.lossy; i++ {
			soonReads(t, s, all.ended[i].id, "none")
		}
	}
	require.Positive(t, all.newHits(), "reads by local copies")
	return missing, during
}

// wantNoFaults wants that all calls have succeeded.
func (all *traffic) wantNoFaults(t *testing.T) {
	t.Helper()
	require.Empty(t, all.faults)
}
