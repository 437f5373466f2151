package tier_test

import (
	"context"
	"errors"
	"fmt"
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

func TestNew(t *testing.T) {
	for name, o := range map[string]tier.Options{
		"Mode":       {Mode: tier.Direct + 1},
		"MaxStale":   {MaxStale: time.Millisecond},
		"MaxStale ":  {MaxStale: -time.Second},
		"Timeout":    {Timeout: -1},
		"MaxValue":   {MaxValue: -1},
		"LocalBytes": {LocalBytes: 3},
	} {
		t.Run("refuses/"+name, func(t *testing.T) {
			_, err := tier.New(func(tier.Listener) (tier.Database, error) {
				t.Error("connected")
				return nil, nil
			}, o)
			require.ErrorIs(t, err, holdfast.ErrOptions)
			require.ErrorContains(t, err, strings.TrimSpace(name))
		})
	}
	inBubble(t, "the error of connect", func(t *testing.T) {
		failed := errors.New("no such host")
		_, err := tier.New(func(tier.Listener) (tier.Database, error) { return nil, failed }, tier.Options{})
		require.Equal(t, failed, err)
	})
	inBubble(t, "notified while connecting", func(t *testing.T) {
		here := newServer().openWith(t, tier.Options{}, func(c *client, l tier.Listener) tier.Database {
			l.Lost()
			l.Changed("a")
			return c
		})
		require.Empty(t, here.get(t, "a"))
	})
	require.Equal(t, "cached verified direct unknown", fmt.Sprint(tier.Cached, " ", tier.Verified, " ", tier.Direct, " ", tier.Mode(9)))
}

func TestClose(t *testing.T) {
	inBubble(t, "later calls", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		require.NoError(t, here.Close())
		require.NoError(t, here.Close())
		here.client.commands()
		for _, call := range []func() error{
			func() error { _, _, err := here.Get(background, "a", holdfast.ReadUse); return err },
			func() error { return here.Set(background, "a", nil, hour) },
			func() error { _, err := here.Touch(background, "a", hour); return err },
			func() error { _, err := here.Touch(background, "a", 0); return err },
			func() error { return here.Update(background, "a", add("2")) },
			func() (err error) {
				for _, err = range here.ScanValues(background, nil) {
				}
				return err
			},
		} {
			require.ErrorIs(t, call(), holdfast.ErrUnavailable)
		}
		here.Watch("a", func() {})()
		here.Changed("a")
		here.Lost()
		require.NotZero(t, here.Now())
		require.Zero(t, here.Stats().Local.Entries)
		time.Sleep(hour)
		require.Empty(t, here.client.commands())
		require.Equal(t, 1, here.client.pulseCount())
	})
	// The database may be closed after the Store.
	inBubble(t, "waits for touches", func(t *testing.T) {
		s := newServer()
		here := s.open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		time.Sleep(hour / 2)
		here.client.with(func(c *client) { c.requestTakes, c.replyTakes = takes(50*time.Millisecond), takes(50*time.Millisecond) })
		require.True(t, here.touch(t, "a", hour))
		synctest.Wait()
		require.LessOrEqual(t, elapsed(func() { require.NoError(t, here.Close()) }), timeout)
		require.GreaterOrEqual(t, s.ends("a"), hour-timeout)
	})
	inBubble(t, "does not wait for a dead database", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		time.Sleep(hour / 2)
		here.client.with(func(c *client) { c.swallows = true })
		require.True(t, here.touch(t, "a", hour))
		require.LessOrEqual(t, elapsed(func() { require.NoError(t, here.Close()) }), timeout)
	})
	inBubble(t, "ends a pulse", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		here.client.with(func(c *client) { c.swallows = true })
		time.Sleep(maxStale/3 + time.Millisecond)
		require.Zero(t, elapsed(func() { require.NoError(t, here.Close()) }))
		require.Empty(t, here.logs.take())
	})
	// The race detector watches.
	t.Run("during everything", func(t *testing.T) {
		for range 5 {
			s := newServer()
			here, there := s.open(t, tier.Options{MaxStale: 10 * time.Millisecond}), s.open(t, tier.Options{})
			var group sync.WaitGroup
			for i := range 8 {
				group.Go(func() {
					for j := range 200 {
						id := fmt.Sprint(j % 3)
						defer here.Watch(id, func() {})()
						_, _, _ = here.Get(background, id, holdfast.ReadMode(j%3))
						_ = here.Update(background, id, add("x"))
						_, _ = here.Touch(background, id, 2*hour)
						_ = there.Update(background, id, func([]byte, bool) (cache.Change, error) { return cache.Remove(), nil })
						_ = here.Set(background, id, []byte("s"), hour)
						_, _ = here.Touch(background, id, time.Minute)
						for range here.ScanValues(background, nil) {
						}
						here.Stats()
						here.Now()
						if i == 0 && j == 100 {
							here.client.lose(true)
						}
						if i == 1 && j == 150 {
							_ = here.Close()
						}
					}
				})
			}
			group.Wait()
			require.NoError(t, here.Close())
			require.Zero(t, here.Stats().Mismatches)
		}
	})
}

// A call whose context ends returns with the context's error.
func TestContext(t *testing.T) {
	for name, call := range map[string]func(ctx context.Context, f *fixture) error{
		"Get": func(ctx context.Context, f *fixture) error {
			_, _, err := f.Get(ctx, "b", holdfast.ReadUse)
			return err
		},
		"Set":    func(ctx context.Context, f *fixture) error { return f.Set(ctx, "b", nil, hour) },
		"Touch":  func(ctx context.Context, f *fixture) error { _, err := f.Touch(ctx, "b", hour); return err },
		"Update": func(ctx context.Context, f *fixture) error { return f.Update(ctx, "b", add("x")) },
		"known":  func(ctx context.Context, f *fixture) error { return f.Update(ctx, "a", add("x")) },
		"ScanValues": func(ctx context.Context, f *fixture) (err error) {
			for _, err = range f.ScanValues(ctx, nil) {
			}
			return err
		},
	} {
		inBubble(t, name, func(t *testing.T) {
			here := newServer().open(t, tier.Options{})
			here.set(t, "a", "1", hour)
			here.client.with(func(c *client) { c.requestTakes = takes(200 * time.Millisecond) })
			ctx, cancel := context.WithTimeout(background, 50*time.Millisecond)
			defer cancel()
			require.Equal(t, 50*time.Millisecond, elapsed(func() {
				err := call(ctx, here)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.NotErrorIs(t, err, holdfast.ErrUnavailable)
			}))
			require.ErrorIs(t, call(ctx, here), context.DeadlineExceeded, "ended before")
			require.False(t, here.Stats().Away, "the database may be well")
			require.Empty(t, here.logs.take())
		})
	}
}
