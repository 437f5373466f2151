package redisstore_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/testserver"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
	"github.com/holdfast-go/holdfast/tier"
)

// requireClear checks an error that a user reads: what failed, the cause and
// the remedy, once each, and no password.
func requireClear(t *testing.T, err error, words ...string) {
	t.Helper()
	require.ErrorIs(t, err, holdfast.ErrUnavailable)
	for _, word := range words {
		require.ErrorContains(t, err, word)
	}
	require.Equal(t, 1, strings.Count(err.Error(), "redisstore: "), err)
	_, own, _ := strings.Cut(err.Error(), "redisstore: ")
	require.GreaterOrEqual(t, strings.Count(own, ": "), 1, "no remedy: %s", err)
	require.NotContains(t, err.Error(), "tier: ")
	require.NotContains(t, err.Error(), "secret")
}

// New with Check says how to mend the options, or the server.
func TestErrors_of_New(t *testing.T) {
	t.Parallel()
	page := httptest.NewServer(http.NotFoundHandler())
	defer page.Close()
	each(t, func(t *testing.T, server *testserver.Server) {
		addr := server.Addr()
		for name, test := range map[string]struct {
			url     string
			refused bool
			words   []string
		}{
			"database":      {addr + "/99", true, []string{"DB index is out of range", "lower number", "databases"}},
			"two addresses": {addr + "?addr=" + addr, true, []string{"cluster support disabled", "one address"}},
			"no Sentinel":   {addr + "?master_set=main", true, []string{"'SENTINEL'", "master_set"}},
			"password":      {"none:secret@" + addr, true, []string{"WRONGPASS", "percent-encode"}},
			"HTTP":          {page.Listener.Addr().String(), false, []string{"not in the protocol of Redis", "port", "rediss://"}},
			"no server":     {"127.0.0.1:1", false, []string{"refused", "check the address"}},
			"TLS":           {server.TLSAddr(), false, []string{"rediss://"}},
		} {
			t.Run(name, func(t *testing.T) {
				lines := new(logs)
				_, err := redisstore.New(options(test.url, check, lines.option))
				requireClear(t, err, test.words...)
				require.Equal(t, test.refused, errors.Is(err, tier.ErrRefused), err)
				require.Empty(t, lines.String(), "New returns the error")
			})
		}
		_, err := redisstore.New(redisstore.Options{URL: "rediss://" + addr, Check: true})
		requireClear(t, err, "rediss://")
		_, err = redisstore.New(redisstore.Options{URL: "rediss://" + server.TLSAddr(), Check: true})
		requireClear(t, err, "certificate", "TLSConfig")

		do(t, server, "CONFIG", "SET", "requirepass", "x")
		_, err = redisstore.New(options(addr, check))
		requireClear(t, err, "NOAUTH", "set one")
	}, testserver.TLS)
}

// The address is a Sentinel's, without or with a name for the primary.
func TestErrors_of_New_Sentinel(t *testing.T) {
	t.Parallel()
	sentinels := testserver.RunSentinel(t, testserver.Redis).Addrs()
	for url, words := range map[string][]string{
		sentinels[0]:                           {"is a Sentinel", "master_set"},
		sentinels[0] + "?addr=" + sentinels[1]: {"'CLUSTER'", "master_set"},
		sentinels[0] + "?master_set=other":     {"No such master", "master_set"},
	} {
		_, err := redisstore.New(options(url, check))
		requireClear(t, err, words...)
	}
}

// Options.Check finds a server that does not do all that the store needs.
func TestCheck_permissions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		all := append(strings.Fields("+wait +discard +unsubscribe +punsubscribe +sunsubscribe"), permissions...)
		try := func(t *testing.T, keys string, permissions ...string) error {
			do(t, server, "SCRIPT", "FLUSH")
			do(t, server, append([]string{"ACL", "SETUSER", "holdfast", "reset", "on", ">secret", keys, "-@all"}, permissions...)...)
			lines := new(logs)
			s, err := redisstore.New(options(server.Addr(), as("holdfast", "secret"), check, lines.option, func(o *redisstore.Options) { o.WaitReplicas = 1 }))
			if err == nil {
				require.NoError(t, s.Close())
			} else {
				require.Empty(t, lines.String(), "New returns the error")
			}
			if slices.Contains(permissions, "+del") {
				require.Equal(t, int64(0), do(t, server, "DBSIZE"))
			}
			do(t, server, "FLUSHALL")
			return err
		}
		require.NoError(t, try(t, "~hf:*", all...))
		for i, permission := range all {
			command := strings.TrimPrefix(permission, "+")
			if strings.Contains("ping client|tracking discard unsubscribe punsubscribe sunsubscribe", command) {
				continue // no session needs it
			}
			t.Run(command, func(t *testing.T) {
				less := slices.Delete(slices.Clone(all), i, i+1)
				err := try(t, "~hf:*", less...)
				requireClear(t, err, "NOPERM", "the user may not run "+command, "+"+command)
				require.ErrorIs(t, err, tier.ErrRefused)
			})
		}
		requireClear(t, try(t, "~other:*", all...), "NOPERM", "keys of the Prefix", "~")
	})
}

