package tier_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/tier"
)

// ends returns in how long the database removes the entry.
func (s *server) ends(id string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.live(id)
	if !ok {
		return 0
	}
	return e.deadline.Sub(s.now())
}

// A session that is used each second sends one command in TouchEvery.
func TestTouch_commands(t *testing.T) {
	for _, mode := range []tier.Mode{tier.Cached, tier.Verified, tier.Direct} {
		inBubble(t, mode.String(), func(t *testing.T) {
			s := newServer()
			here := s.open(t, tier.Options{Mode: mode})
			here.set(t, "a", "1", hour)
			touches := 0
			for range 600 {
				time.Sleep(time.Second)
				require.Equal(t, "1", here.get(t, "a"))
				for _, command := range here.sends(func() { require.True(t, here.touch(t, "a", hour)) }) {
					require.Equal(t, "Touch a", command)
					touches++
				}
				require.GreaterOrEqual(t, s.ends("a"), hour, "never early")
				require.LessOrEqual(t, s.ends("a"), hour+time.Minute, "at most TouchEvery late")
			}
			require.InDelta(t, 10, touches, 1)
			stats := here.Stats()
			require.EqualValues(t, touches, stats.Touches)
			require.EqualValues(t, 600-touches, stats.TouchesSaved)
		})
	}
	inBubble(t, "a short TTL", func(t *testing.T) {
		s := newServer()
		here := s.open(t, tier.Options{})
		here.set(t, "a", "1", 20*time.Second)
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			require.True(t, here.touch(t, "a", 20*time.Second))
			here.sends(func() {})
			require.GreaterOrEqual(t, s.ends("a"), 20*time.Second)
			require.LessOrEqual(t, s.ends("a"), 21*time.Second)
		}
		require.InDelta(t, 600/11, here.Stats().Touches, 2)
	})
	inBubble(t, "each", func(t *testing.T) {
		s := newServer()
		here := s.open(t, tier.Options{TouchEvery: -1})
		here.set(t, "a", "1", hour)
		for range 10 {
			time.Sleep(time.Second)
			require.Equal(t, []string{"Touch a"}, here.sends(func() { require.True(t, here.touch(t, "a", hour)) }))
			require.Equal(t, hour, s.ends("a"))
		}
		here.client.with(func(c *client) { c.requestTakes = takes(10 * time.Millisecond) })
		require.Equal(t, 10*time.Millisecond, elapsed(func() { require.True(t, here.touch(t, "a", hour)) }))
	})
	inBubble(t, "of another time", func(t *testing.T) {
		s := newServer()
		here := s.open(t, tier.Options{TouchEvery: 10 * time.Minute})
		here.set(t, "a", "1", 10*hour)
		for range 60 {
			time.Sleep(time.Minute)
			here.touch(t, "a", 10*hour)
			here.sends(func() {})
			require.GreaterOrEqual(t, s.ends("a"), 10*hour)
		}
		require.InDelta(t, 6, here.Stats().Touches, 1)
	})
	// Near the end of the absolute lifetime each touch has a shorter TTL.
	inBubble(t, "a fixed end", func(t *testing.T) {
		s := newServer()
		here := s.open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		here.client.commands()
		end := time.Now().Add(hour)
		for time.Until(end) > time.Second {
			time.Sleep(time.Second)
			rest := time.Until(end)
			require.True(t, here.touch(t, "a", rest))
			require.GreaterOrEqual(t, s.ends("a"), rest)
			require.LessOrEqual(t, s.ends("a"), rest+min(time.Minute, rest/10))
		}
		require.Less(t, len(here.client.commands()), 20)
	})
	inBubble(t, "without a local copy", func(t *testing.T) {
		s, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		time.Sleep(hour / 2)
		require.Equal(t, []string{"Touch a"}, here.sends(func() { require.True(t, here.touch(t, "a", hour)) }))
		require.GreaterOrEqual(t, s.ends("a"), hour)
		require.Equal(t, []string{"Touch b"}, here.sends(func() { require.False(t, here.touch(t, "b", hour)) }))
	})
}

