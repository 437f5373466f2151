//go:build unix

package testserver

import (
	"os/exec"
	"syscall"
)

// pause stops p, which then starts no further children, and its children. It
// returns the children.
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

// resume continues the children and p.
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

// setUser makes cmd run as another user.
func setUser(cmd *exec.Cmd, uid, gid int) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
