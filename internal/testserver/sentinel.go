package testserver

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// MasterName is the name under which the sentinels of a Sentinel know the
// master.
const MasterName = "holdfast"

// A Sentinel is a Redis or Valkey master with two replicas, watched by three
// sentinels. Its methods may be called concurrently.
type Sentinel struct {
	Servers   []*Server // the first master, then its replicas
	Sentinels []*Server
}

// StartSentinel starts the servers, with further lines of their configuration
// as for Start, and the sentinels. It returns when the sentinels know all of
// them. The caller closes it.
func StartSentinel(kind Kind, lines ...string) (*Sentinel, error) {
	s := new(Sentinel)
	if err := s.start(kind, lines); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// RunSentinel is to StartSentinel what Run is to Start.
func RunSentinel(tb testing.TB, kind Kind, lines ...string) *Sentinel {
	tb.Helper()
	return run(tb, kind, func() (*Sentinel, error) { return StartSentinel(kind, lines...) })
}

var sentinel = program{
	config: func(s *Server) []string {
		return []string{
			"bind 127.0.0.1",
			fmt.Sprintf("port %d", s.port),
			"user " + admin + " on nopass ~* &* +@all",
		}
	},
	command: func(s *Server) *exec.Cmd { return exec.Command(s.path, "../config", "--sentinel") },
	answers: redis.answers,
	stop:    syscall.SIGTERM,
	kill:    syscall.SIGKILL,
}

func (s *Sentinel) start(kind Kind, lines []string) error {
	for range 3 {
		server, err := Start(kind, lines...)
		if err != nil {
			return err
		}
		s.Servers = append(s.Servers, server)
	}
	master := s.Servers[0]
	for _, replica := range s.Servers[1:] {
		if err := replica.all(fmt.Sprintf("REPLICAOF 127.0.0.1 %d", master.port)); err != nil {
			return err
		}
	}
	// A sentinel asks the master for its replicas when it starts.
	if err := eventually(func() error { return s.connected(master) }); err != nil {
		return err
	}
	for range 3 {
		server, err := start(kind, sentinel, []string{
			fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d 2", MasterName, master.port),
			"sentinel down-after-milliseconds " + MasterName + " 1000",
			"sentinel failover-timeout " + MasterName + " 2000",
			"sentinel auth-user " + MasterName + " " + admin,
			"sentinel auth-pass " + MasterName + " " + admin,
		})
		if err != nil {
			return err
		}
		s.Sentinels = append(s.Sentinels, server)
		// Sentinels notice everything sooner, and a busy machine stops them for
		// a second instead of thirty.
		if err := server.all("SENTINEL DEBUG INFO-PERIOD 500 PUBLISH-PERIOD 200 ASK-PERIOD 200 PING-PERIOD 200 TILT-PERIOD 1000"); err != nil {
			return err
		}
	}
	_, err := s.Wait()
	return err
}

// Addrs returns the addresses of the sentinels.
func (s *Sentinel) Addrs() []string { return addrs(s.Sentinels) }

// Close closes all servers and sentinels.
func (s *Sentinel) Close() error { return closeAll(slices.Concat(s.Sentinels, s.Servers)) }

// Wait waits until all sentinels that are running agree on a master, and all
// other servers that are running are its replicas and connected. It returns the
// master.
func (s *Sentinel) Wait() (master *Server, err error) {
	err = eventually(func() error {
		master, err = s.agree()
		return err
	})
	return master, err
}

// FailOver kills the master, waits as Wait does and returns the new master. The
// old one becomes a replica after Restart.
func (s *Sentinel) FailOver() (*Server, error) {
	master, err := s.Wait()
	if err != nil {
		return nil, err
	}
	if err := master.Kill(); err != nil {
		return nil, err
	}
	return s.Wait()
}

func (s *Sentinel) agree() (master *Server, err error) {
	for _, sentinel := range running(s.Sentinels) {
		reply, err := sentinel.Do("SENTINEL", "MASTER", MasterName)
		if err != nil {
			return nil, err
		}
		fields := map[any]any{}
		for pair := range slices.Chunk(reply.([]any), 2) {
			fields[pair[0]] = pair[1]
		}
		if fields["flags"] != "master" || fields["num-slaves"] != "2" || fields["num-other-sentinels"] != "2" {
			return nil, fmt.Errorf("testserver: the sentinel at %s knows too little: %v", sentinel.Addr(), fields)
		}
		servers := running(s.Servers)
		i := slices.IndexFunc(servers, func(s *Server) bool { return fields["port"] == strconv.Itoa(s.port) })
		if i < 0 || master != nil && master != servers[i] {
			return nil, fmt.Errorf("testserver: the sentinel at %s has another master: %v", sentinel.Addr(), fields)
		}
		master = servers[i]
	}
	if master == nil {
		return nil, errors.New("testserver: all sentinels have ended")
	}
	return master, s.connected(master)
}

// connected returns an error if a server that is running is not a replica of
// the master, or not connected.
func (s *Sentinel) connected(master *Server) error {
	for _, server := range running(s.Servers) {
		info, err := server.info("INFO", "replication")
		if err != nil {
			return err
		}
		ok := info["role"] == "master"
		if server != master {
			ok = info["master_port"] == strconv.Itoa(master.port) && info["master_link_status"] == "up"
		}
		if !ok {
			return fmt.Errorf("testserver: the master is %s, but %s has %v", master.Addr(), server.Addr(), info)
		}
	}
	return nil
}
