package testserver

import (
	"fmt"
	"net/http"
	"os/exec"
	"syscall"
)

// The lines of the configuration are all its YAML.
var prometheus = program{
	config: func(*Server) []string { return nil },
	command: func(s *Server) *exec.Cmd {
		return exec.Command(s.path, "--config.file=../config", "--storage.tsdb.path=.", "--web.listen-address="+s.Addr(), "--log.level=warn")
	},
	answers: func(s *Server) error {
		answer, err := http.Get(s.URL() + "/-/ready")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("it answers %s", answer.Status)
		}
		return nil
	},
	stop: syscall.SIGTERM,
	kill: syscall.SIGKILL,
}
