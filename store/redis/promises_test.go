package redisstore_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/faultproxy"
	"github.com/holdfast-go/holdfast/internal/testserver"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
	"github.com/holdfast-go/holdfast/tier"
)

// truth is a counter under one ID, written by one store, and the times of its
// values.
type truth struct {
	writer  *redisstore.Store
	id      string
	paused  sync.Mutex // held by a write, or to prevent writes
	mu      sync.Mutex
	written []time.Time // when the Set of each value had returned
}

func (c *truth) next(t *testing.T) {
	c.paused.Lock()
	defer c.paused.Unlock()
	c.mu.Lock()
	value := strconv.Itoa(len(c.written))
	c.mu.Unlock()
	require.NoError(t, c.writer.Set(t.Context(), c.id, []byte(value), time.Hour))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written = append(c.written, time.Now())
}

// staleness returns how long ago, at a time, the value was replaced: at most.
// It is negative if the value was the latest.
func (c *truth) staleness(value []byte, at time.Time) time.Duration {
	n, _ := strconv.Atoi(string(value))
	c.mu.Lock()
	defer c.mu.Unlock()
	if n+1 >= len(c.written) {
		return -1
	}
	return at.Sub(c.written[n+1])
}

// reader reads a counter again and again through a store whose network fails.
type reader struct {
	mu           sync.Mutex
	stalest      time.Duration
	notFound     int
	backwards    int
	unavailable  int
	served       int
	otherErrors  []error
	longestError time.Duration
}

// read reads until the context ends.
func (r *reader) read(ctx context.Context, t *testing.T, s *redisstore.Store, c *truth) {
	latest := 0
	for ctx.Err() == nil {
		began := time.Now()
		value, found, err := s.Get(t.Context(), c.id, holdfast.ReadUse)
		took := time.Since(began)
		// A copy is checked after the call began. So it may be as stale then as
		// MaxStale, however slow the machine is.
		stale := c.staleness(value, began)
		n, _ := strconv.Atoi(string(value))
		r.mu.Lock()
		switch {
		case err != nil:
			r.unavailable++
			r.longestError = max(r.longestError, took)
			if !isUnavailable(err) {
				r.otherErrors = append(r.otherErrors, err)
			}
		case !found:
			r.notFound++
		default:
			r.served++
			r.stalest = max(r.stalest, stale)
			if n < latest {
				r.backwards++
			}
			latest = n
		}
		r.mu.Unlock()
		time.Sleep(200 * time.Microsecond)
	}
}

// A fault of the network, and the way to heal it.
type fault struct {
	name       string
	begin, end func(*faultproxy.Proxy)
	partition  bool // nothing is answered
	silent     bool // and no notification comes, nor the end of the connection
}

var faults = []fault{
	{"healthy", func(*faultproxy.Proxy) {}, func(*faultproxy.Proxy) {}, false, false},
	{"answers are lost", func(p *faultproxy.Proxy) { p.Swallow(faultproxy.ToClient, true) },
		func(p *faultproxy.Proxy) { p.Swallow(faultproxy.ToClient, false) }, true, true},
	{"commands are lost", func(p *faultproxy.Proxy) { p.Swallow(faultproxy.ToServer, true) },
		func(p *faultproxy.Proxy) { p.Swallow(faultproxy.ToServer, false) }, true, false},
	{"answers are late", func(p *faultproxy.Proxy) { p.Delay(faultproxy.ToClient, 30*time.Millisecond) },
		func(p *faultproxy.Proxy) { p.Delay(faultproxy.ToClient, 0) }, false, false},
	{"commands are late", func(p *faultproxy.Proxy) { p.Delay(faultproxy.ToServer, 30*time.Millisecond) },
		func(p *faultproxy.Proxy) { p.Delay(faultproxy.ToServer, 0) }, false, false},
	{"all is held up", func(p *faultproxy.Proxy) {
		p.Delay(faultproxy.ToClient, time.Hour)
		p.Delay(faultproxy.ToServer, time.Hour)
	}, func(p *faultproxy.Proxy) {
		p.Delay(faultproxy.ToClient, 0)
		p.Delay(faultproxy.ToServer, 0)
	}, true, true},
	{"connections are cut", func(p *faultproxy.Proxy) { p.Cut() }, func(*faultproxy.Proxy) {}, false, false},
	{"answers end", func(p *faultproxy.Proxy) { p.HalfClose(faultproxy.ToClient) }, func(*faultproxy.Proxy) {}, false, false},
	{"commands end", func(p *faultproxy.Proxy) { p.HalfClose(faultproxy.ToServer) }, func(*faultproxy.Proxy) {}, false, false},
	{"connections are refused", func(p *faultproxy.Proxy) { _ = p.Refuse(true); p.Cut() },
		func(p *faultproxy.Proxy) { _ = p.Refuse(false) }, true, false},
}

