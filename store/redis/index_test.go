package redisstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/testserver"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
	"github.com/holdfast-go/holdfast/tier"
)

func put(value []byte, ttl time.Duration) func([]byte, bool) (cache.Change, error) {
	return func([]byte, bool) (cache.Change, error) { return cache.Put(value, ttl), nil }
}

// requireIndexed checks what makes listings complete: the index has each
// entry of the user at least as long as the entry lives.
func requireIndexed(t testing.TB, server *testserver.Server, user string, ids ...string) {
	t.Helper()
	index := "hf:u:" + string(tagOf(user))
	for _, id := range ids {
		score := do(t, server, "ZSCORE", index, id)
		require.NotNil(t, score, "the index lacks %s", id)
		ends := milliseconds(t, server, "PEXPIRETIME", "hf:s:"+id)
		require.Positive(t, ends, id)
		require.GreaterOrEqual(t, milliseconds(t, server, "ZSCORE", index, id), ends, "the index loses %s early", id)
		require.GreaterOrEqual(t, milliseconds(t, server, "PEXPIRETIME", index), ends, "the index ends before %s", id)
	}
}

func TestIndex_finds_all_sessions_of_a_user(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		a, b := open(t, server.Addr(), in(mode)), open(t, server.Addr(), in(mode))
		var want []string
		for i := range 400 { // more than a page
			s := []*redisstore.Store{a, b}[i%2]
			id := fmt.Sprintf("%d\x00\xff%s", i, strings.Repeat("x", i))
			want = append(want, id)
			if i%3 == 0 {
				require.NoError(t, s.Update(t.Context(), id, put(recordOf("ann"), time.Hour)))
			} else {
				require.NoError(t, s.Set(t.Context(), id, recordOf("ann"), time.Hour))
			}
			require.NoError(t, s.Set(t.Context(), "other"+id, recordOf("bob"), time.Hour))
		}
		require.ElementsMatch(t, want, listed(t, a, "ann"))
		for _, id := range want[1:] {
			remove(t, a, id)
		}
		require.Equal(t, want[:1], listed(t, b, "ann"))
		require.Empty(t, listed(t, b, "eve"))
	})
}

// The index covers an entry whose TTL grows: by a change, and by a touch of an
// instance that has not written it.
func TestIndex_follows_the_TTL(t *testing.T) {
	eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		a, b := open(t, server.Addr(), in(mode)), open(t, server.Addr(), in(mode))
		require.NoError(t, a.Set(t.Context(), "a", recordOf("ann"), time.Minute))
		requireIndexed(t, server, "ann", "a")
		require.NoError(t, a.Update(t.Context(), "a", put(recordOf("ann"), 1000*time.Hour)))
		requireIndexed(t, server, "ann", "a")

		require.NoError(t, a.Set(t.Context(), "b", recordOf("ann"), time.Minute))
		_, err := b.Touch(t.Context(), "b", 2000*time.Hour)
		require.NoError(t, err)
		requireIndexed(t, server, "ann", "a", "b")
	})
}

// An entry gets a user, or another one.
func TestIndex_follows_the_user(t *testing.T) {
	eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		a, b := open(t, server.Addr(), in(mode)), open(t, server.Addr(), in(mode))
		for i, user := range []string{"ann", "bob", "ann", "carl"} {
			s := []*redisstore.Store{a, b}[i%2]
			require.NoError(t, s.Update(t.Context(), "a", put(recordOf(user), time.Duration(i+1)*time.Hour)))
			requireIndexed(t, server, user, "a")
			require.Equal(t, []string{"a"}, listed(t, a, user))
		}
		require.Empty(t, listed(t, a, "bob"))
		// Instance a has last indexed the entry for ann.
		_, err := a.Touch(t.Context(), "a", 1000*time.Hour)
		require.NoError(t, err)
		requireIndexed(t, server, "carl", "a")
	})
}

// The server has lost the index, and the same ID is stored again.
func TestIndex_after_a_loss(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*testing.T, *testserver.Server){
		"FLUSHALL": func(t *testing.T, server *testserver.Server) { do(t, server, "FLUSHALL") },
		"restart":  func(t *testing.T, server *testserver.Server) { require.NoError(t, server.Restart()) },
	} {
		t.Run(name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
				s := open(t, server.Addr(), in(mode))
				require.NoError(t, s.Set(t.Context(), "a", recordOf("ann"), time.Hour))
				require.NoError(t, s.Update(t.Context(), "b", put(recordOf("ann"), time.Hour)))
				lose(t, server)
				eventually(t, func() bool { return s.Set(t.Context(), "a", recordOf("ann"), time.Hour) == nil })
				eventually(t, func() bool { return s.Update(t.Context(), "b", put(recordOf("ann"), time.Hour)) == nil })
				requireIndexed(t, server, "ann", "a", "b")
			})
		})
	}
}

// The server is full: it can prolong an entry, but not write the index.
func TestIndex_server_full(t *testing.T) {
	eachMode(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		a := open(t, server.Addr(), in(mode))
		require.NoError(t, a.Set(t.Context(), "a", recordOf("ann"), time.Minute))
		do(t, server, "CONFIG", "SET", "maxmemory", "1")
		defer do(t, server, "CONFIG", "SET", "maxmemory", "0")
		b := open(t, server.Addr(), in(mode))
		_, err := b.Touch(t.Context(), "a", 1000*time.Hour)
		require.ErrorIs(t, err, tier.ErrRefused)
		requireIndexed(t, server, "ann", "a")
	})
}

// IDs leave the index when no entry can need them any more, and the index ends
// with the last one.
func TestIndex_dead_IDs_leave(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		s := open(t, server.Addr())
		index := "hf:u:" + string(tagOf("ann"))
		require.NoError(t, s.Set(t.Context(), "a", recordOf("ann"), time.Minute))
		do(t, server, "ZADD", index, "1", "dead")
		require.NoError(t, s.Set(t.Context(), "b", recordOf("ann"), time.Hour))
		require.Equal(t, []any{"a", "b"}, do(t, server, "ZRANGE", index, "0", "-1"))

		last := milliseconds(t, server, "ZSCORE", index, "b")
		require.InDelta(t, last, milliseconds(t, server, "PEXPIRETIME", index), 1000)
		require.Less(t, milliseconds(t, server, "PTTL", index), (3 * time.Hour).Milliseconds())
	})
}
