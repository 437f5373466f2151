package redisstore_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/loopback"
	"github.com/holdfast-go/holdfast/internal/testserver"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
	"github.com/holdfast-go/holdfast/tier"
)

func TestNew_invalid_options(t *testing.T) {
	client := rueidis.ClientOption{InitAddress: []string{"127.0.0.1:1"}}
	toReplicas, replicaOnly := client, client
	toReplicas.SendToReplicas = func(rueidis.Completed) bool { return true }
	replicaOnly.ReplicaOnly = true
	for name, test := range map[string]struct {
		o       redisstore.Options
		message string
	}{
		"no server":                     {redisstore.Options{}, "URL"},
		"URL and Client":                {redisstore.Options{URL: "redis://127.0.0.1:1", Client: client}, "both"},
		"URL of another scheme":         {redisstore.Options{URL: "http://user:secret@127.0.0.1"}, "redis://"},
		"URL without slashes":           {redisstore.Options{URL: "redis:sessions.example:6379/0"}, "redis://"},
		"URL with a mistyped parameter": {redisstore.Options{URL: "redis://127.0.0.1:1?masterset=shop"}, "master_set"},
		"URL that is broken":            {redisstore.Options{URL: "redis://user:sec%ret@127.0.0.1"}, "percent-encode"},
		"URL with a bad number":         {redisstore.Options{URL: "redis://user:secret@127.0.0.1/secret"}, "percent-encode"},
		"password with a slash":         {redisstore.Options{URL: "redis://user:1/secret@127.0.0.1"}, "percent-encode"},
		"password with a hash":          {redisstore.Options{URL: "redis://user:1#secret@127.0.0.1"}, "percent-encode"},
		"password with a mark":          {redisstore.Options{URL: "redis://user:1?secret@127.0.0.1"}, "percent-encode"},
		"negative replicas":             {redisstore.Options{Client: client, WaitReplicas: -1}, "-1"},
		"reads from replicas":           {redisstore.Options{Client: toReplicas}, "replicas"},
		"only replicas":                 {redisstore.Options{Client: replicaOnly}, "replicas"},
		"tier":                          {redisstore.Options{Client: client, Tier: tier.Options{MaxStale: 1}}, "MaxStale"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := redisstore.New(test.o)
			require.Nil(t, s)
			require.ErrorIs(t, err, holdfast.ErrOptions)
			require.ErrorContains(t, err, test.message)
			require.NotContains(t, err.Error(), "sec", "the password")
		})
	}
}

// A longer Timeout prolongs the waits of a connection that are not set.
func TestOptions_Timeout(t *testing.T) {
	for _, test := range []struct{ timeout, set, dial, answer time.Duration }{
		{0, 0, time.Second, 500 * time.Millisecond},
		{250 * time.Millisecond, 0, time.Second, 500 * time.Millisecond},
		{10 * time.Second, 0, 10 * time.Second, 10 * time.Second},
		{10 * time.Second, time.Minute, time.Minute, time.Minute},
		{10 * time.Second, time.Millisecond, time.Millisecond, time.Millisecond},
	} {
		o := redisstore.Options{Client: rueidis.ClientOption{InitAddress: []string{"127.0.0.1:1"}, ConnWriteTimeout: test.set}}
		o.Client.Dialer.Timeout, o.Tier.Timeout = test.set, test.timeout
		client, err := redisstore.ClientOptions(o)
		require.NoError(t, err)
		require.Equal(t, test.dial, client.Dialer.Timeout)
		require.Equal(t, test.answer, client.ConnWriteTimeout)
	}
}

// Options have a password, and end up in logs.
func TestOptions_print_as_their_type(t *testing.T) {
	o := redisstore.Options{URL: "redis://user:secret@127.0.0.1:1"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
		require.Equal(t, "redisstore.Options", fmt.Sprintf(verb, o))
		require.NotContains(t, fmt.Sprintf(verb, &o), "secret")
	}
	require.Equal(t, "redisstore.Options", o.LogValue().String())
}