const maxStale = 300 * time.Millisecond

// stale runs the faults, each for three times MaxStale, and returns what a
// reader met during each.
func stale(t *testing.T, server *testserver.Server, faults []fault, database func(tier.Database) tier.Database) (met []*reader) {
	proxy := proxyTo(t, server.Addr())
	c := &truth{writer: open(t, server.Addr(), patient), id: "a"}
	c.next(t)
	s, err := redisstore.NewWith(options(proxy.Addr(), check, func(o *redisstore.Options) {
		o.Tier.MaxStale = maxStale
		o.Tier.Timeout = 100 * time.Millisecond
	}), database, nil)
	require.NoError(t, err)
	defer s.Close()

	ctx, end := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		for ctx.Err() == nil {
			c.next(t)
			time.Sleep(2 * time.Millisecond)
		}
	})
	defer writing.Wait()
	defer end()
	for _, fault := range faults {
		r := new(reader)
		met = append(met, r)
		// The fault begins while there is a copy of the latest value.
		c.paused.Lock()
		eventually(t, func() bool {
			hits := s.Stats().Hits
			value, _, err := s.Get(t.Context(), c.id, holdfast.ReadUse)
			return err == nil && s.Stats().Hits > hits && c.staleness(value, time.Now()) < 0
		}, "the store does not recover before: "+fault.name)
		fault.begin(proxy)
		c.paused.Unlock()
		during, stop := context.WithTimeout(t.Context(), time.Duration(long(3))*maxStale)
		var reading sync.WaitGroup
		for range 2 {
			reading.Go(func() { r.read(during, t, s, c) })
		}
		reading.Wait()
		stop()
		fault.end(proxy)
	}
	return met
}

// A read sees a state that was current at most MaxStale ago, however the
// network fails. While the server cannot be asked, the answer is an error, and
// never "not found". No read goes back in time.
func TestBounded_staleness(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		t.Parallel()
		for i, r := range stale(t, server, faults, nil) {
			fault := faults[i]
			t.Logf("%-24s %5d reads, stalest %v; %d errors, slowest %v", fault.name, r.served, r.stalest, r.unavailable, r.longestError)
			require.Less(t, r.stalest, maxStale, fault.name)
			require.Zero(t, r.notFound, fault.name)
			require.Zero(t, r.backwards, fault.name)
			require.Empty(t, r.otherErrors, fault.name)
			if fault.partition {
				require.Positive(t, r.unavailable, fault.name)
			}
			if fault.silent {
				require.Positive(t, r.stalest, fault.name)
			}
		}
	})
}

// liar claims that no notification is missing, without asking.
type liar struct {
	tier.Database
	first atomic.Bool
}

func (l *liar) Pulse(ctx context.Context) (tier.Pulse, error) {
	if !l.first.Swap(true) {
		return l.Database.Pulse(ctx)
	}
	return tier.Pulse{Now: time.Now(), Notifies: true}, nil
}

// The test above finds pulses that lie.
func TestBounded_staleness_control(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		var stalest time.Duration
		for _, r := range stale(t, server, faults[1:2], func(db tier.Database) tier.Database { return &liar{Database: db} }) {
			stalest = max(stalest, r.stalest)
		}
		require.Greater(t, stalest, maxStale)
	})
}

// A store sees its own writes at once, and other stores soon.
func TestOwn_writes(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		a, b := open(t, server.Addr(), in(mode), patient), open(t, server.Addr(), in(mode), patient)
		var group sync.WaitGroup
		for _, s := range []*redisstore.Store{a, b} {
			for worker := range 4 {
				group.Go(func() {
					id := fmt.Sprint(worker) // shared by the stores
					for n := range long(100) {
						var written string
						require.NoError(t, s.Update(t.Context(), id, func(old []byte, found bool) (change, error) {
							c, err := increment(old, found)
							value, _, _ := c.Stores()
							written = string(value)
							return c, err
						}))
						value := get(t, s, id, holdfast.ReadUse)
						require.GreaterOrEqual(t, number(value), number(written), n)
						if n%10 == 9 {
							mine := fmt.Sprintf("%s %p", id, s)
							set(t, s, mine, "1")
							require.Equal(t, "1", get(t, s, mine, holdfast.ReadPeek))
							remove(t, s, mine)
							require.Equal(t, "none", get(t, s, mine, holdfast.ReadPeek))
						}
					}
				})
			}
		}
		group.Wait()
		for worker := range 4 {
			id, want := fmt.Sprint(worker), fmt.Sprint(2*long(100))
			require.Equal(t, want, get(t, a, id, holdfast.ReadFresh))
			eventually(t, func() bool { return get(t, b, id, holdfast.ReadUse) == want })
		}
	})
}

