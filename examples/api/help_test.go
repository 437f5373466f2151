package main

import (
	"bytes"
	"context"
	"log"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHelp(t *testing.T) {
	visitor := open(t).Browser()
	text := visitor.Get("/")
	assert.Equal(t, http.StatusOK, text.Status)
	assert.Equal(t, "text/plain; charset=utf-8", text.Header.Get("Content-Type"))
	assert.Contains(t, text.Text, "curl -si http://127.0.0.1:")

	visitor.Header.Set("Accept", "text/html,*/*")
	page := visitor.Get("/")
	assert.Equal(t, "text/html; charset=utf-8", page.Header.Get("Content-Type"))
	assert.Contains(t, page.Text, "<h1>A JSON API without cookies</h1>")
	assert.NotContains(t, page.Header, "X-Session", "help needs no session")
	assert.Equal(t, http.StatusNotFound, visitor.Get("/favicon.ico").Status)
}

func TestRun_prints_commands_that_work(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "sed", "tr"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	printed := start(t)
	url := regexp.MustCompile(`http://[^ ]+/`).FindString(printed)
	commands := shell(t, "curl -s "+url)
	assert.Contains(t, printed, "open "+url+" for commands to try, or begin with\n"+login(url))
	assert.True(t, strings.HasPrefix(commands, login(url)+"\n"), commands)

	answers := shell(t, commands)
	assert.True(t, strings.HasPrefix(answers, "HTTP/1.1 200 OK"), answers)
	assert.Contains(t, answers, `{"name":"ada","since":"`)
	assert.Equal(t, 2, strings.Count(answers, `{"tea":2}`), answers)
	assert.NotContains(t, answers, "error")
}

// start runs the program for the time of a test and returns what it prints.
func start(t *testing.T) string {
	t.Helper()
	before, lines := log.Writer(), make(printed, 10)
	log.SetOutput(lines)
	stop, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- run(stop, "127.0.0.1:0") }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-stopped)
		log.SetOutput(before)
	})
	select {
	case line := <-lines:
		return line
	case <-time.After(20 * time.Second):
		t.Fatal("the server does not start")
		return ""
	}
}

type printed chan string

func (p printed) Write(line []byte) (int, error) {
	p <- string(bytes.TrimSpace(line))
	return len(line), nil
}

func shell(t *testing.T, commands string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", commands).Output()
	require.NoError(t, err, commands)
	return string(out)
}