// A touch that shortens is sent at once, and waited for.
func TestTouch_shortens(t *testing.T) {
	for _, test := range []struct{ from, to time.Duration }{
		{hour, time.Second}, {hour, hour / 2}, {time.Minute, 30 * time.Second}, {30 * time.Second, time.Millisecond},
	} {
		inBubble(t, fmt.Sprintf("%v to %v", test.from, test.to), func(t *testing.T) {
			s, here, there := pair(t, tier.Options{})
			here.set(t, "a", "1", test.from)
			require.Equal(t, "1", there.get(t, "a"))
			require.True(t, here.touch(t, "a", test.to))
			require.Equal(t, test.to+min(time.Minute, test.to/20), s.ends("a"))
			time.Sleep(s.ends("a"))
			require.Empty(t, here.get(t, "a"))
			require.Empty(t, there.get(t, "a"))
		})
	}
	inBubble(t, "to nothing", func(t *testing.T) {
		for _, ttl := range []time.Duration{0, -1, -1 << 63} {
			_, here, there := pair(t, tier.Options{})
			here.set(t, "a", "1", hour)
			require.Equal(t, "1", there.get(t, "a"))
			require.False(t, here.touch(t, "a", ttl))
			require.Empty(t, here.get(t, "a"))
			require.Empty(t, there.get(t, "a"))
			require.False(t, there.touch(t, "a", hour))
			require.Empty(t, here.get(t, "a"), "a touch brings nothing back")
		}
	})
}

