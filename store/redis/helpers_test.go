package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/faultproxy"
	"github.com/holdfast-go/holdfast/internal/record"
	"github.com/holdfast-go/holdfast/internal/testserver"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
	"github.com/holdfast-go/holdfast/tier"
)

// patience bounds the waits of tests. It is long enough for a busy machine.
const patience = 20 * time.Second

// Tests often wait, so more of them run at once than there are processors. A
// flag overrides this.
func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", strconv.Itoa(1+runtime.GOMAXPROCS(0)))
	m.Run()
}

var kinds = []testserver.Kind{testserver.Redis, testserver.Valkey}

// each runs a test on a server of each kind. lines are further lines of its
// configuration.
func each(t *testing.T, test func(t *testing.T, server *testserver.Server), lines ...string) {
	t.Helper()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) { test(t, testserver.Run(t, kind, lines...)) })
	}
}

// eachMode runs a test on a server of each kind, in each mode.
func eachMode(t *testing.T, test func(t *testing.T, server *testserver.Server, mode tier.Mode)) {
	t.Helper()
	each(t, func(t *testing.T, server *testserver.Server) { modes(t, server, test) })
}

// eachModeAtOnce is eachMode for a long test: the servers are used at once.
func eachModeAtOnce(t *testing.T, test func(t *testing.T, server *testserver.Server, mode tier.Mode)) {
	t.Helper()
	each(t, func(t *testing.T, server *testserver.Server) {
		t.Parallel()
		modes(t, server, test)
	})
}

func modes(t *testing.T, server *testserver.Server, test func(t *testing.T, server *testserver.Server, mode tier.Mode)) {
	for _, mode := range []tier.Mode{tier.Cached, tier.Verified, tier.Direct} {
		t.Run(mode.String(), func(t *testing.T) {
			do(t, server, "FLUSHALL")
			test(t, server, mode)
		})
	}
}

