package main

import (
	"context"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/examples/internal/browser"
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
	assert.NotContains(t, page.Header, "X-Session", "help reads no session")
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

// start runs the program until the test ends and returns its first log line.
func start(t *testing.T) string {
	t.Helper()
	return browser.FirstLog(t, func() {
		stop, cancel := context.WithCancel(t.Context())
		stopped := make(chan error, 1)
		go func() { stopped <- run(stop, "127.0.0.1:0") }()
		t.Cleanup(func() {
			cancel()
			assert.NoError(t, <-stopped)
		})
	})
}

func shell(t *testing.T, commands string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", commands).Output()
	require.NoError(t, err, commands)
	return string(out)
}