// A touch that extends never shortens an entry that has a longer TTL.
func TestTouch_extends(t *testing.T) {
	inBubble(t, "touched longer elsewhere", func(t *testing.T) {
		s, here, there := pair(t, tier.Options{})
		here.set(t, "a", "1", hour)
		here.client.delayNotifications(time.Minute)
		there.touch(t, "a", 5*hour)
		time.Sleep(maxStale / 2)
		require.True(t, here.touch(t, "a", 2*hour))
		here.sends(func() {})
		require.Greater(t, s.ends("a"), 4*hour)
	})
	// The other process has given the entry a TTL when it wrote.
	inBubble(t, "written elsewhere", func(t *testing.T) {
		s, here, there := pair(t, tier.Options{})
		here.set(t, "a", "1", hour)
		here.client.delayNotifications(time.Minute)
		there.set(t, "a", "2", time.Minute)
		require.True(t, here.touch(t, "a", 2*hour))
		here.sends(func() {})
		require.LessOrEqual(t, s.ends("a"), 2*time.Minute)
		require.Equal(t, "2", here.get(t, "a"), "the touch has found out that the copy is old")
	})
	inBubble(t, "removed elsewhere", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		here.set(t, "a", "1", hour)
		here.client.delayNotifications(time.Minute)
		there.remove(t, "a")
		require.True(t, here.touch(t, "a", 2*hour), "the store cannot tell")
		here.sends(func() {})
		require.Empty(t, here.get(t, "a"))
		require.Empty(t, there.get(t, "a"))
	})
	// The response does not wait, and other requests send no second command.
	inBubble(t, "once", func(t *testing.T) {
		s := newServer()
		here := s.open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		time.Sleep(10 * time.Minute)
		here.client.with(func(c *client) { c.requestTakes = takes(50 * time.Millisecond) })
		here.client.commands()
		require.Zero(t, elapsed(func() {
			for range 10 {
				require.True(t, here.touch(t, "a", hour))
			}
		}))
		time.Sleep(20 * time.Millisecond)
		require.True(t, here.touch(t, "a", hour))
		time.Sleep(time.Second)
		require.Equal(t, []string{"Touch a"}, here.client.commands())
		require.GreaterOrEqual(t, s.ends("a"), hour)
	})
	inBubble(t, "longer, then shorter", func(t *testing.T) {
		s := newServer()
		here := s.open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		here.client.with(func(c *client) { c.requestTakes = takes(50 * time.Millisecond) })
		require.True(t, here.touch(t, "a", 4*hour))
		time.Sleep(time.Millisecond)
		require.True(t, here.touch(t, "a", hour))
		time.Sleep(time.Second)
		require.LessOrEqual(t, s.ends("a"), hour+time.Minute)
		require.True(t, here.touch(t, "a", 2*hour))
		time.Sleep(time.Second)
		require.GreaterOrEqual(t, s.ends("a"), 2*hour-time.Second)
	})
	inBubble(t, "twice if the second is longer", func(t *testing.T) {
		s := newServer()
		here := s.open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		here.client.with(func(c *client) { c.requestTakes = takes(50 * time.Millisecond) })
		require.True(t, here.touch(t, "a", 2*hour))
		require.True(t, here.touch(t, "a", 4*hour))
		time.Sleep(time.Second)
		require.GreaterOrEqual(t, s.ends("a"), 4*hour-time.Second)
	})
	// A copy whose touch is on its way ends with the entry.
	inBubble(t, "too late", func(t *testing.T) {
		s := newServer()
		s.expiryIsLate = func() time.Duration { return hour }
		here := s.open(t, tier.Options{})
		here.set(t, "a", "1", 20*time.Second)
		time.Sleep(10 * time.Second)
		here.client.with(func(c *client) {
			c.fault = func(name string) fault {
				if name == "Touch a" {
					return requestLost
				}
				return noFault
			}
		})
		require.True(t, here.touch(t, "a", 20*time.Second))
		time.Sleep(11 * time.Second)
		require.Zero(t, s.ends("a"))
		require.Empty(t, here.get(t, "a"))
	})
	// A touch that may come too late waits, so that its answer is true.
	for _, left := range []time.Duration{50, 150, 500, 900, 1100} {
		left *= time.Millisecond
		inBubble(t, fmt.Sprint("in time/", left), func(t *testing.T) {
			s := newServer()
			here := s.open(t, tier.Options{})
			here.set(t, "a", "1", 10*time.Second)
			time.Sleep(s.ends("a") - left)
			here.client.with(func(c *client) { c.requestTakes = takes(100 * time.Millisecond) })
			touched := time.Now()
			found := here.touch(t, "a", 10*time.Second)
			require.Equal(t, left > 100*time.Millisecond, found)
			require.Equal(t, left < time.Second, time.Since(touched) > 0, "it has waited")
			time.Sleep(9 * time.Second)
			require.Equal(t, found, s.ends("a") > 0)
		})
	}
	// The first touch is on its way for long. A later one does not rely on it.
	inBubble(t, "in time, although there is one under way", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		here.set(t, "a", "1", 20*time.Second)
		time.Sleep(10 * time.Second)
		here.client.with(func(c *client) { c.fault = func(string) fault { return requestBroke } })
		require.True(t, here.touch(t, "a", 20*time.Second))
		time.Sleep(10500 * time.Millisecond)
		_, err := here.Touch(background, "a", 20*time.Second)
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
	})
	// A touch that was answered must not be lost with its command.
	for _, way := range []fault{requestBroke, requestLost, replyLost, refused} {
		inBubble(t, fmt.Sprintf("again after the fault %d", way), func(t *testing.T) {
			s := newServer()
			here := s.open(t, tier.Options{})
			here.set(t, "a", "1", hour)
			time.Sleep(hour / 2)
			broken := 3
			here.client.with(func(c *client) {
				c.fault = func(name string) fault {
					if name == "Touch a" && broken > 0 {
						broken--
						return way
					}
					return noFault
				}
			})
			touched := time.Now()
			require.True(t, here.touch(t, "a", hour))
			time.Sleep(timeout + time.Millisecond)
			require.NotEmpty(t, here.client.commands())
			require.Empty(t, here.sends(func() { require.Equal(t, "1", here.get(t, "a"), "the copy stays") }))
			time.Sleep(time.Minute)
			require.GreaterOrEqual(t, s.ends("a"), hour-time.Since(touched))
			require.LessOrEqual(t, s.ends("a"), hour+time.Minute-time.Since(touched))
			require.LessOrEqual(t, len(here.client.commands()), 6)
		})
	}
	// The database comes back just before the entry ends.
	inBubble(t, "again after long", func(t *testing.T) {
		s := newServer()
		here := s.open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		time.Sleep(hour / 2)
		here.client.with(func(c *client) { c.fault = func(string) fault { return requestBroke } })
		require.True(t, here.touch(t, "a", hour))
		time.Sleep(hour/2 - time.Minute)
		require.Less(t, len(here.client.commands()), 30)
		here.client.with(func(c *client) { c.fault = func(string) fault { return noFault } })
		time.Sleep(2 * time.Minute)
		require.Greater(t, s.ends("a"), 20*time.Minute)
	})
	inBubble(t, "not for ever", func(t *testing.T) {
		s := newServer()
		here := s.open(t, tier.Options{})
		here.set(t, "a", "1", time.Minute)
		time.Sleep(30 * time.Second)
		here.client.with(func(c *client) { c.fault = func(string) fault { return requestBroke } })
		require.True(t, here.touch(t, "a", time.Minute))
		time.Sleep(time.Minute)
		require.Zero(t, s.ends("a"))
		here.client.commands()
		time.Sleep(time.Minute)
		require.Empty(t, here.client.commands())
	})
}

