package sqlstore_test

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
	"github.com/holdfast-go/holdfast/store/sql/pgxlisten"
)

// watched counts the calls of a function of Watch.
func watched(t *testing.T, s *sqlstore.Store, id string) *atomic.Int64 {
	t.Helper()
	calls := new(atomic.Int64)
	t.Cleanup(s.Watch(id, func() { calls.Add(1) }))
	return calls
}

// listening returns options whose Listen uses pgx, and a channel that receives
// the payloads.
func listening(t *testing.T, url string) (sqlstore.Options, chan string) {
	t.Helper()
	listen, err := pgxlisten.New(url)
	require.NoError(t, err)
	payloads := make(chan string, 100)
	return sqlstore.Options{Listen: func(ctx context.Context, channel string, notified func(string)) error {
		return listen(ctx, channel, func(payload string) {
			notified(payload)
			payloads <- payload
		})
	}}, payloads
}

func receive(t *testing.T, payloads chan string) string {
	t.Helper()
	select {
	case payload := <-payloads:
		return payload
	case <-time.After(patience):
		require.Fail(t, "no notification")
		return ""
	}
}

// A removal by one instance reaches the streams of another. Other writes do
// not, since each NOTIFY costs the server.
func TestListen(t *testing.T) {
	url := postgres(t)
	writer := open(t, openURL(t, url), sqlstore.PostgreSQL, sqlstore.Options{
		Listen: func(ctx context.Context, _ string, _ func(string)) error { <-ctx.Done(); return nil },
	})
	o, payloads := listening(t, url)
	reader := open(t, openURL(t, url), sqlstore.PostgreSQL, o)
	require.Empty(t, receive(t, payloads), "it has begun to listen")

	removals := map[string]func(id string) error{
		"Update": func(id string) error { return remove(writer, id) },
		"Touch": func(id string) error {
			_, err := writer.Touch(background, id, 0)
			return err
		},
	}
	for name, removal := range removals {
		require.NoError(t, writer.Set(background, name, []byte("0"), time.Hour))
		_, err := increment(writer, name)
		require.NoError(t, err)
		_, err = writer.Touch(background, name, 2*time.Hour)
		require.NoError(t, err)
		calls := watched(t, reader, name)
		require.NoError(t, removal(name))
		require.Equal(t, hex.EncodeToString([]byte(name)), receive(t, payloads), "the first notification is the removal")
		soon(t, func() bool { return calls.Load() > 0 })
	}

	// A removal of nothing is none.
	require.NoError(t, remove(writer, "Update"))
	_, err := writer.Touch(background, "Touch", 0)
	require.NoError(t, err)
	require.NoError(t, writer.Set(background, "last", []byte("0"), time.Hour))
	require.NoError(t, remove(writer, "last"))
	require.Equal(t, hex.EncodeToString([]byte("last")), receive(t, payloads))

	// An ID that a notification cannot contain reaches all.
	long := string(slices.Repeat([]byte("x"), cache.MaxIDLen))
	calls := watched(t, reader, "another")
	require.NoError(t, writer.Set(background, long, []byte("0"), time.Hour))
	require.NoError(t, remove(writer, long))
	require.Empty(t, receive(t, payloads))
	soon(t, func() bool { return calls.Load() > 0 })
}

// After a lost connection the streams look for themselves, since notifications
// may be missing.
func TestListen_reconnects(t *testing.T) {
	url := postgres(t)
	db := openURL(t, url)
	o, payloads := listening(t, url+"&application_name=listener")
	s := open(t, db, sqlstore.PostgreSQL, o)
	for range 2 {
		require.Empty(t, receive(t, payloads))
		calls := watched(t, s, "a")
		require.NoError(t, s.Set(background, "a", []byte("0"), time.Hour))
		require.NoError(t, remove(s, "a"))
		require.Equal(t, hex.EncodeToString([]byte("a")), receive(t, payloads))
		before := calls.Load()
		stat(t, db, "SELECT pg_terminate_backend(pid)::int FROM pg_stat_activity WHERE application_name = 'listener'")
		soon(t, func() bool { return calls.Load() > before })
	}
	require.Empty(t, receive(t, payloads))
	require.NoError(t, s.Close(), "it ends Listen")
	soon(t, func() bool {
		return stat(t, db, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'listener'") == 0
	})
}

// Without Listen nobody is notified.
func TestListen_off(t *testing.T) {
	url := postgres(t)
	listen, err := pgxlisten.New(url)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	payloads, done := make(chan string, 10), make(chan error)
	go func() { done <- listen(ctx, "holdfast_sessions", func(payload string) { payloads <- payload }) }()
	require.Empty(t, receive(t, payloads))

	db := openURL(t, url)
	s := open(t, db, sqlstore.PostgreSQL, sqlstore.Options{})
	require.NoError(t, s.Set(background, "a", []byte("0"), time.Hour))
	require.NoError(t, remove(s, "a"))
	_, err = db.Exec("SELECT pg_notify('holdfast_sessions', 'end')")
	require.NoError(t, err)
	require.Equal(t, "end", receive(t, payloads))
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

// A Listen that fails is called again, and does not disturb the Store.
func TestListen_fails(t *testing.T) {
	calls := new(atomic.Int64)
	s := open(t, openURL(t, postgres(t)), sqlstore.PostgreSQL, sqlstore.Options{
		Listen: func(context.Context, string, func(string)) error {
			calls.Add(1)
			return errors.New("no")
		},
	})
	require.NoError(t, s.Set(background, "a", []byte("0"), time.Hour))
	soon(t, func() bool { return calls.Load() >= 2 })
}

func TestListen_connection_string(t *testing.T) {
	_, err := pgxlisten.New("postgres://user:secret@host:port/")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
}
