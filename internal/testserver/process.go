package testserver

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// A process is the main process of a server.
type process struct {
	*os.Process
	ended chan struct{} // closed when the process has ended
}

// startProcess starts cmd in a process group of its own: an interrupt from the
// terminal does not reach it. On Linux the process gets the signal orphaned
// when the process that started it ends.
func startProcess(cmd *exec.Cmd, orphaned syscall.Signal) (*process, error) {
	setAttributes(cmd, orphaned)
	p := &process{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux sends the signal when the starting thread ends, so this
		// goroutine keeps the thread until the process has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		p.Process = cmd.Process
		started <- err
		if err == nil {
			_ = cmd.Wait() // the result is in cmd.ProcessState
			close(p.ended)
		}
	}()
	return p, <-started
}

// end sends a signal, also to a process that is paused, and waits until the
// process has ended. It kills a process that does not end, and returns an
// error.
func (p *process) end(sig syscall.Signal) error {
	err := p.Signal(sig)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	} else if err == nil {
		_ = p.resume() // not every system can pause and resume
		select {
		case <-p.ended:
		case <-time.After(patience):
			err = errors.New("it does not end after " + sig.String())
		}
	}
	if err != nil {
		_ = p.Process.Kill()
	}
	<-p.ended
	return err
}
