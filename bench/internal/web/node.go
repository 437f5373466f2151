package web

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/bench/express"
)

// nodeApp is the Node program, installed in a directory of its own.
type nodeApp struct{ dir string }

// installNode installs the Node program with exactly the versions of its lock
// file. The error says, for a reader of the report, why it could not be.
func installNode(ctx context.Context, patience time.Duration) (*nodeApp, error) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%s is not installed", tool)
		}
	}
	dir, err := os.MkdirTemp("", "holdfast-bench-")
	if err != nil {
		return nil, err
	}
	n := &nodeApp{dir}
	if err := n.install(ctx, patience); err != nil {
		n.remove()
		return nil, err
	}
	return n, nil
}

func (n *nodeApp) install(ctx context.Context, patience time.Duration) error {
	err := fs.WalkDir(express.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := express.Files.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(n.dir, name), content, 0o644)
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
	npm.Dir = n.dir
	if npm.Run() != nil {
		return fmt.Errorf("npm ci could not install it within %v: is the registry within reach?", patience)
	}
	return nil
}

func (n *nodeApp) remove() { os.RemoveAll(n.dir) }

// start starts the program on a store and returns its address. The process
// ends with stop.
func (n *nodeApp) start(ctx context.Context, store string) (address string, stop func(), err error) {
	node := exec.CommandContext(ctx, "node", "app.js")
	node.Dir = n.dir
	node.Env = append(os.Environ(), "NODE_ENV=production", "STORE="+store)
	out, err := node.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := node.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		node.Process.Kill()
		node.Wait()
	}
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("the Node program did not start: %w", err)
	}
	return "127.0.0.1:" + strings.TrimSpace(port), stop, nil
}

// nodeVersion returns node's version, and those of the locked packages that
// matter.
func nodeVersion() string {
	out, err := exec.Command("node", "--version").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
