//go:build !unix

package testserver

import (
	"errors"
	"os/exec"
	"syscall"
)

func setAttributes(*exec.Cmd, syscall.Signal) {}

func setUser(*exec.Cmd, int, int) {}

func (p *process) pause() ([]int, error) { return nil, errors.ErrUnsupported }

func (p *process) resume() error { return errors.ErrUnsupported }

func signal([]int, syscall.Signal) {}
