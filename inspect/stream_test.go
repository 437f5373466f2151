package inspect_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The first event has all parts, the next ones those that have changed.
func TestStream(t *testing.T) {
	s := newSite(t, nil)
	answer, next, _ := s.stream()
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	require.Equal(t, "no-store", answer.Header.Get("Cache-Control"))

	var all, changed map[string]string
	data, ok := next()
	require.True(t, ok)
	require.NoError(t, json.Unmarshal([]byte(data), &all))
	for _, id := range []string{"verdict", "figures", "memory", "lookups", "evictions", "events"} {
		require.NotEmpty(t, all[id], id)
	}

	s.login("ada")
	for changed["events"] == "" {
		data, ok = next()
		require.True(t, ok)
		require.NoError(t, json.Unmarshal([]byte(data), &changed))
	}
	require.Contains(t, changed["events"], `Logins</th><td>1</td>`)
	require.NotContains(t, changed, "verdict", "it says the same")
	require.NotContains(t, changed, "curve")
}

// At most 16 viewers have live updates. A viewer who leaves makes room.
func TestStream_viewers_are_bounded(t *testing.T) {
	s := newSite(t, nil)
	var leave func()
	for range 16 {
		answer, next, stop := s.stream()
		require.Equal(t, http.StatusOK, answer.StatusCode)
		_, ok := next()
		require.True(t, ok)
		leave = stop
	}
	answer, _, _ := s.stream()
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.NotEmpty(t, answer.Header.Get("Retry-After"))
	page, _ := s.get("")
	require.Equal(t, http.StatusOK, page.StatusCode, "the page itself can be read")

	leave()
	require.Eventually(t, func() bool {
		answer, _, stop := s.stream()
		if answer.StatusCode != http.StatusOK {
			stop()
		}
		return answer.StatusCode == http.StatusOK
	}, patience, 10*time.Millisecond)
}

// deadlines is a ResponseWriter that notes the write deadlines, and whose
// client reads nothing after the first event.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetWriteDeadline(at time.Time) error { d.set = append(d.set, at); return nil }
func (d *deadlines) Write(p []byte) (int, error) {
	if len(d.set) > 1 {
		return 0, http.ErrHandlerTimeout
	}
	return d.ResponseRecorder.Write(p)
}

// Each write has a deadline, and a client that does not read ends its stream.
func TestStream_write_deadlines(t *testing.T) {
	s := newSite(t, nil)
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	began := time.Now()
	s.page.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/stream", nil))
	require.Len(t, w.set, 2)
	require.WithinRange(t, w.set[0], began.Add(time.Second), began.Add(time.Minute))
	require.True(t, w.set[1].After(w.set[0]))
	require.True(t, w.Flushed)
}
