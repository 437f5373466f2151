package redisstore_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/faultproxy"
	"github.com/holdfast-go/holdfast/internal/testserver"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
	"github.com/holdfast-go/holdfast/tier"
)

// steps are Updates that each append a step of their own to one entry.
type steps struct {
	mu             sync.Mutex
	done, doubtful []string // the Update returned nil, or an error
}

// take appends steps until the context ends.
func (all *steps) take(ctx context.Context, t *testing.T, s *redisstore.Store, name string) {
	for n := 0; ctx.Err() == nil; n++ {
		step := fmt.Sprint(name, "-", n, ";")
		err := s.Update(t.Context(), "steps", func(old []byte, _ bool) (change, error) {
			return cache.Put(append(old, step...), time.Hour), nil
		})
		all.mu.Lock()
		if err == nil {
			all.done = append(all.done, step)
		} else {
			all.doubtful = append(all.doubtful, step)
		}
		all.mu.Unlock()
		if err != nil && !isUnavailable(err) {
			t.Error(err)
		}
		time.Sleep(rand.N(3 * time.Millisecond))
	}
}

// begun reports whether a step is done.
func (all *steps) begun() bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return len(all.done) > 0
}

// check compares the steps with the entry: each that is done is there once, and
// each doubtful one at most once.
func (all *steps) check(t *testing.T, s *redisstore.Store) {
	t.Helper()
	counts := map[string]int{}
	for step := range strings.SplitAfterSeq(get(t, s, "steps", holdfast.ReadFresh), ";") {
		counts[step]++
	}
	delete(counts, "")
	carriedOut := 0
	for _, step := range all.done {
		require.Equal(t, 1, counts[step], "the Update of %q returned no error", step)
		delete(counts, step)
	}
	for _, step := range all.doubtful {
		require.LessOrEqual(t, counts[step], 1, "the Update of %q returned an error", step)
		carriedOut += counts[step]
		delete(counts, step)
	}
	require.Empty(t, counts)
	t.Logf("%d steps done, %d doubtful; %d of them were carried out", len(all.done), len(all.doubtful), carriedOut)
}

// Answers are lost after the server has carried out the commands, and
// connections break.
func TestUpdate_unknown_outcomes(t *testing.T) {
	t.Parallel()
	eachModeAtOnce(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		proxy := proxyTo(t, server.Addr())
		direct := open(t, server.Addr(), in(mode), patient)
		all := new(steps)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(long(1500))*time.Millisecond)
		defer cancel()
		var group sync.WaitGroup
		for i := range 2 {
			s := open(t, proxy.Addr(), in(mode), func(o *redisstore.Options) {
				o.Tier.Timeout, o.Tier.MaxStale = 60*time.Millisecond, 60*time.Millisecond
			})
			for worker := range 3 {
				group.Go(func() { all.take(ctx, t, s, fmt.Sprint(i, worker)) })
			}
		}
		group.Go(func() { all.take(ctx, t, direct, "direct") })
		stop := disturb(proxy, 50*time.Millisecond)
		group.Wait()
		stop()
		require.NotEmpty(t, all.doubtful)
		all.check(t, direct)
	})
}

// One answer is lost, then the network is healthy. The second attempt finds out
// that the first was carried out.
func TestUpdate_lost_answer(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		proxy := proxyTo(t, server.Addr())
		s := open(t, proxy.Addr(), in(mode), func(o *redisstore.Options) {
			o.Tier.Timeout, o.Tier.MaxStale = 5*time.Second, time.Minute
			client(o, func(c *rueidis.ClientOption) {
				c.Dialer.KeepAlive, c.ConnWriteTimeout = time.Minute, time.Minute // no pings
			})
		})
		set(t, s, "counter", "0")
		for n := range 3 {
			calls := 0
			require.NoError(t, s.Update(t.Context(), "counter", func(old []byte, found bool) (change, error) {
				calls++
				proxy.Swallow(faultproxy.ToClient, true)
				sent := proxy.Received(faultproxy.ToClient)
				go func() {
					for proxy.Received(faultproxy.ToClient) == sent { // the answer
						time.Sleep(time.Millisecond)
					}
					proxy.Swallow(faultproxy.ToClient, false)
					proxy.Cut()
				}()
				return increment(old, found)
			}))
			require.Equal(t, 1, calls)
			require.Equal(t, fmt.Sprint(n+1), get(t, s, "counter", holdfast.ReadFresh))
		}
	})
}