// A loss of the server's data is a loss. Nothing comes back from local copies:
// neither by reads, nor by touches or updates of stores that have copies.
func TestThe_store_decides(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*testing.T, *testserver.Server){
		"FLUSHALL": func(t *testing.T, s *testserver.Server) { do(t, s, "FLUSHALL") },
		"restart":  func(t *testing.T, s *testserver.Server) { require.NoError(t, s.Restart()) },
		"kill": func(t *testing.T, s *testserver.Server) {
			require.NoError(t, s.Kill())
			require.NoError(t, s.Restart())
		},
		"another dataset": func(t *testing.T, s *testserver.Server) { require.NoError(t, s.RestartEmpty()) },
	} {
		t.Run(name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
				a, b := open(t, server.Addr(), in(mode)), open(t, server.Addr(), in(mode))
				var ids []string
				for i := range 20 {
					id := fmt.Sprint(i)
					ids = append(ids, id)
					set(t, a, id, "1")
					require.Equal(t, "1", get(t, b, id, holdfast.ReadUse))
				}
				lose(t, server)
				for _, s := range []*redisstore.Store{a, b} {
					// The notification may be under way.
					eventually(t, func() bool {
						return !slices.ContainsFunc(ids, func(id string) bool {
							_, found, err := s.Get(t.Context(), id, holdfast.ReadUse)
							return found || err != nil
						})
					})
					for _, id := range ids {
						found, err := s.Touch(t.Context(), id, time.Hour)
						require.NoError(t, err)
						require.False(t, found)
						require.NoError(t, s.Update(t.Context(), id, func(_ []byte, found bool) (change, error) {
							require.False(t, found)
							return keep, nil
						}))
					}
				}
				require.Equal(t, int64(0), do(t, server, "DBSIZE"))
			})
		})
	}
}

// An Update whose copy was lost with the server's data does not store it again.
func TestThe_store_decides_Update(t *testing.T) {
	eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		s := open(t, server.Addr(), in(mode))
		set(t, s, "a", "1")
		var seen []bool
		require.NoError(t, s.Update(t.Context(), "a", func(old []byte, found bool) (change, error) {
			if seen = append(seen, found); len(seen) == 1 {
				do(t, server, "FLUSHALL")
			}
			if !found {
				return keep, nil
			}
			return increment(old, found)
		}))
		require.Equal(t, []bool{true, false}, seen)
		require.Equal(t, int64(0), do(t, server, "DBSIZE"))
	})
}

// Without its server, no method says that there is nothing.
func TestAway_is_not_empty(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		s := open(t, server.Addr(), in(mode), func(o *redisstore.Options) { o.Tier.MaxStale = 50 * time.Millisecond })
		set(t, s, "a", "1")
		require.NoError(t, s.Set(t.Context(), "b", recordOf("ann"), time.Hour))
		require.NoError(t, server.Stop())
		defer func() { require.NoError(t, server.Restart()) }()
		eventually(t, func() bool { return s.Stats().Away })
		for range 3 {
			time.Sleep(60 * time.Millisecond)
			for _, id := range []string{"a", "unknown"} {
				for _, how := range []holdfast.ReadMode{holdfast.ReadUse, holdfast.ReadPeek, holdfast.ReadFresh} {
					_, _, err := s.Get(t.Context(), id, how)
					require.ErrorIs(t, err, holdfast.ErrUnavailable)
				}
				require.ErrorIs(t, s.Update(t.Context(), id, increment), holdfast.ErrUnavailable)
				require.ErrorIs(t, s.Set(t.Context(), id, nil, time.Hour), holdfast.ErrUnavailable)
				_, err := s.Touch(t.Context(), id, 0)
				require.ErrorIs(t, err, holdfast.ErrUnavailable)
			}
			for _, prefix := range [][]byte{nil, tagOf("ann")} {
				for _, err := range s.ScanValues(t.Context(), prefix) {
					require.ErrorIs(t, err, holdfast.ErrUnavailable)
				}
			}
		}
		m, err := holdfast.New(holdfast.Options{Store: s})
		require.NoError(t, err)
		_, err = m.EndUser(t.Context(), "ann")
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
	})
}
