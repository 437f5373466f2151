// Package proc runs tasks in child processes, so that each cache is measured
// with a heap, a garbage collector and a resident set of its own.
//
// A child is this same program, started with ChildEnv set. It reads one request
// a line from its standard input and writes one answer a line to its standard
// output, both JSON, until its input ends. So it can keep a filled cache while
// other children are measured, and be called again.
package proc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// ChildEnv is the environment variable that makes a process a child.
const ChildEnv = "HOLDFAST_BENCH_CHILD"

// IsChild reports whether this process was started to Serve.
func IsChild() bool { return os.Getenv(ChildEnv) != "" }

// Handler carries out one kind of task.
type Handler func(args json.RawMessage) (any, error)

// Tasks are handlers by the name of the task.
type Tasks map[string]Handler

// Handle makes a Handler of a function with typed argument and result.
func Handle[A, R any](f func(A) (R, error)) Handler {
	return func(raw json.RawMessage) (any, error) {
		var args A
		if err := json.Unmarshal(raw, &args); err != nil {
			return nil, err
		}
		return f(args)
	}
}

type request struct {
	Task string
	Args json.RawMessage
}

type answer struct {
	Result json.RawMessage `json:",omitempty"`
	Error  string          `json:",omitempty"`
}

// Serve carries out the requests it reads from in, one after the other, and
// returns when in ends.
func Serve(in io.Reader, out io.Writer, tasks Tasks) error {
	requests, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var r request
		if err := requests.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := answers.Encode(tasks.do(r)); err != nil {
			return err
		}
	}
}

func (t Tasks) do(r request) answer {
	handle, ok := t[r.Task]
	if !ok {
		return answer{Error: fmt.Sprintf("no task is called %q", r.Task)}
	}
	result, err := handle(r.Args)
	if err != nil {
		return answer{Error: err.Error()}
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Result: raw}
}