// open returns a store that is connected to addr. It is closed at the end of
// the test.
func open(t testing.TB, addr string, changes ...func(*redisstore.Options)) *redisstore.Store {
	t.Helper()
	s, err := redisstore.New(options(addr, append([]func(*redisstore.Options){check}, changes...)...))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func options(addr string, changes ...func(*redisstore.Options)) redisstore.Options {
	o := redisstore.Options{URL: "redis://" + addr}
	slowly(&o)
	o.Tier.Logger = slog.New(slog.DiscardHandler)
	for _, change := range changes {
		change(&o)
	}
	return o
}

func check(o *redisstore.Options) { o.Check = true }

// slowly suits tests in which few calls may fail: a server of a busy machine may
// answer later than the default.
func slowly(o *redisstore.Options) { o.Tier.Timeout = 2 * time.Second }

// promptly suits tests in which calls are to fail: it is the default, 250 ms.
func promptly(o *redisstore.Options) { o.Tier.Timeout = 0 }

// patient suits tests on a busy machine that need no timeout.
func patient(o *redisstore.Options) { o.Tier.Timeout = patience }

func in(mode tier.Mode) func(*redisstore.Options) {
	return func(o *redisstore.Options) { o.Tier.Mode = mode }
}

// as sets a user and a password.
func as(user, password string) func(*redisstore.Options) {
	return func(o *redisstore.Options) {
		at, _ := url.Parse(o.URL)
		at.User = url.UserPassword(user, password)
		o.URL = at.String()
	}
}

// logs collects log lines.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logs) option(o *redisstore.Options) { o.Tier.Logger = slog.New(slog.NewTextHandler(l, nil)) }

func proxyTo(t testing.TB, addr string) *faultproxy.Proxy {
	t.Helper()
	p, err := faultproxy.New(addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// do sends a command to the server, as an administrator.
func do(t testing.TB, server *testserver.Server, args ...string) any {
	t.Helper()
	reply, err := server.Do(args...)
	require.NoError(t, err)
	return reply
}

// within returns a context that ends after d.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// returnsWithin fails the test if call takes longer than d.
func returnsWithin(t testing.TB, d time.Duration, call func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		call()
	}()
	select {
	case <-done:
	case <-time.After(d):
		t.Fatalf("the call has not returned after %v", d)
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, condition func() bool, message ...any) {
	t.Helper()
	require.Eventually(t, condition, patience, 2*time.Millisecond, message...)
}

// answered fails the test if f returns an error. On a busy machine a server may
// answer too late. Then answered calls f again.
func answered(t testing.TB, f func() error) {
	t.Helper()
	err := f()
	for n := 0; n < 20 && err != nil && strings.Contains(err.Error(), "no answer within"); n++ {
		time.Sleep(50 * time.Millisecond)
		err = f()
	}
	require.NoError(t, err)
}

// The operations below fail the test on an error, as answered does.

func set(t testing.TB, s holdfast.Store, id, value string) {
	t.Helper()
	answered(t, func() error { return s.Set(t.Context(), id, []byte(value), time.Hour) })
}

// get returns the value under id as the mode says, or "none".
func get(t testing.TB, s holdfast.Store, id string, how holdfast.ReadMode) string {
	t.Helper()
	var value []byte
	var found bool
	answered(t, func() (err error) { value, found, err = s.Get(t.Context(), id, how); return err })
	if !found {
		return "none"
	}
	return string(value)
}

func remove(t testing.TB, s holdfast.Store, id string) {
	t.Helper()
	answered(t, func() error {
		return s.Update(t.Context(), id, func([]byte, bool) (cache.Change, error) { return cache.Remove(), nil })
	})
}

type change = cache.Change

var keep = cache.Keep()

func isUnavailable(err error) bool { return errors.Is(err, holdfast.ErrUnavailable) }

// number of a counter; 0 if there is none.
func number(value string) int {
	n, _ := strconv.Atoi(value)
	return n
}

// increment is a function for Update that counts. No entry counts as 0.
func increment(old []byte, _ bool) (cache.Change, error) {
	n, _ := strconv.Atoi(string(old))
	return cache.Put([]byte(strconv.Itoa(n+1)), time.Hour), nil
}

// record of a session of the user.
func recordOf(user string) []byte {
	return record.Encode(record.NewNamespace("test"), record.Record{Created: 1, User: []byte(user)}, nil)
}

func tagOf(user string) []byte {
	tag, _ := holdfast.UserTag(recordOf(user))
	return tag
}

// listed returns the IDs that a listing of the user's sessions finds.
func listed(t testing.TB, s holdfast.Store, user string) (ids []string) {
	t.Helper()
	for entry, err := range s.ScanValues(t.Context(), tagOf(user)) {
		require.NoError(t, err)
		ids = append(ids, entry.ID)
	}
	return ids
}

// long returns n, multiplied by HOLDFAST_LONG if that is set.
func long(n int) int {
	if times, err := strconv.Atoi(os.Getenv("HOLDFAST_LONG")); err == nil {
		return n * times
	}
	return n
}

// milliseconds asks the server for a number such as PTTL.
func milliseconds(t testing.TB, server *testserver.Server, args ...string) int64 {
	t.Helper()
	switch reply := do(t, server, args...).(type) {
	case int64:
		return reply
	case string:
		f, err := strconv.ParseFloat(reply, 64)
		require.NoError(t, err)
		return int64(f)
	default:
		require.Fail(t, "no number", fmt.Sprint(args[0], reply))
		return 0
	}
}

// disturb causes one fault after the other, until stop is called. The network
// is healthy after that, and between two faults, for up to healthy.
func disturb(p *faultproxy.Proxy, healthy time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			direction := faultproxy.Direction(rand.IntN(2))
			switch rand.IntN(4) {
			case 0:
				p.Cut()
			case 1:
				p.Swallow(direction, true)
				time.Sleep(rand.N(80 * time.Millisecond))
				p.Swallow(direction, false)
				p.Cut() // a connection that has lost bytes stays silent
			case 2:
				p.Delay(direction, rand.N(80*time.Millisecond))
				time.Sleep(rand.N(80 * time.Millisecond))
				p.Delay(direction, 0)
			case 3:
				p.HalfClose(direction)
			}
			time.Sleep(rand.N(healthy))
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
