package testserver

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/holdfast-go/holdfast/internal/loopback"
)

// patience bounds each wait for a server. It is long enough for a busy machine.
const patience = 30 * time.Second

// A Server is one server, running or not. Its methods may be called
// concurrently.
type Server struct {
	kind    Kind
	program program
	path    string
	lines   []string // of the configuration
	folder  string   // has the configuration, the output and the folder "data"
	port    int
	tlsPort int // 0 without TLS
	client  *tls.Config

	mu      sync.Mutex
	process *process // the last one that was started
}

// A program is the part of a Server that depends on its kind.
type program struct {
	config  func(*Server) []string  // the first lines of the configuration
	prepare func(*Server) error     // fills the empty folder "data"; may be nil
	command func(*Server) *exec.Cmd // runs in the folder "data"
	answers func(*Server) error     // returns nil once the server is ready
	stop    syscall.Signal          // ends the server gracefully
	kill    syscall.Signal          // ends the server at once
}

// Start starts a server and returns when it answers. lines are further lines of
// its configuration file, such as "appendonly yes" or "fsync = off". They may
// contain TLS. By default Redis and Valkey store nothing on disk, and
// PostgreSQL stores all safely. The lines of Prometheus are its whole YAML. The
// caller closes the server.
func Start(kind Kind, lines ...string) (*Server, error) {
	switch kind {
	case Postgres:
		return start(kind, postgres, lines)
	case Prometheus:
		return start(kind, prometheus, lines)
	}
	return start(kind, redis, lines)
}

func start(kind Kind, program program, lines []string) (*Server, error) {
	s := &Server{kind: kind, program: program}
	var err error
	if s.path, err = kind.Find(); err != nil {
		return nil, err
	}
	if s.port, err = loopback.Port(); err != nil {
		return nil, err
	}
	if s.folder, err = newFolder(); err != nil {
		return nil, err
	}
	if s.lines, err = s.expand(lines); err == nil {
		err = s.RestartEmpty()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Addr returns the server's address, 127.0.0.1 and a port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL returns the URL by which clients connect to the server: in PostgreSQL as
// the superuser postgres to the database postgres.
func (s *Server) URL() string {
	switch s.kind {
	case Postgres:
		return "postgres://postgres@" + s.Addr() + "/postgres?sslmode=disable"
	case Prometheus:
		return "http://" + s.Addr()
	}
	return "redis://" + s.Addr()
}

// Stop ends the server gracefully and returns when it has ended. It does
// nothing if the server has ended already.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end(s.program.stop)
}

// Kill ends the server without giving it a chance to store data or to answer,
// also while it is paused. It returns when the server has ended, and does
// nothing if the server has ended already.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kill()
}

func (s *Server) kill() error {
	if s.process == nil {
		return nil
	}
	if children, err := s.process.pause(); err == nil {
		signal(children, syscall.SIGKILL)
	}
	return s.end(s.program.kill)
}

func (s *Server) end(sig syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	if err := s.process.end(sig); err != nil {
		return fmt.Errorf("testserver: ending %s: %w\n%s", s.kind, err, s.output())
	}
	return nil
}

// Pause stops all processes of the server, as a machine that hangs. Connections
// stay open. It returns when they have stopped.
func (s *Server) Pause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.process.pause()
	return err
}

// Resume ends a Pause.
func (s *Server) Resume() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.resume()
}

// Restart starts the server again, on the same port and with its folder. It
// stops the server first, unless it has ended. The server has the data that it
// stored on disk.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.end(s.program.stop); err != nil {
		return err
	}
	return s.run()
}

// RestartEmpty starts the server again, on the same port, with an empty folder.
// It kills the server first, unless it has ended.
func (s *Server) RestartEmpty() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.kill(); err != nil {
		return err
	}
	if err := os.RemoveAll(s.file("data")); err != nil {
		return err
	}
	if err := os.Mkdir(s.file("data"), 0o700); err != nil {
		return err
	}
	lines := append(s.program.config(s), s.lines...)
	if err := os.WriteFile(s.file("config"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	if s.program.prepare != nil {
		if err := s.program.prepare(s); err != nil {
			return err
		}
	}
	return s.run()
}

// run starts the server and waits until it answers.
func (s *Server) run() error {
	cmd := s.program.command(s)
	cmd.Dir = s.file("data")
	output, err := os.Create(s.file("output"))
	if err != nil {
		return err
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	process, err := startProcess(cmd, s.program.kill)
	if err != nil {
		return fmt.Errorf("testserver: starting %s: %w", s.kind, err)
	}
	s.process = process
	err = eventually(func() error {
		select {
		case <-process.ended:
			return final{fmt.Errorf("it ended: %s", cmd.ProcessState)}
		default:
			return s.program.answers(s)
		}
	})
	if err != nil {
		err = fmt.Errorf("testserver: %s does not answer: %w\n%s", s.kind, err, s.output())
		return errors.Join(err, s.kill())
	}
	return nil
}

// Close kills the server and removes its folder. The server cannot be started
// again.
func (s *Server) Close() error {
	return errors.Join(s.Kill(), os.RemoveAll(s.folder))
}

// running returns the servers that have not ended.
func running(servers []*Server) (running []*Server) {
	for _, s := range servers {
		s.mu.Lock()
		select {
		case <-s.process.ended:
		default:
			running = append(running, s)
		}
		s.mu.Unlock()
	}
	return running
}

func addrs(servers []*Server) (addrs []string) {
	for _, s := range servers {
		addrs = append(addrs, s.Addr())
	}
	return addrs
}

func closeAll(servers []*Server) error {
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// file returns the path of a file in the server's folder.
func (s *Server) file(name string) string { return filepath.Join(s.folder, name) }

// output returns the end of the server's output since its last start.
func (s *Server) output() string {
	text, err := os.ReadFile(s.file("output"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4<<10):])
}

// final is an error after which eventually does not try again.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// eventually calls f until it returns nil or a final error, or until patience
// is exhausted. It returns f's last error.
func eventually(f func() error) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := f()
		if err == nil || errors.As(err, new(final)) || time.Now().After(deadline) {
			return err
		}
	}
}
