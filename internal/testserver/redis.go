package testserver

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// admin is the user of Do, and of servers among each other. Its rights do not
// depend on the lines of Start, and any password does for it.
const admin = "testserver"

var redis = program{
	config: func(s *Server) []string {
		return []string{
			"bind 127.0.0.1",
			fmt.Sprintf("port %d", s.port),
			`save ""`,
			"repl-diskless-sync-delay 0",
			"user " + admin + " on nopass ~* &* +@all",
			"masteruser " + admin,
			"masterauth " + admin,
		}
	},
	command: func(s *Server) *exec.Cmd { return exec.Command(s.path, "../config") },
	answers: func(s *Server) error { return s.all("PING") },
	stop:    syscall.SIGTERM,
	kill:    syscall.SIGKILL,
}

// Dial opens a connection to a Redis or Valkey server, as a user that may do
// everything. The caller closes it.
func (s *Server) Dial() (*Conn, error) {
	conn, err := net.DialTimeout("tcp", s.Addr(), patience)
	if err != nil {
		return nil, err
	}
	c := newConn(conn)
	if _, err := c.Do("AUTH", admin, admin); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

// Do sends one command to a Redis or Valkey server, on a connection of its own.
// See Conn.Do. Commands that depend on earlier ones of the connection, such as
// WAIT and EXEC, need Dial.
func (s *Server) Do(args ...string) (any, error) {
	c, err := s.Dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Do(args...)
}

// all executes commands, whose arguments have no spaces, until one fails.
func (s *Server) all(commands ...string) error {
	for _, command := range commands {
		if _, err := s.Do(strings.Fields(command)...); err != nil {
			return fmt.Errorf("testserver: %s at %s: %w", command, s.Addr(), err)
		}
	}
	return nil
}

// info returns the fields of the reply to INFO or CLUSTER INFO.
func (s *Server) info(args ...string) (map[string]string, error) {
	reply, err := s.Do(args...)
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(fmt.Sprint(reply)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = value
	}
	return fields, nil
}

// Calls returns how often a Redis or Valkey server has executed each command
// since its start or CONFIG RESETSTAT, those of Do and Calls included. Names
// are in lower case: "get", "client|tracking".
func (s *Server) Calls() (map[string]int, error) {
	fields, err := s.info("INFO", "commandstats")
	calls := map[string]int{}
	for name, value := range fields {
		if command, ok := strings.CutPrefix(name, "cmdstat_"); ok {
			count, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
			calls[command], _ = strconv.Atoi(count)
		}
	}
	return calls, err
}
