package tier_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/tier"
)

// Now is the database's time, however wrong this process's clock is.
func TestNow(t *testing.T) {
	inBubble(t, "an hour apart", func(t *testing.T) {
		for _, ahead := range []time.Duration{hour, -hour, 0} {
			s := newServer()
			s.clock = ahead
			here, there := s.open(t, tier.Options{}), s.open(t, tier.Options{})
			require.Equal(t, time.Now().Add(ahead).UnixNano(), here.Now().UnixNano())
			time.Sleep(hour)
			require.Equal(t, time.Now().Add(ahead).UnixNano(), here.Now().UnixNano())
			require.Equal(t, here.Now(), there.Now())
		}
	})
	inBubble(t, "unknown at first", func(t *testing.T) {
		s := newServer()
		s.clock = hour
		here := s.openWith(t, tier.Options{}, func(c *client, _ tier.Listener) tier.Database {
			c.down, c.conn = true, nil
			return c
		})
		require.Equal(t, time.Now().UnixNano(), here.Now().UnixNano())
		here.client.with(func(c *client) { c.down = false })
		time.Sleep(maxStale)
		require.Equal(t, time.Now().Add(hour).UnixNano(), here.Now().UnixNano())
	})
	inBubble(t, "not told", func(t *testing.T) {
		s := newServer()
		here := s.openWith(t, tier.Options{}, func(c *client, _ tier.Listener) tier.Database {
			c.stamp = func(time.Time) time.Time { return time.Time{} }
			return c
		})
		require.Equal(t, time.Now().UnixNano(), here.Now().UnixNano())
	})
	inBubble(t, "a jump", func(t *testing.T) {
		s := newServer()
		here := s.open(t, tier.Options{})
		for _, ahead := range []time.Duration{hour, -hour, 50 * time.Millisecond} {
			s.jump(ahead)
			time.Sleep(maxStale)
			require.InDelta(t, time.Now().Add(ahead).UnixNano(), here.Now().UnixNano(), float64(100*time.Millisecond))
		}
	})
	// The answer's delay says nothing about the clocks.
	inBubble(t, "slow answers", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		for _, slow := range []func(*client){
			func(c *client) { c.requestTakes, c.replyTakes = takes(240*time.Millisecond), takes(0) },
			func(c *client) { c.requestTakes, c.replyTakes = takes(0), takes(240*time.Millisecond) },
		} {
			here.client.with(slow)
			for range 100 {
				time.Sleep(maxStale / 10)
				require.Equal(t, time.Now().UnixNano(), here.Now().UnixNano())
			}
		}
	})
}

// If the database's clock jumps, its entries end at other times than their
// copies.
func TestClockJump(t *testing.T) {
	inBubble(t, "ends the copies", func(t *testing.T) {
		s, here, there := pair(t, tier.Options{})
		s.expiryIsLate = func() time.Duration { return 100 * hour }
		there.set(t, "a", "1", hour)
		require.Equal(t, "1", here.get(t, "a"))
		s.jump(2 * hour)
		time.Sleep(maxStale)
		require.Empty(t, there.read(t, "a", holdfast.ReadFresh))
		require.Empty(t, here.get(t, "a"))
	})
	inBubble(t, "a touch learns the new end", func(t *testing.T) {
		s, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		require.Equal(t, "1", here.get(t, "a"))
		s.jump(hour / 2)
		time.Sleep(2 * maxStale)
		require.True(t, here.touch(t, "a", hour))
		here.sends(func() {})
		require.GreaterOrEqual(t, s.ends("a"), hour)
	})
}

func TestPulses(t *testing.T) {
	for _, test := range []struct {
		maxStale time.Duration
		in10s    int
	}{{time.Second, 30}, {10 * time.Millisecond, 3000}, {hour, 10}} {
		inBubble(t, test.maxStale.String(), func(t *testing.T) {
			here := newServer().open(t, tier.Options{MaxStale: test.maxStale})
			time.Sleep(10 * time.Second)
			require.InDelta(t, test.in10s, here.client.pulseCount(), 2)
		})
	}
}