// work runs Updates and reads on three stores while disrupt runs, and checks
// that all of it was right.
func work(t *testing.T, server *testserver.Server, mode tier.Mode, disrupt func(ctx context.Context)) {
	t.Helper()
	var stores []*redisstore.Store
	for range 3 {
		stores = append(stores, open(t, server.Addr(), in(mode), promptly, func(o *redisstore.Options) { o.Tier.MaxStale = 100 * time.Millisecond }))
	}
	set(t, stores[0], "constant", "1")
	all := new(steps)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	for i, s := range stores {
		group.Go(func() { all.take(ctx, t, s, fmt.Sprint(i)) })
		group.Go(func() {
			for ctx.Err() == nil {
				value, found, err := s.Get(t.Context(), "constant", holdfast.ReadUse)
				if err == nil && (!found || string(value) != "1") || err != nil && !isUnavailable(err) {
					t.Error(string(value), found, err)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	eventually(t, all.begun)
	disrupt(ctx)
	cancel()
	group.Wait()
	for _, s := range stores {
		eventually(t, func() bool { return s.Set(t.Context(), "after", nil, time.Hour) == nil }, "the store does not recover")
	}
	all.check(t, stores[0])
	for _, s := range stores {
		require.Equal(t, get(t, s, "steps", holdfast.ReadUse), get(t, s, "steps", holdfast.ReadFresh))
		require.Zero(t, s.Stats().Mismatches)
	}
}

// The server closes connections while they carry commands.
func TestClient_kill(t *testing.T) {
	t.Parallel()
	eachModeAtOnce(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		work(t, server, mode, func(context.Context) {
			for range long(50) {
				do(t, server, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
				time.Sleep(rand.N(20 * time.Millisecond))
			}
		})
	})
}

// The server stops answering, and goes on.
func TestPause(t *testing.T) {
	t.Parallel()
	eachModeAtOnce(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		work(t, server, mode, func(context.Context) {
			for range long(3) {
				time.Sleep(rand.N(100 * time.Millisecond))
				require.NoError(t, server.Pause())
				time.Sleep(rand.N(time.Second))
				require.NoError(t, server.Resume())
			}
		})
	})
}

// A server with an append-only file that is written at once is stopped, or
// killed, and starts again. It has all that it had answered.
func TestRestart_with_AOF(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testserver.Server) error{
		"stop": (*testserver.Server).Stop, "kill": (*testserver.Server).Kill,
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, server *testserver.Server) {
				for _, mode := range []tier.Mode{tier.Cached, tier.Verified} {
					work(t, server, mode, func(context.Context) {
						for range long(2) {
							time.Sleep(200 * time.Millisecond)
							require.NoError(t, end(server))
							time.Sleep(rand.N(300 * time.Millisecond))
							require.NoError(t, server.Restart())
						}
					})
					do(t, server, "FLUSHALL")
				}
			}, "appendonly yes", "appendfsync always")
		})
	}
}

