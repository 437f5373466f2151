package tier_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/tier"
)

// These tests let commands and notifications cross. In each, an older value
// arrives last.

// begin runs call in a goroutine, and returns once its command is on its way.
func (f *fixture) begin(call func()) {
	go call()
	synctest.Wait()
}

// slowReplies delays the replies to commands that are sent during call.
func (f *fixture) slowReplies(d time.Duration, call func()) {
	f.client.with(func(c *client) { c.replyTakes = takes(d) })
	f.begin(call)
	f.client.with(func(c *client) { c.replyTakes = takes(0) })
}

func TestLeases(t *testing.T) {
	read := func(t *testing.T, f *fixture, want string) func() {
		return func() {
			value, _, err := f.Get(background, "a", holdfast.ReadFresh)
			if err != nil || string(value) != want {
				t.Errorf("got %q and %v, want %q", value, err, want)
			}
		}
	}
	// settled reports that the copy, if there is one, is the entry.
	settled := func(t *testing.T, f *fixture, want string) {
		time.Sleep(maxStale / 2)
		synctest.Wait()
		require.Equal(t, want, f.get(t, "a"))
	}

	inBubble(t, "a read and a notification", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		here.slowReplies(10*time.Millisecond, read(t, here, "1"))
		there.set(t, "a", "2", hour)
		settled(t, here, "2")
		require.NotZero(t, here.Stats().Voided)
	})
	inBubble(t, "a read and an own write", func(t *testing.T) {
		for _, way := range []string{"Set", "Update", "Remove"} {
			_, here, there := pair(t, tier.Options{})
			there.set(t, "a", "1", hour)
			here.client.with(func(c *client) { c.apart = true })
			here.slowReplies(10*time.Millisecond, read(t, here, "1"))
			switch way {
			case "Set":
				here.set(t, "a", "2", hour)
				settled(t, here, "2")
			case "Update":
				here.put(t, "a", "2", hour)
				settled(t, here, "2")
			default:
				here.remove(t, "a")
				settled(t, here, "")
			}
		}
	})
	inBubble(t, "a read during an own write", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		here.client.with(func(c *client) { c.apart, c.requestTakes = true, takes(10*time.Millisecond) })
		here.begin(func() { here.set(t, "a", "2", hour) })
		here.client.with(func(c *client) { c.requestTakes = takes(0) })
		require.Equal(t, "1", here.read(t, "a", holdfast.ReadFresh), "the write has not arrived yet")
		settled(t, here, "2")
	})
	inBubble(t, "two own writes", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		here.client.with(func(c *client) { c.apart = true })
		here.slowReplies(10*time.Millisecond, func() { here.set(t, "a", "1", hour) })
		here.set(t, "a", "2", hour)
		settled(t, here, "2")
		require.Equal(t, "2", there.get(t, "a"))
	})
	inBubble(t, "an own write and a notification", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		here.slowReplies(10*time.Millisecond, func() { here.set(t, "a", "1", hour) })
		there.set(t, "a", "2", hour)
		settled(t, here, "2")
	})
	inBubble(t, "an own write of unknown outcome", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		here.slowReplies(10*time.Millisecond, read(t, here, "1"))
		here.client.with(func(c *client) { c.fault = func(string) fault { return replyBroke } })
		require.Error(t, here.Set(background, "a", []byte("2"), hour))
		here.client.with(func(c *client) { c.fault = func(string) fault { return noFault } })
		settled(t, here, "2")
	})
	// The caller has given up, and the write arrives after a later read.
	inBubble(t, "a late own write", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		here.client.with(func(c *client) { c.apart, c.requestTakes = true, takes(timeout+10*time.Millisecond) })
		require.ErrorIs(t, here.Set(background, "a", []byte("2"), hour), holdfast.ErrUnavailable)
		here.client.with(func(c *client) { c.requestTakes = takes(0) })
		time.Sleep(time.Millisecond)
		require.Equal(t, "1", there.get(t, "a"), "it has not arrived yet")
		settled(t, here, "2")
	})
	inBubble(t, "a conflict and a notification", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		here.get(t, "a")
		here.client.with(func(c *client) { c.requestTakes, c.apart = takes(10*time.Millisecond), true })
		here.begin(func() { _ = here.Update(background, "a", add("!")) })
		there.set(t, "a", "2", hour)
		time.Sleep(10 * time.Millisecond)
		there.set(t, "a", "3", hour)
		time.Sleep(20 * time.Millisecond)
		settled(t, here, "3!")
	})
	// The reply that overtakes is the newer one, and no notification has come.
	inBubble(t, "two reads", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		here.client.delayNotifications(maxStale / 2)
		here.slowReplies(10*time.Millisecond, read(t, here, "1"))
		there.set(t, "a", "2", hour)
		read(t, here, "2")()
		time.Sleep(20 * time.Millisecond)
		require.Equal(t, "2", here.get(t, "a"), "a read goes back in time")
	})
	inBubble(t, "two reads, the older first", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		here.client.delayNotifications(maxStale / 2)
		here.slowReplies(5*time.Millisecond, read(t, here, "1"))
		there.set(t, "a", "2", hour)
		here.slowReplies(10*time.Millisecond, read(t, here, "2"))
		time.Sleep(20 * time.Millisecond)
		require.Equal(t, "2", here.get(t, "a"), "a read goes back in time")
	})
	inBubble(t, "equal reads leave a copy", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		for range 5 {
			here.slowReplies(10*time.Millisecond, read(t, here, "1"))
		}
		time.Sleep(20 * time.Millisecond)
		require.Empty(t, here.sends(func() { require.Equal(t, "1", here.get(t, "a")) }))
	})
	// A reply of a connection that is lost is no copy for the next connection.
	inBubble(t, "a read and a lost connection", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		here.slowReplies(10*time.Millisecond, read(t, here, "1"))
		here.Lost()
		here.client.with(func(c *client) { clear(c.conn.interest) })
		there.set(t, "a", "2", hour)
		settled(t, here, "2")
	})
	inBubble(t, "a write and a lost connection", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		here.slowReplies(10*time.Millisecond, func() { here.set(t, "a", "1", hour) })
		here.Lost()
		here.client.with(func(c *client) { clear(c.conn.interest) })
		there.set(t, "a", "2", hour)
		settled(t, here, "2")
	})
	inBubble(t, "a sign of life and a lost connection", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		require.Equal(t, "1", here.get(t, "a"))
		here.client.with(func(c *client) { c.replyTakes = takes(100 * time.Millisecond) })
		time.Sleep(maxStale/3 + 50*time.Millisecond) // a pulse is on its way
		here.client.lose(true)
		there.set(t, "a", "2", hour)
		require.Equal(t, "2", here.get(t, "a"))
	})
}
