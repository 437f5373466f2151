package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/examples/internal/browser"
)

func TestRun_stops(t *testing.T) {
	browser.Stops(t, func(stop context.Context, addr string) error { return run(stop, addr, smallCap) })
}

func TestRun_refuses_a_taken_address(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	assert.Error(t, run(t.Context(), taken.Addr().String(), smallCap))
}

func TestRun_refuses_a_cap_too_small(t *testing.T) {
	assert.ErrorIs(t, run(t.Context(), "127.0.0.1:0", 3), cache.ErrInvalid)
}

// The program starts in a process of its own, with every flag.
func TestMain_flags(t *testing.T) {
	line, stop := browser.Program(t, main, "-addr", "127.0.0.1:0", "-max-bytes", "65536")
	hint := regexp.MustCompile(`open (http://127\.0\.0\.1:\d+/), reload the page, and press the button`)
	url := hint.FindStringSubmatch(line)
	require.NotNil(t, url, line)

	page, err := http.Get(url[1])
	require.NoError(t, err)
	defer page.Body.Close()
	html, err := io.ReadAll(page.Body)
	require.NoError(t, err)
	assert.Contains(t, string(html), "of 64.0 KiB at most")
	stop()
}
