package testserver

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
)

// The watcher removes the folders of a process that ended without Close. Its
// input ends with the process. A server that is just ending may still create
// files, so the watcher tries again.
const watcher = `read -r _; for i in 1 2 3 4 5; do rm -rf "$0" && exit; sleep 1; done`

// A folders has the folders of all servers of this process. It lives as long as
// the process, and so does the input of the watcher.
type folders struct {
	root    string
	watcher *exec.Cmd
}

var all = sync.OnceValues(func() (*folders, error) {
	root, err := os.MkdirTemp("", fmt.Sprintf("testserver-%d-", os.Getpid()))
	if err != nil {
		return nil, err
	}
	sh := exec.Command("sh", "-c", watcher, root)
	if _, err := sh.StdinPipe(); err != nil {
		return nil, err
	}
	setAttributes(sh, 0)
	_ = sh.Start() // without sh, Close removes all but root
	// A server may run as another user, who has to reach its own folder.
	return &folders{root, sh}, os.Chmod(root, 0o711)
})

// newFolder returns a new folder for one server.
func newFolder() (string, error) {
	all, err := all()
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(all.root, "")
}