// A killed server loses the writes since it last saved. Then all stores see the
// older state, and nothing of the newer one.
func TestRestart_with_an_older_state(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		a, b := open(t, server.Addr()), open(t, server.Addr())
		stores := []*redisstore.Store{a, b}
		set(t, a, "changed", "old")
		set(t, a, "removed", "old")
		do(t, server, "SAVE")
		set(t, a, "changed", "new")
		set(t, a, "made", "new")
		remove(t, a, "removed")
		for _, s := range stores {
			get(t, s, "changed", holdfast.ReadUse)
			get(t, s, "made", holdfast.ReadUse)
		}
		require.NoError(t, server.Kill())
		require.NoError(t, server.Restart())
		for _, s := range stores {
			eventually(t, func() bool {
				_, _, err := s.Get(t.Context(), "changed", holdfast.ReadFresh)
				return err == nil
			})
			require.Equal(t, "old", get(t, s, "changed", holdfast.ReadUse))
			require.Equal(t, "old", get(t, s, "removed", holdfast.ReadUse))
			require.Equal(t, "none", get(t, s, "made", holdfast.ReadUse))
		}
		require.NoError(t, b.Update(t.Context(), "changed", func(old []byte, _ bool) (change, error) {
			return cache.Put(append(old, "er"...), time.Hour), nil
		}))
		require.Equal(t, "older", get(t, a, "changed", holdfast.ReadFresh))
	})
}

// A server without memory refuses new entries, and says why. It loses none, and
// reads and removals go on.
func TestServer_full(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		a, b := open(t, server.Addr(), in(mode), strict), open(t, server.Addr(), in(mode), strict)
		set(t, a, "a", "1")
		set(t, a, "b", "1")
		require.NoError(t, a.Set(t.Context(), "ann's", recordOf("ann"), time.Hour))
		get(t, b, "a", holdfast.ReadUse)
		do(t, server, "SCRIPT", "FLUSH")
		do(t, server, "CONFIG", "SET", "maxmemory", "1")
		defer do(t, server, "CONFIG", "SET", "maxmemory", "0")
		for _, s := range []*redisstore.Store{a, b} {
			for name, err := range map[string]error{
				"Set":         s.Set(t.Context(), "c", []byte("1"), time.Hour),
				"Set, a user": s.Set(t.Context(), "c", recordOf("bob"), time.Hour),
				"Update":      s.Update(t.Context(), "a", increment),
				"new":         s.Update(t.Context(), "c", increment),
			} {
				require.ErrorIs(t, err, holdfast.ErrUnavailable, name)
				require.ErrorIs(t, err, tier.ErrRefused, name)
				require.ErrorContains(t, err, "memory is full", name)
			}
			for _, how := range allReads {
				require.Equal(t, "1", get(t, s, "a", how))
				require.Equal(t, "1", get(t, s, "b", how))
				require.Equal(t, "none", get(t, s, "c", how))
			}
			found, err := s.Touch(t.Context(), "a", 2*time.Hour)
			require.NoError(t, err)
			require.True(t, found)
			require.False(t, s.Stats().Away)
			require.Positive(t, s.Stats().Refused)
		}
		require.Equal(t, []string{"ann's"}, listed(t, a, "ann"))
		require.Equal(t, int64(0), do(t, server, "EXISTS", "hf:u:"+string(tagOf("bob"))))
		remove(t, a, "a")
		_, err := b.Touch(t.Context(), "b", 0)
		require.NoError(t, err)
		require.Equal(t, "none", get(t, b, "a", holdfast.ReadFresh))
		require.Equal(t, "none", get(t, a, "b", holdfast.ReadFresh))
	})
}

// The server forgets its scripts.
func TestScripts_flushed(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		work(t, server, mode, func(context.Context) {
			for range long(50) {
				do(t, server, "SCRIPT", "FLUSH")
				time.Sleep(rand.N(5 * time.Millisecond))
			}
		})
	})
}

// A server that refuses CLIENT TRACKING.
func TestTracking_refused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		do(t, server, "ACL", "SETUSER", "holdfast", "on", ">secret", "~*", "+@all", "-client|tracking")
		lines := new(logs)
		a := open(t, server.Addr(), as("holdfast", "secret"), lines.option)
		b := open(t, server.Addr(), as("holdfast", "secret"))
		require.False(t, a.Stats().Notifies)
		require.Equal(t, 1, strings.Count(lines.String(), "does not notify"), lines)
		for range 20 {
			require.NoError(t, a.Update(t.Context(), "a", increment))
			require.NoError(t, b.Update(t.Context(), "a", increment))
			require.Equal(t, get(t, a, "a", holdfast.ReadUse), get(t, b, "a", holdfast.ReadUse))
		}
		require.Equal(t, "40", get(t, a, "a", holdfast.ReadUse))
		require.Zero(t, a.Stats().Hits)
		require.Equal(t, 2, strings.Count(do(t, server, "CLIENT", "LIST").(string), "name=holdfast"), "one connection for each store")
	})
}

