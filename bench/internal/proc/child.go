package proc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Child is a running child process. It carries out one task at a time; its
// methods are not safe for concurrent use.
type Child struct {
	cmd     *exec.Cmd
	in      io.Closer
	encoder *json.Encoder
	decoder *json.Decoder
}

// Start starts a child, with env added to its environment. It ends with Close,
// or when ctx does.
func Start(ctx context.Context, env ...string) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(append(os.Environ(), ChildEnv+"=1"), env...)
	cmd.Stderr = os.Stderr
	endWithParent(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &Child{cmd, in, json.NewEncoder(in), json.NewDecoder(out)}, nil
}

// Call has the child carry out a task and returns its result.
func Call[R any](c *Child, task string, args any) (R, error) {
	var result R
	raw, err := json.Marshal(args)
	if err != nil {
		return result, err
	}
	if err := c.encoder.Encode(request{task, raw}); err != nil {
		return result, fmt.Errorf("%s: %w", task, err)
	}
	var a answer
	if err := c.decoder.Decode(&a); err != nil {
		return result, fmt.Errorf("%s: the child gave no answer: %w", task, err)
	}
	if a.Error != "" {
		return result, fmt.Errorf("%s: %s", task, a.Error)
	}
	return result, json.Unmarshal(a.Result, &result)
}

// Pause stops the child's background work, if it has any, until Resume: what
// one cache does on its own must not slow down the measurement of another.
func (c *Child) Pause() { pause(c.cmd.Process) }

// Resume lets a paused child go on.
func (c *Child) Resume() { resume(c.cmd.Process) }

// Close ends the child, paused or not, and waits until its memory is free. It
// does not wait for the cache to be torn down: that may take long and nobody
// measures it.
func (c *Child) Close() error {
	c.in.Close()
	c.cmd.Process.Kill()
	err := c.cmd.Wait()
	var killed *exec.ExitError
	if errors.As(err, &killed) {
		return nil
	}
	return err
}
