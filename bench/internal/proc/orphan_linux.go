package proc

import (
	"os/exec"
	"syscall"
)

// endWithParent lets the child end when this process is killed. Paused, it
// could not see that its input has ended, and would keep its memory for ever.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
