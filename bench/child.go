package main

import (
	"maps"
	"os"

	"github.com/holdfast-go/holdfast/bench/internal/gc"
	"github.com/holdfast-go/holdfast/bench/internal/memory"
	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/speed"
	"github.com/holdfast-go/holdfast/bench/internal/stock"
	"github.com/holdfast-go/holdfast/bench/internal/survive"
	"github.com/holdfast-go/holdfast/bench/internal/web"
)

// serve is what a child process does: it carries out the tasks of all parts.
func serve() error {
	// What a library prints must not get between the answers.
	answers := os.Stdout
	os.Stdout = os.Stderr

	s := new(stock.Stock)
	tasks := proc.Tasks{stock.Task: proc.Handle(s.Fill)}
	for _, part := range []proc.Tasks{speed.Tasks(s), memory.Tasks(), gc.Tasks(s), survive.Tasks(), web.Tasks()} {
		maps.Copy(tasks, part)
	}
	return proc.Serve(os.Stdin, answers, tasks)
}