// A server that tracks keys refuses it later. The store works on without.
func TestTracking_refused_later(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		do(t, server, "ACL", "SETUSER", "holdfast", "on", ">secret", "~*", "+@all")
		lines := new(logs)
		a, b := open(t, server.Addr(), as("holdfast", "secret"), lines.option), open(t, server.Addr())
		set(t, a, "a", "1")
		require.True(t, a.Stats().Notifies)
		do(t, server, "ACL", "SETUSER", "holdfast", "-client|tracking")
		do(t, server, "CLIENT", "KILL", "USER", "holdfast")
		eventually(t, func() bool { return !a.Stats().Notifies && !a.Stats().Away })
		eventually(t, func() bool { return a.Set(t.Context(), "a", []byte("2"), time.Hour) == nil })
		for n := range 3 {
			value := fmt.Sprint("later ", n)
			set(t, b, "a", value)
			// The latest proof lasts for MaxStale.
			eventually(t, func() bool { return get(t, a, "a", holdfast.ReadUse) == value })
		}
		require.Contains(t, lines.String(), "does not notify")
	})
}

// permissions are those of the ACL user that the documentation recommends.
var permissions = strings.Fields("+ping +time +client|tracking +get +set +del +getrange +strlen +pexpire +persist +pttl " +
	"+eval +evalsha +zadd +zremrangebyscore +zrange +scan")

// commands use each command of the server.
var commands = []func(context.Context, *redisstore.Store) error{
	func(ctx context.Context, s *redisstore.Store) error { return s.Set(ctx, "a", []byte("1"), time.Hour) },
	func(ctx context.Context, s *redisstore.Store) error { return s.Update(ctx, "a", increment) },
	func(ctx context.Context, s *redisstore.Store) error {
		_, _, err := s.Get(ctx, "a", holdfast.ReadFresh)
		return err
	},
	touchBy(cache.NoExpiry), touchBy(time.Hour), touchBy(time.Minute), touchBy(0),
	func(ctx context.Context, s *redisstore.Store) error {
		return s.Set(ctx, "a", recordOf("ann"), cache.NoExpiry)
	},
	func(ctx context.Context, s *redisstore.Store) error {
		return s.Update(ctx, "b", put(recordOf("ann"), time.Hour))
	},
	scanOf(tagOf("ann")), scanOf(nil),
	touchBy(0),
	func(ctx context.Context, s *redisstore.Store) error {
		return s.Update(ctx, "b", func([]byte, bool) (change, error) { return cache.Remove(), nil })
	},
}

func touchBy(ttl time.Duration) func(context.Context, *redisstore.Store) error {
	return func(ctx context.Context, s *redisstore.Store) error {
		_, err := s.Touch(ctx, "a", ttl)
		return err
	}
}

