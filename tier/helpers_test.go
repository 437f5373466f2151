package tier_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

const (
	hour     = time.Hour
	maxStale = time.Second // the default
	timeout  = 250 * time.Millisecond
)

var background = context.Background()

// logs is a Logger's output.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// take returns the lines since the last call.
func (l *logs) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.TrimSuffix(l.text.String(), "\n")
	l.text.Reset()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// fixture is a Store, its client and its log.
type fixture struct {
	*tier.Store
	client *client
	logs   *logs
}

// open returns a Store on the server.
func (s *server) open(t testing.TB, o tier.Options) *fixture {
	t.Helper()
	return s.openWith(t, o, func(c *client, l tier.Listener) tier.Database { return c })
}

// openWith is open with a faulty database or listener in between.
func (s *server) openWith(t testing.TB, o tier.Options, wrap func(*client, tier.Listener) tier.Database) *fixture {
	t.Helper()
	f := &fixture{logs: &logs{}}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(f.logs, nil))
	}
	if o.LocalBytes == 0 {
		o.LocalBytes = 1 << 20
	}
	var err error
	f.Store, err = tier.New(func(l tier.Listener) (tier.Database, error) {
		f.client = s.connect(l)
		return wrap(f.client, l), nil
	}, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

// get reads with ReadUse and returns "" for no entry.
func (f *fixture) get(t testing.TB, id string) string {
	t.Helper()
	return f.read(t, id, holdfast.ReadUse)
}

func (f *fixture) read(t testing.TB, id string, how holdfast.ReadMode) string {
	t.Helper()
	value, found, err := f.Get(background, id, how)
	require.NoError(t, err)
	require.Equal(t, found, value != nil)
	return string(value)
}

func (f *fixture) set(t testing.TB, id, value string, ttl time.Duration) {
	t.Helper()
	require.NoError(t, f.Set(background, id, []byte(value), ttl))
}

func (f *fixture) touch(t testing.TB, id string, ttl time.Duration) bool {
	t.Helper()
	found, err := f.Touch(background, id, ttl)
	require.NoError(t, err)
	return found
}

// change is an Update with one decision for every value.
func (f *fixture) change(c cache.Change, id string) error {
	return f.Update(background, id, func([]byte, bool) (cache.Change, error) { return c, nil })
}

func (f *fixture) put(t testing.TB, id, value string, ttl time.Duration) {
	t.Helper()
	require.NoError(t, f.change(cache.Put([]byte(value), ttl), id))
}

func (f *fixture) remove(t testing.TB, id string) {
	t.Helper()
	require.NoError(t, f.change(cache.Remove(), id))
}

// sends reports the commands that call sends.
func (f *fixture) sends(call func()) []string {
	f.client.commands()
	call()
	synctest.Wait()
	return f.client.commands()
}

// add is an Update's function that appends to the value.
func add(text string) func([]byte, bool) (cache.Change, error) {
	return func(old []byte, _ bool) (cache.Change, error) {
		return cache.Put(append(old, text...), hour), nil
	}
}

// elapsed returns how long call takes.
func elapsed(call func()) time.Duration {
	began := time.Now()
	call()
	return time.Since(began)
}

// inBubble is a subtest with virtual time.
func inBubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// pair returns two Stores on one server.
func pair(t *testing.T, o tier.Options) (s *server, here, there *fixture) {
	t.Helper()
	s = newServer()
	return s, s.open(t, o), s.open(t, o)
}
