package testserver_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/testserver"
)

func TestSentinel(t *testing.T) {
	t.Parallel() // it mostly waits
	each(t, func(t *testing.T, kind testserver.Kind) {
		t.Parallel()
		s := testserver.RunSentinel(t, kind, "maxmemory 64mb", "user default off")
		require.Len(t, s.Addrs(), 3)
		require.Len(t, s.Servers, 3)
		first, err := s.Wait()
		require.NoError(t, err)
		require.Same(t, s.Servers[0], first)
		replicate(t, first, 2, "SET", "key", "value")
		require.Equal(t, []any{"maxmemory", "67108864"}, do(t, s.Servers[2], "CONFIG", "GET", "maxmemory"))

		second, err := s.FailOver()
		require.NoError(t, err)
		require.NotSame(t, first, second)
		require.Equal(t, "value", do(t, second, "GET", "key"))
		require.Equal(t, "OK", do(t, second, "SET", "key", "other"))
		for _, sentinel := range s.Sentinels {
			_, port, _ := strings.Cut(second.Addr(), ":")
			require.Equal(t, []any{"127.0.0.1", port}, do(t, sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", testserver.MasterName))
		}

		require.NoError(t, first.Restart())
		master, err := s.Wait()
		require.NoError(t, err)
		require.Same(t, second, master)
		require.Equal(t, "other", do(t, first, "GET", "key"))

		require.NoError(t, s.Sentinels[0].Stop(), "two are a majority")
		third, err := s.FailOver()
		require.NoError(t, err)
		require.NotSame(t, second, third)
		require.Equal(t, "other", do(t, third, "GET", "key"))
	})
}
