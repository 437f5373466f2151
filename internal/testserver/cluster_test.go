package testserver_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/testserver"
)

const slots = 16384

func owner(t *testing.T, c *testserver.Cluster, slot int) *testserver.Server {
	t.Helper()
	owner, err := c.Owner(slot)
	require.NoError(t, err)
	return owner
}

func slotOf(t *testing.T, s *testserver.Server, key string) int {
	t.Helper()
	return int(do(t, s, "CLUSTER", "KEYSLOT", key).(int64))
}

// replicate executes a command and waits until replicas have its effect. WAIT
// waits for the commands of its own connection.
func replicate(t *testing.T, master *testserver.Server, replicas int64, args ...string) {
	t.Helper()
	c, err := master.Dial()
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Do(args...)
	require.NoError(t, err)
	reply, err := c.Do("WAIT", strconv.FormatInt(replicas, 10), "30000")
	require.NoError(t, err)
	require.Equal(t, replicas, reply)
}

func TestCluster(t *testing.T) {
	t.Parallel() // it mostly waits
	each(t, func(t *testing.T, kind testserver.Kind) {
		t.Parallel()
		c := testserver.RunCluster(t, kind, 0, "maxmemory 64mb")
		require.Len(t, c.Nodes, 3)
		require.Len(t, c.Addrs(), 3)
		used := map[*testserver.Server]bool{}
		for i := range 20 {
			key := "key" + strconv.Itoa(i)
			node := owner(t, c, slotOf(t, c.Nodes[0], key))
			require.Equal(t, "OK", do(t, node, "SET", key, "value"))
			used[node] = true
		}
		require.Len(t, used, 3)
		for slot, i := range map[int]int{0: 0, 5460: 0, 5461: 1, 10921: 1, 10922: 2, 16383: 2} {
			require.Same(t, c.Nodes[i], owner(t, c, slot), slot)
		}
		_, err := c.Owner(slots)
		require.ErrorContains(t, err, "16384")
		require.Equal(t, []any{"maxmemory", "67108864"}, do(t, c.Nodes[2], "CONFIG", "GET", "maxmemory"))
	})
}

func TestCluster_MoveSlot(t *testing.T) {
	t.Parallel() // it mostly waits
	each(t, func(t *testing.T, kind testserver.Kind) {
		t.Parallel()
		c := testserver.RunCluster(t, kind, 0, "user default off")
		slot := slotOf(t, c.Nodes[0], "{tag}")
		from := owner(t, c, slot)
		to := c.Nodes[0]
		if to == from {
			to = c.Nodes[1]
		}
		for i := range 250 { // more than one step moves
			do(t, from, "SET", fmt.Sprint("{tag}", i), strconv.Itoa(i))
		}
		require.NoError(t, c.MoveSlot(slot, to))
		require.NoError(t, c.Wait())
		require.Same(t, to, owner(t, c, slot))
		require.Equal(t, "249", do(t, to, "GET", "{tag}249"))
		require.Equal(t, int64(250), do(t, to, "CLUSTER", "COUNTKEYSINSLOT", strconv.Itoa(slot)))
		require.Equal(t, int64(0), do(t, from, "CLUSTER", "COUNTKEYSINSLOT", strconv.Itoa(slot)))
		_, err := from.Do("GET", "{tag}249")
		require.EqualError(t, err, fmt.Sprintf("MOVED %d %s", slot, to.Addr()))

		require.NoError(t, c.MoveSlot(slot, to), "the slot is there already")
		require.NoError(t, c.MoveSlot(slot, from))
		require.Equal(t, "249", do(t, from, "GET", "{tag}249"))
	})
}

// Valkey moves no slot to a master whose replica does not confirm it within two
// seconds. MoveSlot asks again.
func TestCluster_MoveSlot_busy_replica(t *testing.T) {
	t.Parallel() // it mostly waits
	c := testserver.RunCluster(t, testserver.Valkey, 1, "cluster-node-timeout 30000")
	to, replica := c.Nodes[1], c.Nodes[4] // slot 0 is on c.Nodes[0]
	require.Equal(t, int64(1), do(t, to, "WAIT", "1", "20000"))
	require.NoError(t, replica.Pause())
	resumed := time.AfterFunc(3*time.Second, func() { _ = replica.Resume() })
	require.NoError(t, c.MoveSlot(0, to))
	require.False(t, resumed.Stop(), "it has waited for the replica")
	require.Contains(t, do(t, to, "INFO", "errorstats"), "errorstat_NOREPLICAS")
	require.NoError(t, c.Wait())
	require.Same(t, to, owner(t, c, 0))
}

// A replica takes over, and the node becomes a replica when it starts again.
func TestCluster_Kill(t *testing.T) {
	t.Parallel() // it mostly waits
	each(t, func(t *testing.T, kind testserver.Kind) {
		t.Parallel()
		c := testserver.RunCluster(t, kind, 1)
		require.Len(t, c.Nodes, 6)
		slot := slotOf(t, c.Nodes[0], "key")
		old := owner(t, c, slot)
		replica := c.Nodes[slices.Index(c.Nodes, old)+3]
		replicate(t, old, 1, "SET", "key", "value")

		require.NoError(t, c.Kill(old))
		require.Same(t, replica, owner(t, c, slot))
		require.Equal(t, "value", do(t, replica, "GET", "key"))

		require.NoError(t, old.Restart())
		require.NoError(t, c.Wait())
		require.Same(t, replica, owner(t, c, slot))
		require.Contains(t, do(t, old, "INFO", "replication"), "role:slave")

		require.NoError(t, c.Kill(old), "a replica")
		require.NoError(t, c.Kill(replica), "a master whose replica has ended")
		_, err := c.Owner(slot)
		require.ErrorContains(t, err, "no master")
		_, err = owner(t, c, (slot+slots/2)%slots).Do("GET", "key")
		require.ErrorContains(t, err, "CLUSTERDOWN")
	})
}
