package tier

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

func TestInstant(t *testing.T) {
	require.Equal(t, instant(3), instant(1).plus(2))
	require.Equal(t, instant(-1), instant(1).plus(-2))
	require.Equal(t, instant(1), instant(1).plus(0))
	require.Equal(t, instant(math.MinInt64+1), instant(1).plus(math.MinInt64))
	for _, i := range []instant{0, 1, never} {
		require.Equal(t, never, i.plus(cache.NoExpiry))
	}
	require.Equal(t, never, instant(2).plus(cache.NoExpiry-1))
	require.Equal(t, never-1, instant(1).plus(cache.NoExpiry-2))

	require.Equal(t, time.Duration(2), instant(3).after(1))
	require.Equal(t, time.Duration(-2), instant(1).after(3))
	require.Equal(t, cache.NoExpiry, never.after(1))
}

func TestCopy_encoding(t *testing.T) {
	want := localCopy{math.MaxUint64, 1 << 63, -1, never, 5, []byte("value")}
	require.Equal(t, want, parseCopy(want.appendTo(nil)))
}

// stub answers every command with nothing.
type stub struct {
	Database
	reads, touches atomic.Int64
}

func (d *stub) Touch(context.Context, string, Version, time.Duration, bool) (bool, error) {
	d.touches.Add(1)
	time.Sleep(time.Millisecond)
	return true, nil
}

func (d *stub) Read(context.Context, string, Version) (Item, error) {
	d.reads.Add(1)
	return Item{}, nil
}

func (d *stub) Pulse(context.Context) (Pulse, error) { return Pulse{Notifies: true}, nil }

// A copy answers no read after its deadline, even if the local cache still has
// it: a goroutine may pause between its look at the clock and the store.
func TestCopy_deadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		database := &stub{}
		s, err := New(func(Listener) (Database, error) { return database, nil }, Options{LocalBytes: 1 << 20})
		require.NoError(t, err)
		defer s.Close()
		for reads, deadline := range []instant{s.now() + 1, s.now()} {
			c := localCopy{version: 1, epoch: s.epoch.Load(), deadline: deadline}
			require.NoError(t, s.local.Set("a", c.appendTo(nil), time.Hour))
			_, _, err = s.Get(t.Context(), "a", holdfast.ReadUse)
			require.NoError(t, err)
			require.EqualValues(t, reads, database.reads.Load())
		}
	})
}

// Two requests that have both read the copy before send one touch.
func TestTouch_at_one_time(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		database := &stub{}
		s, err := New(func(Listener) (Database, error) { return database, nil }, Options{LocalBytes: 1 << 20})
		require.NoError(t, err)
		defer s.Close()
		c := localCopy{version: 1, deadline: s.now().plus(time.Minute)}
		s.keep("a", c)
		for range 2 {
			s.extendLater("a", c, s.now().plus(time.Hour), time.Hour)
		}
		time.Sleep(time.Second)
		require.EqualValues(t, 1, database.touches.Load())
	})
}

// Leases and watchers leave nothing behind.
func TestNothingIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(func(Listener) (Database, error) { return &stub{}, nil }, Options{LocalBytes: 1 << 20})
		require.NoError(t, err)
		defer s.Close()
		first, second := s.Watch("a", func() {}), s.Watch("a", func() {})
		_, _, err = s.Get(t.Context(), "a", holdfast.ReadUse)
		require.NoError(t, err)
		_, err = s.Touch(t.Context(), "a", time.Hour)
		require.NoError(t, err)
		require.Panics(t, func() { _ = s.Set(t.Context(), "a", nil, time.Hour) }, "the stub has no Set")
		s.Changed("a")
		first()
		second()
		second()
		require.Zero(t, s.watchers.number.Load())
		require.Empty(t, s.watchers.byID)
		for i := range s.leases.stripe {
			require.Empty(t, s.leases.stripe[i].taken)
		}
	})
}