// A server that is full ends no session and lets users log out. A new process
// can begin. A replica is of no use.
func TestCheck_states(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		do(t, server, "CONFIG", "SET", "maxmemory", "1")
		open(t, server.Addr())
		do(t, server, "CONFIG", "SET", "maxmemory", "0")
		do(t, server, "CONFIG", "SET", "min-replicas-to-write", "1")
		_, err := redisstore.New(options(server.Addr(), check))
		requireClear(t, err, "NOREPLICAS", "min-replicas-to-write")
		do(t, server, "CONFIG", "SET", "min-replicas-to-write", "0")
		do(t, server, "REPLICAOF", "127.0.0.1", "1")
		_, err = redisstore.New(options(server.Addr(), check))
		requireClear(t, err, "is a replica", "primary")
	})
}

// Without Check a log line has the error. It says nothing that is false.
func TestErrors_logged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		do(t, server, "ACL", "SETUSER", "limited", "on", ">secret", "~*", "+@all", "-time")
		for name, option := range map[string]func(*redisstore.Options){
			"may not run time": as("limited", "secret"),
			"WRONGPASS":        as("limited", "secret2"),
		} {
			lines := new(logs)
			s, err := redisstore.New(options(server.Addr(), option, lines.option))
			require.NoError(t, err)
			require.NoError(t, s.Close())
			require.Contains(t, lines.String(), name)
			require.Contains(t, lines.String(), "is not available")
			require.NotContains(t, lines.String(), "does not answer")
			require.Equal(t, 1, strings.Count(lines.String(), "\n"), lines)
		}
	})
}

// A command that the server refuses is named.
func TestErrors_of_commands(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		do(t, server, "ACL", "SETUSER", "holdfast", "on", ">secret", "~hf:*", "+@all")
		s := open(t, server.Addr(), as("holdfast", "secret"))
		write := func() error { return s.Set(t.Context(), "id", recordOf("ann"), time.Hour) }
		do(t, server, "ACL", "SETUSER", "holdfast", "-evalsha", "-eval")
		err := write()
		requireClear(t, err, "NOPERM", "the user may not run eval", "+eval")
		require.ErrorIs(t, err, tier.ErrRefused)
		do(t, server, "ACL", "SETUSER", "holdfast", "+@all", "-zremrangebyscore")
		err = write()
		requireClear(t, err, "index", "NOPERM", "grant")
		require.NotErrorIs(t, err, tier.ErrRefused, "the entry was written")
		do(t, server, "ACL", "SETUSER", "holdfast", "+@all", "-strlen")
		err = write()
		requireClear(t, err, "NOPERM", "grant")
		require.NotErrorIs(t, err, tier.ErrRefused, "the entry was written before STRLEN")
		do(t, server, "ACL", "SETUSER", "holdfast", "+@all", "resetkeys", "~other:*")
		requireClear(t, write(), "NOPERM", "keys of the Prefix", "~")

		err = s.Set(t.Context(), "id", make([]byte, 2<<20), time.Hour)
		require.ErrorIs(t, err, cache.ErrTooLarge)
		require.ErrorContains(t, err, "tier.Options.MaxValue")
	})
}

// The log says why a server does not notify.
func TestErrors_no_notifications(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		do(t, server, "ACL", "SETUSER", "holdfast", "on", ">secret", "~hf:*", "+@all", "-client|tracking")
		lines := new(logs)
		open(t, server.Addr(), as("holdfast", "secret"), lines.option)
		require.Contains(t, lines.String(), "does not notify")
		require.Contains(t, lines.String(), "the user may not run client|tracking")
		require.NotContains(t, lines.String(), "secret")

		lines = new(logs)
		open(t, server.Addr(), lines.option, func(o *redisstore.Options) { o.URL += "?protocol=2" })
		require.Contains(t, lines.String(), "RESP3")
	})
}

// A removal was carried out, but the user may not wait for replicas.
func TestErrors_of_WaitReplicas(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		do(t, server, "ACL", "SETUSER", "holdfast", "on", ">secret", "~hf:*", "+@all")
		s := open(t, server.Addr(), as("holdfast", "secret"), func(o *redisstore.Options) { o.WaitReplicas, o.Tier.Timeout = 1, 4*time.Second })
		end := func() error {
			set(t, s, "id", "1")
			_, err := s.Touch(t.Context(), "id", 0)
			require.NotErrorIs(t, err, tier.ErrRefused, "it has been carried out")
			require.Equal(t, int64(0), do(t, server, "EXISTS", "hf:s:id"))
			requireClear(t, err, "carried out")
			return err
		}
		require.ErrorContains(t, end(), "0 of 1 replicas")
		do(t, server, "ACL", "SETUSER", "holdfast", "-wait")
		require.ErrorContains(t, end(), "the user may not run wait")

		// Another store changes the entry meanwhile. The removal is decided again.
		set(t, s, "id", "1")
		var seen []string
		other := open(t, server.Addr())
		err := s.Update(t.Context(), "id", func(old []byte, _ bool) (change, error) {
			if seen = append(seen, string(old)); len(seen) == 1 {
				set(t, other, "id", "2")
			}
			return cache.Remove(), nil
		})
		requireClear(t, err, "carried out")
		require.Equal(t, []string{"1", "2"}, seen)
		require.Equal(t, int64(0), do(t, server, "EXISTS", "hf:s:id"))

		do(t, server, "ACL", "SETUSER", "holdfast", "-eval")
		set(t, s, "id", "1")
		_, err = s.Touch(t.Context(), "id", 0)
		require.ErrorIs(t, err, tier.ErrRefused)
		requireClear(t, err, "the user may not run eval")
		require.Equal(t, int64(1), do(t, server, "EXISTS", "hf:s:id"))
	})
}
