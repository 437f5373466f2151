package testserver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

var postgres = program{
	config: func(s *Server) []string {
		return []string{
			"listen_addresses = '127.0.0.1'",
			fmt.Sprintf("port = %d", s.port),
			"unix_socket_directories = ''",
			"dynamic_shared_memory_type = mmap", // files in the folder, which do not outlive it
		}
	},
	prepare: initdb,
	command: func(s *Server) *exec.Cmd {
		return asUser(exec.Command(s.path, "-D", ".", "-c", "config_file=../config"))
	},
	answers: greeted,
	stop:    syscall.SIGINT, // does not wait for clients
	// The main process then releases its shared memory. Kill first kills the
	// processes that serve clients, so these send no last message.
	kill: syscall.SIGQUIT,
}

// initdb creates the database files, with a superuser postgres without a
// password.
func initdb(s *Server) error {
	path, err := s.kind.find("initdb")
	if err != nil {
		return err
	}
	if uid, gid, ok := unprivileged(); ok {
		if err := errors.Join(os.Chown(s.folder, uid, gid), os.Chown(s.file("data"), uid, gid)); err != nil {
			return err
		}
	}
	cmd := asUser(exec.Command(path, "-D", ".", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"))
	cmd.Dir = s.file("data")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("testserver: initdb: %w\n%s", err, output)
	}
	return nil
}

// asUser makes cmd run as another user than root. PostgreSQL refuses to run as
// root.
func asUser(cmd *exec.Cmd) *exec.Cmd {
	if uid, gid, ok := unprivileged(); ok {
		setUser(cmd, uid, gid)
	}
	return cmd
}

// unprivileged returns the user to run PostgreSQL as, if this process is
// root's.
func unprivileged() (uid, gid int, ok bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return 0, 0, false // PostgreSQL says why it refuses
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid, true
}

// greeted returns nil if PostgreSQL lets the user postgres in.
func greeted(s *Server) error {
	conn, err := net.DialTimeout("tcp", s.Addr(), patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	const protocol3, terminate = "\x00\x03\x00\x00", "X\x00\x00\x00\x04"
	message := protocol3 + "user\x00postgres\x00\x00"
	length := binary.BigEndian.AppendUint32(nil, uint32(4+len(message)))
	if _, err := io.WriteString(conn, string(length)+message); err != nil {
		return err
	}
	reply := make([]byte, 1)
	if _, err := io.ReadFull(conn, reply); err != nil {
		return err
	}
	if reply[0] != 'R' { // an authentication request, here that none is needed
		// The process that refuses ends now. Should a Pause stop it before, the
		// main process would wait for it: it does not kill such processes.
		_, _ = io.Copy(io.Discard, conn)
		return errors.New("it is not ready for connections")
	}
	_, err = io.WriteString(conn, terminate)
	return err
}