// If the database does not answer, calls fail at once until it does.
func TestAway(t *testing.T) {
	get := func(t *testing.T, f *fixture, want error) time.Duration {
		return elapsed(func() {
			_, found, err := f.Get(background, "other", holdfast.ReadUse)
			require.False(t, found)
			require.ErrorIs(t, err, want)
		})
	}
	for _, maxStale := range []time.Duration{10 * time.Millisecond, time.Second, hour} {
		for name, fail := range map[string]func(c *client){
			"swallows": func(c *client) { c.with(func(c *client) { c.swallows = true }) },
			"down":     func(c *client) { c.with(func(c *client) { c.down = true }); c.lose(true) },
		} {
			inBubble(t, name+"/"+maxStale.String(), func(t *testing.T) {
				here := newServer().open(t, tier.Options{MaxStale: maxStale})
				here.set(t, "secret-id", "secret-value", hour)
				fail(here.client)
				require.LessOrEqual(t, get(t, here, holdfast.ErrUnavailable), 2*timeout)
				time.Sleep(2 * time.Second)
				require.True(t, here.Stats().Away)
				here.client.commands()
				for range 100 {
					require.Zero(t, get(t, here, holdfast.ErrUnavailable))
					require.Zero(t, elapsed(func() {
						require.ErrorIs(t, here.Set(background, "secret-id", []byte("secret-value"), hour), holdfast.ErrUnavailable)
					}))
					time.Sleep(time.Second)
				}
				require.Empty(t, here.client.commands())
				require.NotZero(t, here.Stats().Unavailable)
				lines := here.logs.take()
				require.Len(t, lines, 1)
				require.NotContains(t, lines[0], "secret")
				require.Contains(t, lines[0], "level=ERROR")

				here.client.with(func(c *client) { c.down = false })
				here.client.heal()
				time.Sleep(2 * time.Second)
				require.Zero(t, get(t, here, nil))
				require.False(t, here.Stats().Away)
				lines = here.logs.take()
				require.Len(t, lines, 1)
				require.NotContains(t, lines[0], "secret")
				require.Contains(t, lines[0], "level=INFO")
			})
		}
	}
	// The log has only the first reason of an outage. Once an operator has mended
	// that, there may be another.
	inBubble(t, "the latest reason", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		here.client.with(func(c *client) { c.swallows = true })
		time.Sleep(2 * time.Second)
		_, _, err := here.Get(background, "a", holdfast.ReadUse)
		require.ErrorContains(t, err, "no answer within")
		here.client.with(func(c *client) { c.down = true })
		here.client.lose(true)
		time.Sleep(2 * time.Second)
		_, _, err = here.Get(background, "a", holdfast.ReadUse)
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
		require.ErrorContains(t, err, "connection refused")
		require.Empty(t, here.client.commands())
	})
	// A command that is not sent has changed nothing, and is not tried again.
	inBubble(t, "keeps the copies", func(t *testing.T) {
		here := newServer().open(t, tier.Options{MaxStale: hour})
		here.set(t, "a", "1", hour)
		here.client.with(func(c *client) { c.swallows = true })
		time.Sleep(2 * time.Second)
		require.True(t, here.Stats().Away)
		before := here.Stats().Unavailable
		get(t, here, holdfast.ErrUnavailable)
		require.Equal(t, before+1, here.Stats().Unavailable)
		require.ErrorIs(t, here.Set(background, "a", []byte("2"), hour), holdfast.ErrUnavailable)
		require.Equal(t, "1", here.get(t, "a"))
	})
	// The next pulse would come late.
	inBubble(t, "not with one connection", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		here.client.with(func(c *client) { c.replyTakes = takes(100 * time.Millisecond) })
		time.Sleep(maxStale/3 + 50*time.Millisecond) // a pulse is on its way
		here.client.lose(true)
		synctest.Wait()
		require.False(t, here.Stats().Away)
		require.Equal(t, "1", here.get(t, "a"))
	})
	inBubble(t, "not after a slow command", func(t *testing.T) {
		here := newServer().open(t, tier.Options{MaxStale: hour})
		here.client.with(func(c *client) {
			c.fault = func(name string) fault {
				if name == "Scan" {
					return requestLost
				}
				return noFault
			}
		})
		for _, err := range here.ScanValues(background, nil) {
			require.ErrorIs(t, err, holdfast.ErrUnavailable)
		}
		require.Zero(t, get(t, here, nil))
		require.Empty(t, here.logs.take())
	})
	inBubble(t, "at the start", func(t *testing.T) {
		began := time.Now()
		here := newServer().openWith(t, tier.Options{}, func(c *client, _ tier.Listener) tier.Database {
			c.swallows = true
			return c
		})
		require.LessOrEqual(t, time.Since(began), timeout)
		require.Zero(t, get(t, here, holdfast.ErrUnavailable))
		require.Len(t, here.logs.take(), 1)
		here.client.heal()
		time.Sleep(time.Second)
		require.Zero(t, get(t, here, nil))
	})
}