// slow is a DialCtxFn that takes d longer.
func slow(d time.Duration) func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
	return func(ctx context.Context, addr string, dialer *net.Dialer, _ *tls.Config) (net.Conn, error) {
		select {
		case <-time.After(d):
			return dialer.DialContext(ctx, "tcp", addr)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func client(o *redisstore.Options, change func(*rueidis.ClientOption)) {
	o.Client = rueidis.MustParseURL(o.URL)
	o.Client.ForceSingleClient = true
	o.URL = ""
	change(&o.Client)
}

// A first connection may take longer than a command.
func TestNew_Check_slow_connection(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		s := open(t, server.Addr(), func(o *redisstore.Options) {
			o.Tier.Timeout = 200 * time.Millisecond
			client(o, func(c *rueidis.ClientOption) { c.DialCtxFn = slow(400 * time.Millisecond) })
		})
		set(t, s, "a", "1")
	})
}

func TestNew_Check_no_server(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	port, err := loopback.Port()
	require.NoError(t, err)
	_, err = redisstore.New(options(fmt.Sprintf("127.0.0.1:%d", port), check))
	require.ErrorIs(t, err, holdfast.ErrUnavailable)
	require.ErrorContains(t, err, "refused")
}

func TestNew_Check_server_refuses(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		do(t, server, "ACL", "SETUSER", "limited", "on", ">secret", "~*", "+@all", "-time")
		for name, option := range map[string]func(*redisstore.Options){
			"NOPERM":    as("limited", "secret"),
			"WRONGPASS": as("limited", "secret2"),
		} {
			_, err := redisstore.New(options(server.Addr(), check, option))
			require.ErrorIs(t, err, holdfast.ErrUnavailable)
			require.ErrorIs(t, err, tier.ErrRefused)
			require.ErrorContains(t, err, name)
			require.NotContains(t, err.Error(), "secret")
		}
	})
}

// A server may start after its clients.
func TestNew_server_away(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		require.NoError(t, server.Stop())
		lines := new(logs)
		var s *redisstore.Store
		returnsWithin(t, patience, func() {
			var err error
			s, err = redisstore.New(options(server.Addr(), lines.option))
			require.NoError(t, err)
		})
		defer s.Close()
		_, _, err := s.Get(t.Context(), "a", holdfast.ReadUse)
		require.ErrorIs(t, err, holdfast.ErrUnavailable)

		require.NoError(t, server.Restart())
		eventually(t, func() bool { return s.Set(t.Context(), "a", []byte("1"), time.Hour) == nil })
		require.Equal(t, "1", get(t, s, "a", holdfast.ReadUse))
		require.Equal(t, 1, strings.Count(lines.String(), "is not available\" err"), lines)
		require.Equal(t, 1, strings.Count(lines.String(), "is available again"), lines)
	})
}

// Close ends all goroutines and connections: while the store is connected,
// before, meanwhile, and if the server hangs.
func TestClose(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		silent, err := loopback.Listen() // accepts, and says nothing
		require.NoError(t, err)
		defer silent.Close()
		for _, test := range []struct {
			name    string
			addr    string
			options func(*redisstore.Options)
			prepare func(*redisstore.Store)
		}{
			{"connected", server.Addr(), check, func(s *redisstore.Store) { set(t, s, "a", "1") }},
			{"dialling", server.Addr(), func(o *redisstore.Options) {
				client(o, func(c *rueidis.ClientOption) { c.DialCtxFn = slow(patience) })
			}, nil},
			{"greeting", silent.Addr().String(), nil, nil},
			{"hanging", server.Addr(), check, func(*redisstore.Store) {
				require.NoError(t, server.Pause())
				t.Cleanup(func() { _ = server.Resume() })
			}},
		} {
			t.Run(test.name, func(t *testing.T) {
				defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
				o := options(test.addr)
				if test.options != nil {
					test.options(&o)
				}
				s, err := redisstore.New(o)
				require.NoError(t, err)
				if test.prepare != nil {
					test.prepare(s)
				}
				// A client that gives up waits a second at least.
				returnsWithin(t, 900*time.Millisecond, func() {
					require.NoError(t, s.Close())
					require.NoError(t, s.Close())
				})
				_, _, err = s.Get(t.Context(), "a", holdfast.ReadUse)
				require.ErrorIs(t, err, holdfast.ErrUnavailable)
			})
		}
	})
}

