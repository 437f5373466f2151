package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
)

// instances are the processes that serve the site.
type instances struct {
	program string
	args    []string

	mu     sync.Mutex
	byName map[string]*instance
	order  []string
	next   int // in order: the instance of the next request
}

// instance is one process, running or killed.
type instance struct {
	Name    string `json:"name"`
	Running bool   `json:"running"`
	Answers int    `json:"answers"` // requests since its start
	addr    string
	process *exec.Cmd
	stdin   io.Closer // closing it stops the process
}

func newInstances(program string, args ...string) *instances {
	return &instances{program: program, args: args, byName: make(map[string]*instance)}
}

// start starts the instance of that name unless it runs, and waits until it
// listens.
func (all *instances) start(name string) error {
	all.mu.Lock()
	defer all.mu.Unlock()
	if i := all.byName[name]; i != nil && i.Running {
		return nil
	}
	process := exec.Command(all.program, append([]string{"-instance", name}, all.args...)...)
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := process.Start(); err != nil {
		return err
	}
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = process.Process.Kill()
		_ = process.Wait()
		return fmt.Errorf("instance %s has ended before it listened: %w", name, err)
	}
	i := &instance{Name: name, Running: true, addr: addr[:len(addr)-1], process: process, stdin: stdin}
	if all.byName[name] == nil {
		all.order = append(all.order, name)
	}
	all.byName[name] = i
	go func() {
		_ = process.Wait()
		all.mu.Lock()
		defer all.mu.Unlock()
		i.Running = false
	}()
	return nil
}

// kill kills an instance, as kill -9 does.
func (all *instances) kill(name string) {
	all.mu.Lock()
	i := all.byName[name]
	all.mu.Unlock()
	if i != nil {
		_ = i.process.Process.Kill()
	}
}

func (all *instances) killAll() {
	for _, i := range all.list() {
		all.kill(i.Name)
	}
}

// list returns copies of the instances.
func (all *instances) list() (list []instance) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, name := range all.order {
		list = append(list, *all.byName[name])
	}
	return list
}

// turns returns the addresses of the running instances: first the one whose
// turn it is.
func (all *instances) turns() (turns []*instance) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for n := range all.order {
		i := all.byName[all.order[(all.next+n)%len(all.order)]]
		if i.Running {
			turns = append(turns, i)
		}
	}
	all.next++
	return turns
}

func (all *instances) answered(i *instance) {
	all.mu.Lock()
	defer all.mu.Unlock()
	i.Answers++
}

// untilParentEnds returns a context that ends with ctx, or when the process
// that started this one has ended: then the standard input is closed.
func untilParentEnds(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx, cancel
}