func scanOf(prefix []byte) func(context.Context, *redisstore.Store) error {
	return func(ctx context.Context, s *redisstore.Store) error {
		for _, err := range s.ScanValues(ctx, prefix) {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// everything uses each command, on both stores in turn.
func everything(t *testing.T, a, b *redisstore.Store) {
	t.Helper()
	for range 2 {
		for i, command := range commands {
			require.NoError(t, command(t.Context(), a), i)
			a, b = b, a
		}
	}
}

// The recommended user may do all that a store does.
func TestACL_least_user(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		do(t, server, slices.Concat(leastUser, permissions)...)
		a, b := open(t, server.Addr(), as("holdfast", "secret")), open(t, server.Addr(), as("holdfast", "secret"))
		require.True(t, a.Stats().Notifies)
		do(t, server, "ACL", "LOG", "RESET")
		everything(t, a, b)
		do(t, server, "SCRIPT", "FLUSH")
		everything(t, a, b)
		eventually(t, func() bool {
			calls, err := server.Calls()
			return err == nil && calls["ping"] > 10
		})
		require.Empty(t, do(t, server, "ACL", "LOG"))
		require.Zero(t, a.Stats().Refused)
	})
}

// It needs each of its permissions.
func TestACL_each_permission(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		for i, permission := range permissions {
			if permission == "+ping" {
				continue // only idle connections need it
			}
			do(t, server, "FLUSHALL")
			do(t, server, slices.Concat(leastUser, slices.Delete(slices.Clone(permissions), i, i+1))...)
			do(t, server, "ACL", "LOG", "RESET")
			s, err := redisstore.New(options(server.Addr(), as("holdfast", "secret")))
			require.NoError(t, err)
			eventually(t, func() bool {
				for _, command := range commands {
					_ = command(t.Context(), s)
				}
				do(t, server, "SCRIPT", "FLUSH")
				return len(do(t, server, "ACL", "LOG").([]any)) > 0
			}, permission)
			require.NoError(t, s.Close())
		}
	})
}

var leastUser = []string{"ACL", "SETUSER", "holdfast", "reset", "on", ">secret", "~hf:*", "resetchannels", "-@all"}

func TestTLS(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		trusting := func(o *redisstore.Options) {
			client(o, func(c *rueidis.ClientOption) { c.TLSConfig = server.TLSConfig() })
		}
		a, b := open(t, server.TLSAddr(), trusting), open(t, server.TLSAddr(), trusting)
		require.True(t, a.Stats().Notifies)
		everything(t, a, b)

		_, err := redisstore.New(redisstore.Options{URL: "rediss://" + server.TLSAddr(), Check: true})
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
		require.ErrorContains(t, err, "certificate")
		_, err = redisstore.New(redisstore.Options{URL: "redis://" + server.TLSAddr(), Check: true})
		require.ErrorIs(t, err, holdfast.ErrUnavailable, "no TLS")
	}, testserver.TLS)
}

// A new connection takes longer than a command may: TLS needs two round trips
// more. The store connects again all the same.
func TestReconnect_slow_network(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		proxy := proxyTo(t, server.TLSAddr())
		s := open(t, proxy.Addr(), promptly, func(o *redisstore.Options) {
			client(o, func(c *rueidis.ClientOption) { c.TLSConfig = server.TLSConfig() })
		})
		set(t, s, "a", "1")
		proxy.Delay(faultproxy.ToClient, 180*time.Millisecond)
		for range 2 {
			proxy.Cut()
			eventually(t, func() bool { return s.Set(t.Context(), "a", []byte("2"), time.Hour) == nil }, "the store does not connect again")
		}
	}, testserver.TLS)
}

// A longer Timeout is for a server that answers late. The connections to it wait
// as long.
func TestTimeout_long(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		proxy := proxyTo(t, server.Addr())
		proxy.Delay(faultproxy.ToClient, 600*time.Millisecond)
		s := open(t, proxy.Addr(), func(o *redisstore.Options) { o.Tier.Timeout = 10 * time.Second })
		set(t, s, "a", "1")
		require.Equal(t, "1", get(t, s, "a", holdfast.ReadFresh))
	})
}

// A server that fails while the store connects is not taken for one that cannot
// notify.
func TestConnect_fails_halfway(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		for failing := range int64(4) { // the connection's writes that fail
			var dialled atomic.Int64
			lines := new(logs)
			s, err := redisstore.New(options(server.Addr(), lines.option, func(o *redisstore.Options) {
				client(o, func(c *rueidis.ClientOption) {
					c.DialCtxFn = func(ctx context.Context, addr string, dialer *net.Dialer, _ *tls.Config) (net.Conn, error) {
						conn, err := dialer.DialContext(ctx, "tcp", addr)
						if n := dialled.Add(1); err == nil && n <= 2 {
							conn = &brittle{Conn: conn, left: failing}
						}
						return conn, err
					}
				})
			}))
			require.NoError(t, err)
			eventually(t, func() bool { return s.Set(t.Context(), "a", nil, time.Hour) == nil })
			eventually(t, func() bool { return s.Stats().Notifies }, failing)
			require.NotContains(t, lines.String(), "does not notify")
			require.NoError(t, s.Close())
		}
	})
}

