package tier_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/tier"
)

func TestWatch(t *testing.T) {
	// watch counts the calls.
	watch := func(f *fixture, id string) (calls *atomic.Int64, stop func()) {
		calls = new(atomic.Int64)
		return calls, f.Watch(id, func() { calls.Add(1) })
	}

	for name, change := range map[string]func(t *testing.T, f *fixture){
		"Set":        func(t *testing.T, f *fixture) { f.set(t, "a", "2", hour) },
		"Put":        func(t *testing.T, f *fixture) { f.put(t, "a", "2", hour) },
		"Remove":     func(t *testing.T, f *fixture) { f.remove(t, "a") },
		"Touch to 0": func(t *testing.T, f *fixture) { f.touch(t, "a", 0) },
	} {
		inBubble(t, name, func(t *testing.T) {
			_, here, there := pair(t, tier.Options{})
			there.set(t, "a", "1", hour)
			there.set(t, "b", "1", hour)
			for _, f := range []*fixture{here, there} {
				calls, stop := watch(here, "a")
				other, stopOther := watch(here, "b")
				second, stopSecond := watch(here, "a")
				here.set(t, "a", "1", hour)
				here.get(t, "b")
				calls.Store(0)
				second.Store(0)
				change(t, f)
				require.EqualValues(t, 1, calls.Load())
				require.EqualValues(t, 1, second.Load())
				require.Zero(t, other.Load())
				stopSecond()
				here.get(t, "a")
				there.set(t, "a", "3", hour)
				require.EqualValues(t, 2, calls.Load())
				require.EqualValues(t, 1, second.Load())
				stop()
				stop()
				stopOther()
				here.get(t, "a")
				there.set(t, "a", "4", hour)
				require.EqualValues(t, 2, calls.Load())
			}
		})
	}
	inBubble(t, "touches that find no entry", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		calls, stop := watch(here, "a")
		defer stop()
		require.False(t, here.touch(t, "a", hour))
		require.EqualValues(t, 1, calls.Load())
		here.set(t, "a", "1", hour)
		calls.Store(0)
		here.client.delayNotifications(time.Minute)
		there.remove(t, "a")
		require.True(t, here.touch(t, "a", 2*hour))
		synctest.Wait()
		require.EqualValues(t, 1, calls.Load())
	})
	inBubble(t, "an own write of unknown outcome", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		calls, stop := watch(here, "a")
		defer stop()
		here.client.with(func(c *client) { c.fault = func(string) fault { return replyBroke } })
		require.Error(t, here.Set(background, "a", nil, hour))
		require.EqualValues(t, 1, calls.Load())
	})
	inBubble(t, "reads and saved touches are no changes", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		calls, stop := watch(here, "a")
		defer stop()
		here.get(t, "a")
		here.read(t, "a", holdfast.ReadFresh)
		here.touch(t, "a", hour)
		require.Zero(t, calls.Load())
	})
	inBubble(t, "an expiry", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", time.Minute)
		calls, stop := watch(here, "a")
		defer stop()
		here.get(t, "a")
		time.Sleep(2 * time.Minute)
		require.EqualValues(t, 1, calls.Load())
	})
	// After a loss each watcher is called twice: at once, and when the entry
	// can be read again.
	inBubble(t, "a lost connection", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		calls, stop := watch(here, "a")
		defer stop()
		here.client.with(func(c *client) { c.down = true })
		here.client.lose(true)
		require.EqualValues(t, 1, calls.Load())
		time.Sleep(2 * maxStale)
		require.EqualValues(t, 1, calls.Load())
		there.set(t, "a", "2", hour)
		here.client.with(func(c *client) { c.down = false })
		time.Sleep(maxStale)
		require.EqualValues(t, 2, calls.Load())
		require.Equal(t, "2", here.get(t, "a"))
		time.Sleep(10 * maxStale)
		require.EqualValues(t, 2, calls.Load())
	})
	// After stop has returned, changed is not running.
	t.Run("stop waits", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		entered, leave, stopped := make(chan struct{}), make(chan struct{}), make(chan struct{})
		stop := here.Watch("a", func() {
			close(entered)
			<-leave
		})
		go here.Changed("a")
		<-entered
		go func() {
			stop()
			close(stopped)
		}()
		select {
		case <-stopped:
			t.Error("stop has returned while changed runs")
		case <-time.After(20 * time.Millisecond):
		}
		close(leave)
		<-stopped
		here.Changed("a") // would close a closed channel
	})
	inBubble(t, "everything at once", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 200 {
					stop := here.Watch("a", func() {})
					here.Changed("a")
					here.Lost()
					stop()
				}
			})
		}
		group.Wait()
	})
}