func TestClose_during_operations(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
		for range long(20) {
			s := open(t, server.Addr())
			done := make(chan error)
			var operations atomic.Int64
			for range 4 {
				go func() {
					var err error
					for err == nil {
						if err = s.Update(t.Context(), "a", increment); err == nil {
							_, _, err = s.Get(t.Context(), "a", holdfast.ReadFresh)
						}
						operations.Add(1)
					}
					done <- err
				}()
			}
			eventually(t, func() bool { return operations.Load() > 20 })
			require.NoError(t, s.Close())
			for range 4 {
				require.ErrorIs(t, <-done, holdfast.ErrUnavailable)
			}
		}
	})
}

// Entries use one connection, whatever the options of the client say.
func TestClient_options(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		dialled := atomic.Int64{}
		s := open(t, server.Addr(), func(o *redisstore.Options) {
			client(o, func(c *rueidis.ClientOption) {
				c.DisableAutoPipelining = true
				c.PipelineMultiplex = 3
				c.DisableCache = true
				c.ClientTrackingOptions = []string{"OPTIN"}
				c.OnInvalidations = func([]rueidis.RedisMessage) { t.Error("the callback of the options was called") }
				c.ClientName = "shop"
				c.DialFn = func(addr string, dialer *net.Dialer, _ *tls.Config) (net.Conn, error) {
					dialled.Add(1)
					return dialer.Dial("tcp", addr)
				}
			})
		})
		other := open(t, server.Addr())
		for i := range 50 {
			set(t, s, fmt.Sprint(i), "1")
		}
		for i := range 50 {
			set(t, other, fmt.Sprint(i), "2")
		}
		for i := range 50 {
			eventually(t, func() bool { return get(t, s, fmt.Sprint(i), holdfast.ReadUse) == "2" })
		}
		require.Equal(t, 2, strings.Count(do(t, server, "CLIENT", "LIST").(string), "name=shop"))
		require.EqualValues(t, 2, dialled.Load())
		require.Zero(t, s.Stats().Mismatches)
	})
}

// Neither an error nor a log line has a key, a value, a password or an ID.
func TestErrors_have_no_secrets(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		do(t, server, "ACL", "SETUSER", "holdfast", "on", ">secretpass", "~hf:*", "+@all")
		lines := new(logs)
		s := open(t, server.Addr(), as("holdfast", "secretpass"), lines.option)
		set(t, s, "secretid", "secretvalue")
		attempt := func() {
			var errs []error
			_, _, err := s.Get(t.Context(), "secretid", holdfast.ReadFresh)
			errs = append(errs, err,
				s.Set(t.Context(), "secretid2", []byte("secretvalue"), time.Hour),
				s.Update(t.Context(), "secretid", func([]byte, bool) (cache.Change, error) { return cache.Put([]byte("secretvalue"), time.Hour), nil }))
			_, err = s.Touch(t.Context(), "secretid", 0)
			errs = append(errs, err)
			for _, err = range s.ScanValues(t.Context(), []byte("secretprefix")) {
				break
			}
			for _, err := range append(errs, err) {
				require.ErrorIs(t, err, holdfast.ErrUnavailable)
				require.NotContains(t, strings.ToLower(err.Error()), "secret")
				require.LessOrEqual(t, strings.Count(err.Error(), "redisstore:"), 1, err)
			}
		}
		do(t, server, "ACL", "SETUSER", "holdfast", "-@all", "+time")
		attempt()
		do(t, server, "ACL", "SETUSER", "holdfast", "+@all", "resetkeys", "~other:*")
		attempt()
		do(t, server, "ACL", "SETUSER", "holdfast", "allkeys")
		do(t, server, "FLUSHALL")
		do(t, server, "LPUSH", "hf:s:secretid", "secretvalue")
		for _, id := range []string{"secretid"} {
			_, _, err := s.Get(t.Context(), id, holdfast.ReadFresh)
			require.ErrorIs(t, err, holdfast.ErrUnavailable)
			require.NotContains(t, err.Error(), "secret")
		}
		do(t, server, "ACL", "SETUSER", "holdfast", "resetpass", ">otherpass")
		do(t, server, "CLIENT", "KILL", "TYPE", "normal")
		eventually(t, func() bool {
			_, _, err := s.Get(t.Context(), "secretid", holdfast.ReadFresh)
			require.ErrorIs(t, err, holdfast.ErrUnavailable)
			require.NotContains(t, err.Error(), "secret")
			return s.Stats().Away && strings.Contains(err.Error(), "WRONGPASS") && strings.Contains(lines.String(), "not available")
		})
		require.NotContains(t, lines.String(), "secret")
	})
}