// brittle breaks at its write after some.
type brittle struct {
	net.Conn
	left int64
}

func (b *brittle) Write(p []byte) (int, error) {
	if atomic.AddInt64(&b.left, -1) < 0 {
		_ = b.Close()
	}
	return b.Conn.Write(p)
}

// The password changes while the store runs, and the old one is removed. The
// server closes the connections of a user whose password it removes, if an
// operator asks it to.
func TestCredentials_change(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		do(t, server, "ACL", "SETUSER", "holdfast", "reset", "on", ">first", "~*", "+@all")
		var password atomic.Value
		password.Store("first")
		s := open(t, server.Addr(), in(mode), func(o *redisstore.Options) {
			client(o, func(c *rueidis.ClientOption) {
				c.AuthCredentialsFn = func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
					return rueidis.AuthCredentials{
						Username: "holdfast", Password: password.Load().(string),
						RefreshAfter: time.Now().Add(100 * time.Millisecond),
					}, nil
				}
			})
		})
		set(t, s, "a", "1")
		for _, next := range []string{"second", "third"} {
			do(t, server, "ACL", "SETUSER", "holdfast", ">"+next)
			previous := password.Swap(next)
			do(t, server, "ACL", "SETUSER", "holdfast", "<"+previous.(string))
			set(t, s, "a", next)
			do(t, server, "CLIENT", "KILL", "USER", "holdfast")
			eventually(t, func() bool { return s.Set(t.Context(), "a", []byte(next), time.Hour) == nil })
			require.Equal(t, next, get(t, s, "a", holdfast.ReadFresh))
		}
		password.Store("wrong")
		do(t, server, "CLIENT", "KILL", "USER", "holdfast")
		eventually(t, func() bool { return s.Stats().Away })
		_, _, err := s.Get(t.Context(), "a", holdfast.ReadFresh)
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
		password.Store("third")
		eventually(t, func() bool { return !s.Stats().Away })
		require.Equal(t, "third", get(t, s, "a", holdfast.ReadFresh))
	})
}

// replicaOf starts a replica of the server.
func replicaOf(t *testing.T, server *testserver.Server, kind testserver.Kind) *testserver.Server {
	t.Helper()
	replica := testserver.Run(t, kind)
	host, port, _ := strings.Cut(server.Addr(), ":")
	do(t, replica, "REPLICAOF", host, port)
	eventually(t, func() bool {
		return strings.Contains(do(t, replica, "INFO", "replication").(string), "master_link_status:up")
	})
	return replica
}

// A removal waits until a replica has it.
func TestWaitReplicas(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			server := testserver.Run(t, kind)
			replica := replicaOf(t, server, kind)
			s := open(t, server.Addr(), func(o *redisstore.Options) { o.WaitReplicas, o.Tier.Timeout = 1, 2*time.Second })
			for i := range 20 {
				set(t, s, "a", "1")
				if i%2 == 0 {
					remove(t, s, "a")
				} else {
					_, err := s.Touch(t.Context(), "a", 0)
					require.NoError(t, err)
				}
				require.Equal(t, int64(0), do(t, replica, "EXISTS", "hf:s:a"))
				require.Equal(t, "none", get(t, s, "a", holdfast.ReadUse))
			}
			set(t, s, "a", "1")
			set(t, s, "b", "1")
			require.NoError(t, replica.Pause())
			defer func() { _ = replica.Resume() }()
			for name, end := range map[string]func() error{
				"a": func() error {
					return s.Update(t.Context(), "a", func([]byte, bool) (change, error) { return cache.Remove(), nil })
				},
				"b": func() error { _, err := s.Touch(t.Context(), "b", 0); return err },
			} {
				err := end()
				require.ErrorIs(t, err, holdfast.ErrUnavailable)
				require.ErrorContains(t, err, "carried out, but not confirmed by replicas: 0 of 1 replicas")
				require.Equal(t, 1, strings.Count(err.Error(), "redisstore:"))
				require.Equal(t, "none", get(t, s, name, holdfast.ReadUse), "it has been carried out")
			}
		})
	}
}

