package testserver

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/holdfast-go/holdfast/internal/loopback"
)

const masters, slots = 3, 16384

// A Cluster is a Redis or Valkey Cluster with three masters, each with a third
// of the slots, and replicas of each. Its methods may be called concurrently,
// but neither Kill nor MoveSlot while another of them runs.
type Cluster struct {
	// Nodes has the first three masters, and then their first replicas in the
	// same order, and so on. A replica may become a master later.
	Nodes []*Server
}

// StartCluster starts the nodes of a Cluster, each with a number of replicas,
// and with further lines of their configuration as for Start. It returns when
// all nodes agree that the Cluster is complete. The caller closes it.
func StartCluster(kind Kind, replicas int, lines ...string) (*Cluster, error) {
	c := new(Cluster)
	if err := c.start(kind, replicas, lines); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// RunCluster is to StartCluster what Run is to Start.
func RunCluster(tb testing.TB, kind Kind, replicas int, lines ...string) *Cluster {
	tb.Helper()
	return run(tb, kind, func() (*Cluster, error) { return StartCluster(kind, replicas, lines...) })
}

func (c *Cluster) start(kind Kind, replicas int, lines []string) error {
	var buses []int
	for i := range masters * (1 + replicas) {
		bus, err := loopback.Port()
		if err != nil {
			return err
		}
		node, err := Start(kind, append([]string{
			"cluster-enabled yes",
			fmt.Sprintf("cluster-port %d", bus),
			"cluster-announce-ip 127.0.0.1",
			"cluster-node-timeout 2000",
			"cluster-replica-validity-factor 0",
		}, lines...)...)
		if err != nil {
			return err
		}
		// Nodes with the same epoch would first have to settle on others.
		commands := []string{fmt.Sprintf("CLUSTER SET-CONFIG-EPOCH %d", i+1)}
		if i < masters {
			commands = append(commands, fmt.Sprintf("CLUSTER ADDSLOTSRANGE %d %d", slots*i/masters, slots*(i+1)/masters-1))
		}
		for j, other := range c.Nodes {
			commands = append(commands, fmt.Sprintf("CLUSTER MEET 127.0.0.1 %d %d", other.port, buses[j]))
		}
		c.Nodes, buses = append(c.Nodes, node), append(buses, bus)
		if err := node.all(commands...); err != nil {
			return err
		}
	}
	if err := c.Wait(); err != nil {
		return err
	}
	members, err := c.Nodes[0].members()
	if err != nil {
		return err
	}
	for i, replica := range c.Nodes[masters:] {
		if err := replica.all("CLUSTER REPLICATE " + members[c.Nodes[i%masters].Addr()].id); err != nil {
			return err
		}
	}
	return c.Wait()
}

// Addrs returns the addresses of all nodes.
func (c *Cluster) Addrs() []string { return addrs(c.Nodes) }

// Close closes all nodes.
func (c *Cluster) Close() error { return closeAll(c.Nodes) }

// Wait waits until all nodes that are running agree that the Cluster works, and
// the replicas among them are connected.
func (c *Cluster) Wait() error {
	return eventually(func() error {
		_, err := c.agree("ok")
		return err
	})
}

// Kill kills a node. It returns when the other nodes agree on the consequence:
// a replica of the node is a master, or, if no replica is left, the Cluster
// does not work. After Restart, Wait waits until the node has joined them
// again.
func (c *Cluster) Kill(node *Server) error {
	members, err := node.members()
	if err != nil {
		return err
	}
	state := "fail"
	for _, m := range members {
		switch self := members[node.Addr()]; {
		case self.master != "-" || self.slots == "", m.master == self.id && !m.failed():
			state = "ok"
		}
	}
	if err := node.Kill(); err != nil {
		return err
	}
	return eventually(func() error {
		members, err := c.agree(state)
		if err == nil && !members[node.Addr()].failed() {
			err = errors.New("testserver: the cluster has not noticed that a node failed")
		}
		return err
	})
}

// Owner returns the node that is the master of a slot.
func (c *Cluster) Owner(slot int) (*Server, error) {
	for _, node := range running(c.Nodes) {
		members, err := node.members()
		if err != nil {
			return nil, err
		}
		for _, owner := range c.Nodes {
			if m := members[owner.Addr()]; !m.failed() && m.owns(slot) {
				return owner, nil
			}
		}
	}
	return nil, fmt.Errorf("testserver: slot %d has no master", slot)
}

// MoveSlot moves a slot and its keys to another master. Clients can use them
// meanwhile, as while an operator moves a slot.
func (c *Cluster) MoveSlot(slot int, to *Server) error {
	from, err := c.Owner(slot)
	if err != nil || from == to {
		return err
	}
	members, err := from.members()
	if err != nil {
		return err
	}
	set := func(node *Server, state string, of *Server) error {
		return node.SetSlot(slot, state+" "+members[of.Addr()].id)
	}
	if err := set(to, "IMPORTING", from); err != nil {
		return err
	}
	if err := set(from, "MIGRATING", to); err != nil {
		return err
	}
	for {
		keys, err := from.Do("CLUSTER", "GETKEYSINSLOT", strconv.Itoa(slot), "100")
		if err != nil {
			return err
		}
		if len(keys.([]any)) == 0 {
			break
		}
		migrate := []string{"MIGRATE", "127.0.0.1", strconv.Itoa(to.port), "", "0",
			strconv.FormatInt(patience.Milliseconds(), 10), "AUTH2", admin, admin, "KEYS"}
		for _, key := range keys.([]any) {
			migrate = append(migrate, key.(string))
		}
		if _, err := from.Do(migrate...); err != nil {
			return fmt.Errorf("testserver: moving the keys of slot %d: %w", slot, err)
		}
	}
	// The new master must know first: then a client that the old one sends
	// there is not sent back.
	if err := set(to, "NODE", to); err != nil {
		return err
	}
	return set(from, "NODE", to)
}

// SetSlot executes CLUSTER SETSLOT with a state on a node of a Cluster. Valkey
// refuses it if a replica of the node does not confirm it within two seconds.
// Then SetSlot tries again.
func (s *Server) SetSlot(slot int, state string) error {
	return eventually(func() error {
		err := s.all(fmt.Sprintf("CLUSTER SETSLOT %d %s", slot, state))
		if err != nil && !strings.Contains(err.Error(), "NOREPLICAS") {
			err = final{err}
		}
		return err
	})
}

// agree returns the nodes as all that are running see them, by address.
// It returns an error if they disagree, if the Cluster has another state, or if
// a replica is not connected.
func (c *Cluster) agree(state string) (all map[string]member, err error) {
	running := running(c.Nodes)
	for _, node := range running {
		info, err := node.info("CLUSTER", "INFO")
		if err != nil {
			return nil, err
		}
		if info["cluster_state"] != state {
			return nil, fmt.Errorf("testserver: the cluster's state is %q, not %q, at %s", info["cluster_state"], state, node.Addr())
		}
		members, err := node.members()
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = members
		}
		if len(members) < len(running) || !maps.Equal(members, all) {
			return nil, fmt.Errorf("testserver: the nodes disagree: %v, %v", members, all)
		}
		if info, err = node.info("INFO", "replication"); err != nil {
			return nil, err
		}
		if info["role"] == "slave" && state == "ok" && info["master_link_status"] != "up" {
			return nil, fmt.Errorf("testserver: the replica at %s is not connected", node.Addr())
		}
	}
	return all, nil
}

// A member is a node as another node, or it itself, sees it.
type member struct {
	id, flags, master, slots string
}

func (m member) failed() bool { return slices.Contains(strings.Split(m.flags, ","), "fail") }

func (m member) owns(slot int) bool {
	for span := range strings.FieldsSeq(m.slots) {
		first, last, ok := strings.Cut(span, "-")
		if !ok {
			last = first
		}
		from, _ := strconv.Atoi(first)
		to, _ := strconv.Atoi(last)
		if from <= slot && slot <= to {
			return true
		}
	}
	return false
}

// members returns the nodes as the server sees them, by address.
func (s *Server) members() (map[string]member, error) {
	reply, err := s.Do("CLUSTER", "NODES")
	if err != nil {
		return nil, err
	}
	members := map[string]member{}
	for line := range strings.Lines(reply.(string)) {
		// A node shows slots that it moves in brackets; others do not know.
		line, _, _ = strings.Cut(line, "[")
		fields := strings.Fields(line)
		addr, _, _ := strings.Cut(fields[1], "@")
		members[addr] = member{
			id:     fields[0],
			flags:  strings.TrimPrefix(fields[2], "myself,"),
			master: fields[3],
			slots:  strings.Join(fields[8:], " "),
		}
	}
	return members, nil
}