// Another program's values under the same prefix are errors, and neither
// overwritten nor listed.
func TestForeign_values(t *testing.T) {
	eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		s := open(t, server.Addr(), in(mode))
		set(t, s, "own", "1")
		do(t, server, "LPUSH", "hf:s:list", "x")
		do(t, server, "SET", "hf:s:short", "x")
		do(t, server, "SET", "hf:s:zero", strings.Repeat("\x00", 20))
		for _, id := range []string{"list", "short", "zero"} {
			_, _, err := s.Get(t.Context(), id, holdfast.ReadUse)
			require.ErrorIs(t, err, tier.ErrRefused, id)
			require.ErrorContains(t, err, "another program", id)
			err = s.Update(within(t, 2*time.Second), id, increment)
			require.ErrorIs(t, err, tier.ErrRefused, id)
		}
		var ids []string
		for entry, err := range s.ScanValues(t.Context(), nil) {
			require.NoError(t, err)
			ids = append(ids, entry.ID)
		}
		require.Equal(t, []string{"own"}, ids)
		require.Equal(t, "x", do(t, server, "GET", "hf:s:short"))
	})
}

// A TTL is rounded up to the server's milliseconds, at most to no end.
func TestTTL_rounding(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		s := open(t, server.Addr(), func(o *redisstore.Options) { o.Tier.TouchEvery = -1 })
		for _, ttl := range []time.Duration{1, time.Millisecond, time.Millisecond + 1, time.Second, math.MaxInt64 - 1, cache.NoExpiry} {
			t.Run(ttl.String(), func(t *testing.T) {
				begin := milliseconds(t, server, "EVAL", "local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000)", "0")
				require.NoError(t, s.Set(t.Context(), "a", []byte("1"), ttl))
				switch at := milliseconds(t, server, "PEXPIRETIME", "hf:s:a"); {
				case ttl == cache.NoExpiry:
					require.EqualValues(t, -1, at)
				case at == -2: // it has ended
					require.Less(t, ttl, 2*time.Millisecond)
				default:
					ceiling := int64(ttl / time.Millisecond)
					if ttl%time.Millisecond != 0 {
						ceiling++
					}
					require.GreaterOrEqual(t, at, begin+ceiling)
				}
			})
		}
	})
}

// A key of the tracking table costs the server memory. A session that was
// removed leaves none.
func TestRemoved_entries_are_not_tracked(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		s := open(t, server.Addr())
		for i := range 100 {
			set(t, s, fmt.Sprint(i), "1")
		}
		tracked := func() string {
			_, after, _ := strings.Cut(do(t, server, "INFO", "stats").(string), "tracking_total_keys:")
			n, _, _ := strings.Cut(after, "\r")
			return n
		}
		require.Equal(t, "100", tracked())
		for i := range 100 {
			if i%2 == 0 {
				remove(t, s, fmt.Sprint(i))
			} else {
				_, err := s.Touch(t.Context(), fmt.Sprint(i), 0)
				require.NoError(t, err)
			}
		}
		require.Equal(t, "0", tracked())
	})
}