// A removal that waits for replicas needs a connection of its own. It does not
// wait longer for that than for an answer.
func TestWaitReplicas_no_connection(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		var hold atomic.Bool
		s := open(t, server.Addr(), func(o *redisstore.Options) {
			o.WaitReplicas, o.Check = 1, false // Check would connect
			client(o, func(c *rueidis.ClientOption) {
				c.DialCtxFn = func(ctx context.Context, addr string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
					if hold.Load() {
						return slow(patience)(ctx, addr, dialer, config)
					}
					return dialer.DialContext(ctx, "tcp", addr)
				}
			})
		})
		eventually(t, func() bool { return s.Set(t.Context(), "a", []byte("1"), time.Hour) == nil })
		hold.Store(true)
		began := time.Now()
		_, err := s.Touch(within(t, 100*time.Millisecond), "a", 0)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, time.Since(began), patience/4)
	})
}

// More commands wait for a server that hangs than the client queues. Each ends
// soon after its time, since the connection does.
func TestMany_commands_to_a_server_that_hangs(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		s := open(t, server.Addr(), promptly)
		require.NoError(t, server.Pause())
		defer func() { require.NoError(t, server.Resume()) }()
		var group sync.WaitGroup
		var slowest atomic.Int64
		for range 4000 {
			group.Go(func() {
				began := time.Now()
				_, _, err := s.Get(within(t, 100*time.Millisecond), "a", holdfast.ReadUse)
				if err == nil {
					t.Error("an answer")
				}
				for took := int64(time.Since(began)); ; {
					if old := slowest.Load(); old >= took || slowest.CompareAndSwap(old, took) {
						break
					}
				}
			})
		}
		group.Wait()
		t.Log("the slowest of 4000 ended after", time.Duration(slowest.Load()))
		require.Less(t, time.Duration(slowest.Load()), patience/4)
	})
}

// A connection that is given up takes its commands with it.
func TestConnection_ends_with_a_reset(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	ended := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		for buffer := make([]byte, 1000); err == nil; {
			_, err = conn.Read(buffer)
		}
		ended <- err
	}()
	s, err := redisstore.New(options(listener.Addr().String()))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.ErrorContains(t, <-ended, "reset")
}

// now shifts the server's clock.
type now struct {
	tier.Database
	by *atomic.Int64
}

func (n now) Pulse(ctx context.Context) (tier.Pulse, error) {
	p, err := n.Database.Pulse(ctx)
	p.Now = p.Now.Add(time.Duration(n.by.Load()))
	return p, err
}

// A store's clock is the server's, right or wrong.
func TestNow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		s := open(t, server.Addr())
		want := milliseconds(t, server, "EVAL", "return redis.call('TIME')[1]", "0")
		require.InDelta(t, want, s.Now().Unix(), 5)

		var by atomic.Int64
		for _, shift := range []time.Duration{time.Hour, -time.Hour, 10 * 365 * 24 * time.Hour} {
			by.Store(int64(shift))
			s, err := redisstore.NewWith(options(server.Addr(), check), func(db tier.Database) tier.Database { return now{db, &by} }, nil)
			require.NoError(t, err)
			require.InDelta(t, float64(shift), float64(time.Until(s.Now())), float64(5*time.Second))
			by.Store(0) // the clock is set
			eventually(t, func() bool { return time.Until(s.Now()).Abs() < 5*time.Second })
			require.NoError(t, s.Close())
		}
	})
}
