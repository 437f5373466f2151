package testserver_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/testserver"
)

func TestPrometheus(t *testing.T) {
	s := testserver.Run(t, testserver.Prometheus, "global:", "  scrape_interval: 17s")
	require.Contains(t, get(t, s.URL()+"/api/v1/status/config"), "scrape_interval: 17s")
	require.NoError(t, s.Restart())
	require.NoError(t, s.Stop())
}

func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, string(text))
	return string(text)
}
