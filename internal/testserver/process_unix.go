//go:build unix

package testserver

import (
	"syscall"
)

// pause stops p, and then its children, which cannot become more. It returns
// the children.
func (p *process) pause() ([]int, error) {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return nil, err
	}
	if err := eventually(func() error { return stopped(p.Pid) }); err != nil {
		return nil, err
	}
	children := children(p.Pid)
	signal(children, syscall.SIGSTOP)
	return children, nil
}

// resume continues the children, and then p, which can reap them only then.
func (p *process) resume() error {
	signal(children(p.Pid), syscall.SIGCONT)
	return p.Signal(syscall.SIGCONT)
}

// signal sends a signal to processes that may have ended.
func signal(pids []int, sig syscall.Signal) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, sig)
	}
}