// A touch relies on a local copy only if that tells when the entry ends.
func TestTouch_of_an_old_copy(t *testing.T) {
	for _, mode := range []tier.Mode{tier.Cached, tier.Verified, tier.Direct} {
		inBubble(t, mode.String(), func(t *testing.T) {
			s, here, there := pair(t, tier.Options{Mode: mode})
			here.set(t, "a", "1", hour)
			here.client.lose(true)
			require.True(t, there.touch(t, "a", 5*time.Minute))
			time.Sleep(2 * maxStale)
			require.True(t, here.touch(t, "a", hour))
			here.sends(func() {})
			require.GreaterOrEqual(t, s.ends("a"), hour)
			require.Empty(t, here.sends(func() { require.True(t, here.touch(t, "a", hour)) }), "now it tells")
		})
	}
}

// In a database that does not notify, a read tells that the end has changed.
func TestTouch_after_a_read(t *testing.T) {
	inBubble(t, "shortened elsewhere", func(t *testing.T) {
		s := newServer()
		s.silent = true
		here, there := s.open(t, tier.Options{}), s.open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		for _, before := range []time.Duration{0, 10 * time.Minute} {
			time.Sleep(before) // the touch is sent after 10 minutes, and saved at once
			require.Equal(t, "1", here.get(t, "a"))
			require.True(t, here.touch(t, "a", hour))
			here.sends(func() {})
			require.True(t, there.touch(t, "a", 5*time.Minute))
			require.Equal(t, "1", here.get(t, "a"))
			require.True(t, here.touch(t, "a", hour))
			here.sends(func() {})
			require.GreaterOrEqual(t, s.ends("a"), hour)
		}
	})
}

// A touch and a read that cross leave no copy that outlives its entry.
func TestTouch_and_read(t *testing.T) {
	inBubble(t, "shortened here", func(t *testing.T) {
		s, here, there := pair(t, tier.Options{})
		s.expiryIsLate = func() time.Duration { return hour }
		there.set(t, "a", "1", hour)
		here.client.with(func(c *client) { c.replyTakes = takes(20 * time.Millisecond) })
		go here.Get(background, "a", holdfast.ReadUse) // reads the TTL of an hour
		time.Sleep(time.Millisecond)
		require.True(t, here.touch(t, "a", time.Second))
		time.Sleep(2 * time.Second)
		require.Empty(t, here.get(t, "a"))
	})
	inBubble(t, "shortened twice", func(t *testing.T) {
		s, here, there := pair(t, tier.Options{})
		s.expiryIsLate = func() time.Duration { return hour }
		there.set(t, "a", "1", 10*hour)
		require.Equal(t, "1", here.get(t, "a"))
		here.client.with(func(c *client) { c.apart, c.replyTakes = true, takes(20*time.Millisecond) })
		go here.Touch(background, "a", hour)
		time.Sleep(time.Millisecond)
		here.client.with(func(c *client) { c.replyTakes = takes(0) })
		require.True(t, here.touch(t, "a", time.Second)) // its reply overtakes
		time.Sleep(2 * time.Second)
		require.Empty(t, here.get(t, "a"))
	})
	inBubble(t, "shortened elsewhere", func(t *testing.T) {
		s, here, there := pair(t, tier.Options{})
		s.expiryIsLate = func() time.Duration { return hour }
		there.set(t, "a", "1", hour)
		here.client.with(func(c *client) { c.replyTakes = takes(20 * time.Millisecond) })
		go here.Get(background, "a", holdfast.ReadUse)
		time.Sleep(time.Millisecond)
		require.True(t, there.touch(t, "a", time.Second))
		time.Sleep(2 * time.Second)
		require.Empty(t, here.get(t, "a"))
	})
	inBubble(t, "unknown outcome", func(t *testing.T) {
		s := newServer()
		s.expiryIsLate = func() time.Duration { return hour }
		here := s.open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		here.client.with(func(c *client) { c.fault = func(string) fault { return replyBroke } })
		_, err := here.Touch(background, "a", time.Second)
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
		here.client.with(func(c *client) { c.fault = func(string) fault { return noFault } })
		time.Sleep(2 * time.Second)
		require.Empty(t, here.get(t, "a"))
	})
}

func TestTouch_context(t *testing.T) {
	inBubble(t, "ended", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		ctx, cancel := context.WithTimeout(background, 10*time.Millisecond)
		defer cancel()
		here.client.with(func(c *client) { c.requestTakes = takes(time.Second) })
		found, err := here.Touch(ctx, "a", hour)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.False(t, found)
		require.Empty(t, here.logs.take(), "the caller gave up, not the database")
		require.False(t, here.Stats().Away)
	})
}
