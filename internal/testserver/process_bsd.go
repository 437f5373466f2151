//go:build unix && !linux

package testserver

import (
	"os/exec"
	"syscall"
)

func setAttributes(cmd *exec.Cmd, _ syscall.Signal) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true
}

func stopped(int) error { return nil }

func children(int) []int { return nil }
