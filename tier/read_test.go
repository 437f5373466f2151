package tier_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

// A read of an entry with a local copy sends these commands.
func TestGet_commands(t *testing.T) {
	for _, test := range []struct {
		mode     tier.Mode
		how      holdfast.ReadMode
		commands int
		verified uint64
	}{
		{tier.Cached, holdfast.ReadUse, 0, 0},
		{tier.Cached, holdfast.ReadPeek, 0, 0},
		{tier.Cached, holdfast.ReadFresh, 1, 1},
		{tier.Verified, holdfast.ReadUse, 1, 1},
		{tier.Verified, holdfast.ReadPeek, 1, 1},
		{tier.Verified, holdfast.ReadFresh, 1, 1},
		{tier.Direct, holdfast.ReadUse, 1, 0},
		{tier.Direct, holdfast.ReadPeek, 1, 0},
		{tier.Direct, holdfast.ReadFresh, 1, 0},
	} {
		inBubble(t, fmt.Sprintf("%v/%d", test.mode, test.how), func(t *testing.T) {
			_, here, there := pair(t, tier.Options{Mode: test.mode})
			there.set(t, "a", "1", hour)
			require.Equal(t, []string{"Read a"}, here.sends(func() {
				require.Equal(t, "1", here.read(t, "a", test.how), "without a local copy")
			}))
			require.Len(t, here.sends(func() {
				require.Equal(t, "1", here.read(t, "a", test.how), "with a local copy")
			}), test.commands)
			require.Equal(t, test.verified, here.Stats().Verified)

			there.set(t, "a", "2", hour)
			require.Equal(t, "2", here.read(t, "a", test.how), "after a write elsewhere")
			there.remove(t, "a")
			require.Empty(t, here.read(t, "a", test.how), "after a removal elsewhere")
		})
	}
}

// A read whose command fails is tried once more.
func TestGet_again(t *testing.T) {
	for way := requestLost; way < faults; way++ {
		inBubble(t, fmt.Sprint(way), func(t *testing.T) {
			_, here, there := pair(t, tier.Options{})
			there.set(t, "a", "1", hour)
			left := 1
			here.client.with(func(c *client) {
				c.fault = func(name string) fault {
					if name == "Pulse" || left == 0 {
						return noFault
					}
					left--
					return way
				}
			})
			require.Equal(t, []string{"Read a", "Read a"}, here.sends(func() { require.Equal(t, "1", here.get(t, "a")) }))
			left = 2
			_, _, err := here.Get(background, "b", holdfast.ReadUse)
			require.ErrorIs(t, err, holdfast.ErrUnavailable)
		})
	}
}

// A read that finds nothing leaves no copy.
func TestGet_no_entry(t *testing.T) {
	inBubble(t, "each read asks", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		for range 2 {
			require.Equal(t, []string{"Read a"}, here.sends(func() { require.Empty(t, here.get(t, "a")) }))
		}
		require.Zero(t, here.Stats().Local.Entries)
	})
	inBubble(t, "an empty value is an entry", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "", hour)
		for range 2 {
			value, found, err := here.Get(background, "a", holdfast.ReadUse)
			require.NoError(t, err)
			require.True(t, found)
			require.Empty(t, value)
		}
		require.NoError(t, here.Set(background, "b", nil, hour))
		_, found, err := there.Get(background, "b", holdfast.ReadUse)
		require.NoError(t, err)
		require.True(t, found)
	})
}

// The caller owns the value.
func TestGet_value(t *testing.T) {
	for _, mode := range []tier.Mode{tier.Cached, tier.Verified, tier.Direct} {
		inBubble(t, mode.String(), func(t *testing.T) {
			here := newServer().open(t, tier.Options{Mode: mode})
			given := []byte("abc" + strings.Repeat("d", 1000))
			want := string(given)
			require.NoError(t, here.Set(background, "a", given, hour))
			given[0] = 'x'
			for range 3 {
				value, _, err := here.Get(background, "a", holdfast.ReadUse)
				require.NoError(t, err)
				require.Equal(t, want, string(value))
				_ = append(value, 'x')
				value[0] = 'x'
			}
			if mode == tier.Direct {
				require.Less(t, here.Stats().Local.Bytes.Values, int64(len(given)), "values in this process")
			}
		})
	}
}

// A local copy answers for MaxStale after the last sign of life, however the
// network fails.
func TestMaxStale(t *testing.T) {
	for name, fails := range map[string]func(c *client){
		"swallowed":            func(c *client) { c.swallows = true },
		"late notifications":   func(c *client) { c.pushTakes = takes(hour) },
		"late replies":         func(c *client) { c.replyTakes, c.pushTakes = takes(hour), takes(hour) },
		"requests do not pass": func(c *client) { c.requestTakes, c.pushTakes = takes(hour), takes(hour) },
	} {
		inBubble(t, name, func(t *testing.T) {
			_, here, there := pair(t, tier.Options{})
			there.set(t, "a", "old", hour)
			require.Equal(t, "old", here.get(t, "a"))
			here.client.with(fails)
			there.set(t, "a", "new", hour)
			written := time.Now()
			for time.Since(written) < 3*maxStale {
				began := time.Now()
				value, found, err := here.Get(background, "a", holdfast.ReadUse)
				switch {
				case err != nil:
					require.ErrorIs(t, err, holdfast.ErrUnavailable)
					require.False(t, found)
				case string(value) == "old":
					require.LessOrEqual(t, began.Sub(written), maxStale)
				default:
					require.Equal(t, "new", string(value))
				}
				time.Sleep(10 * time.Millisecond)
			}
			require.NotZero(t, here.Stats().Hits, "no read was answered locally")
			require.GreaterOrEqual(t, here.Stats().ProofAge, maxStale)
		})
	}
	// A sign of life proves nothing about the time after it was sent.
	inBubble(t, "slow signs of life", func(t *testing.T) {
		for offset := time.Duration(0); offset < maxStale/3; offset += 10 * time.Millisecond {
			_, here, there := pair(t, tier.Options{})
			here.client.with(func(c *client) { c.replyTakes = takes(200 * time.Millisecond) })
			there.set(t, "a", "old", hour)
			time.Sleep(2*maxStale + offset)
			require.Equal(t, "old", here.get(t, "a"))
			here.client.delayNotifications(hour)
			there.set(t, "a", "new", hour)
			written := time.Now()
			for time.Since(written) <= maxStale {
				time.Sleep(10 * time.Millisecond)
			}
			value, _, _ := here.Get(background, "a", holdfast.ReadUse)
			require.NotEqual(t, "old", string(value), offset)
		}
	})
	inBubble(t, "served while away", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		require.Equal(t, "1", here.get(t, "a"))
		here.client.with(func(c *client) { c.swallows = true })
		time.Sleep(maxStale / 2)
		require.Zero(t, elapsed(func() { require.Equal(t, "1", here.get(t, "a")) }))
	})
	inBubble(t, "a short one", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{MaxStale: 10 * time.Millisecond})
		there.set(t, "a", "1", hour)
		require.Equal(t, "1", here.get(t, "a"))
		time.Sleep(time.Minute)
		require.Empty(t, here.sends(func() { require.Equal(t, "1", here.get(t, "a")) }))
		here.client.with(func(c *client) { c.swallows = true })
		time.Sleep(10 * time.Millisecond)
		_, _, err := here.Get(background, "a", holdfast.ReadUse)
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
	})
}

// A process reads its own writes at once.
func TestOwnWrites(t *testing.T) {
	for _, mode := range []tier.Mode{tier.Cached, tier.Verified, tier.Direct} {
		inBubble(t, mode.String(), func(t *testing.T) {
			_, here, there := pair(t, tier.Options{Mode: mode})
			here.set(t, "a", "1", hour)
			require.Equal(t, "1", here.get(t, "a"))
			here.put(t, "a", "2", hour)
			require.Equal(t, "2", here.get(t, "a"))
			there.set(t, "a", "3", hour)
			require.Equal(t, "3", here.get(t, "a"), "a write elsewhere after an own write is notified")
			here.remove(t, "a")
			require.Empty(t, here.get(t, "a"))
			here.set(t, "a", "4", hour)
			require.False(t, here.touch(t, "a", 0))
			require.Empty(t, here.get(t, "a"))
			require.Zero(t, here.Stats().Mismatches)
		})
	}
}

// A lost connection ends all copies.
func TestLost(t *testing.T) {
	for _, notices := range []bool{true, false} {
		inBubble(t, fmt.Sprintf("noticed %v", notices), func(t *testing.T) {
			_, here, there := pair(t, tier.Options{})
			there.set(t, "a", "1", hour)
			there.set(t, "b", "1", hour)
			require.Equal(t, "1", here.get(t, "a"))
			require.Equal(t, "1", here.get(t, "b"))
			here.client.lose(notices)
			there.set(t, "a", "2", hour)
			_ = here.read(t, "b", holdfast.ReadFresh) // opens the connection
			require.Equal(t, []string{"Read a"}, here.sends(func() { require.Equal(t, "2", here.get(t, "a")) }))
			_ = here.read(t, "b", holdfast.ReadFresh)
			require.Empty(t, here.sends(func() { require.Equal(t, "1", here.get(t, "b")) }))
			there.set(t, "b", "2", hour)
			require.Equal(t, "2", here.get(t, "b"))
			require.EqualValues(t, 1, here.Stats().Lost)
		})
	}
	inBubble(t, "flushed", func(t *testing.T) {
		s, here, _ := pair(t, tier.Options{})
		here.set(t, "a", "1", hour)
		s.flush()
		require.Empty(t, here.get(t, "a"))
	})
}

// No read finds an entry after the database has removed it, even if the
// notification is late.
func TestExpiry(t *testing.T) {
	const ttl, slack = 20 * time.Second, time.Second
	for name, has := range map[string]func(t *testing.T, here, there *fixture){
		"read":    func(t *testing.T, here, there *fixture) { there.set(t, "a", "1", ttl); here.get(t, "a") },
		"written": func(t *testing.T, here, _ *fixture) { here.set(t, "a", "1", ttl) },
		"verified": func(t *testing.T, here, there *fixture) {
			there.set(t, "a", "1", 2*ttl)
			here.get(t, "a")
			there.touch(t, "a", ttl)
			here.read(t, "a", holdfast.ReadFresh)
		},
		"touched": func(t *testing.T, here, _ *fixture) { here.set(t, "a", "1", hour); here.touch(t, "a", ttl) },
	} {
		inBubble(t, name, func(t *testing.T) {
			s, here, there := pair(t, tier.Options{})
			s.expiryIsLate = func() time.Duration { return hour }
			has(t, here, there)
			time.Sleep(ttl - 1)
			require.Equal(t, "1", here.get(t, "a"), "before the TTL")
			time.Sleep(1 + slack)
			require.Empty(t, here.get(t, "a"), "after it")
			require.False(t, here.touch(t, "a", hour))
			require.Empty(t, here.get(t, "a"))
		})
	}
	inBubble(t, "none", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", cache.NoExpiry)
		time.Sleep(2 * hour)
		require.Equal(t, "1", here.get(t, "a"))
		require.Empty(t, here.sends(func() { require.True(t, here.touch(t, "a", cache.NoExpiry)) }))
	})
}

// A database that cannot notify is asked in each read.
func TestSilentDatabase(t *testing.T) {
	inBubble(t, "verifies", func(t *testing.T) {
		s := newServer()
		s.silent, s.reason = true, errors.New("no feathers")
		here, there := s.open(t, tier.Options{}), s.open(t, tier.Options{Mode: tier.Verified})
		there.set(t, "a", "1", hour)
		for range 3 {
			require.Equal(t, []string{"Read a"}, here.sends(func() { require.Equal(t, "1", here.get(t, "a")) }))
		}
		there.set(t, "a", "2", hour)
		require.Equal(t, "2", here.get(t, "a"))
		time.Sleep(10 * maxStale)
		require.False(t, here.Stats().Notifies)
		require.EqualValues(t, 2, here.Stats().Verified)
		lines := here.logs.take()
		require.Len(t, lines, 1)
		require.Contains(t, lines[0], "no feathers")
		require.Empty(t, there.logs.take(), "Verified expects no notifications")
	})
	inBubble(t, "stops and begins", func(t *testing.T) {
		s, here, there := pair(t, tier.Options{})
		there.set(t, "a", "1", hour)
		require.Equal(t, "1", here.get(t, "a"))
		s.mu.Lock()
		s.silent = true
		s.mu.Unlock()
		time.Sleep(maxStale)
		there.set(t, "a", "2", hour)
		require.Equal(t, "2", here.get(t, "a"))
		require.Len(t, here.logs.take(), 1)

		s.mu.Lock()
		s.silent = false
		s.mu.Unlock()
		here.client.lose(true)
		time.Sleep(maxStale)
		require.Equal(t, "2", here.get(t, "a"))
		require.Empty(t, here.sends(func() { require.Equal(t, "2", here.get(t, "a")) }))
		require.True(t, here.Stats().Notifies)
	})
}

func TestScanValues(t *testing.T) {
	inBubble(t, "pages", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		for i := range 20 {
			there.set(t, fmt.Sprintf("%02d", i), []string{"a", "b"}[i%2]+"-value", hour)
		}
		found := map[string]cache.Entry{}
		require.Len(t, here.sends(func() {
			for e, err := range here.ScanValues(background, []byte("a-")) {
				require.NoError(t, err)
				require.NotContains(t, found, e.ID, "twice")
				found[e.ID] = e
			}
		}), 4)
		require.Len(t, found, 10)
		require.Equal(t, cache.Entry{ID: "04", Value: []byte("a-value"), TTL: hour}, found["04"])
	})
	inBubble(t, "no entries", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		for range here.ScanValues(background, nil) {
			t.Fatal("an entry")
		}
	})
	inBubble(t, "may stop and write", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		for i := range 10 {
			here.set(t, fmt.Sprint(i), "a", hour)
		}
		n := 0
		for e, err := range here.ScanValues(background, nil) {
			require.NoError(t, err)
			here.remove(t, e.ID)
			if n++; n == 5 {
				break
			}
		}
		require.Equal(t, 5, n)
		require.Empty(t, here.get(t, "4"))
		require.Equal(t, "a", here.get(t, "5"))
	})
	// An error is the last that a scan yields: some entries are never all.
	inBubble(t, "an error", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		for i := range 10 {
			here.set(t, fmt.Sprint(i), "a", hour)
		}
		var errs []error
		n := 0
		for e, err := range here.ScanValues(background, nil) {
			if err != nil {
				require.Zero(t, e)
				errs = append(errs, err)
				continue
			}
			require.Empty(t, errs)
			if n++; n == 4 {
				here.client.with(func(c *client) { c.fault = func(string) fault { return requestBroke } })
			}
		}
		require.Len(t, errs, 1)
		require.ErrorIs(t, errs[0], holdfast.ErrUnavailable)
	})
	// Each page that fails is tried once more, from the same cursor.
	for name, broken := range map[string]fault{"a slow page": requestLost, "a lost page": replyBroke} {
		inBubble(t, name, func(t *testing.T) {
			here := newServer().open(t, tier.Options{MaxStale: hour})
			for i := range 10 {
				here.set(t, fmt.Sprint(i), "a", hour)
			}
			scans := 0
			here.client.with(func(c *client) {
				c.fault = func(name string) fault {
					if name != "Scan" {
						return noFault
					}
					if scans++; scans%2 == 1 {
						return broken
					}
					return noFault
				}
			})
			n := 0
			for _, err := range here.ScanValues(background, nil) {
				require.NoError(t, err)
				n++
			}
			require.Equal(t, 10, n)
			require.Equal(t, 8, scans, "four pages")
		})
	}
	inBubble(t, "a refused page", func(t *testing.T) {
		here := newServer().open(t, tier.Options{MaxStale: hour})
		here.client.with(func(c *client) { c.fault = func(string) fault { return refused } })
		require.Len(t, here.sends(func() {
			for _, err := range here.ScanValues(background, nil) {
				require.ErrorIs(t, err, tier.ErrRefused)
			}
		}), 1)
	})
	// The TTL is exact after a write. Then touches may have been saved.
	inBubble(t, "TTL", func(t *testing.T) {
		for _, ttl := range []time.Duration{time.Second, time.Minute, hour, 24 * hour, cache.NoExpiry} {
			here := newServer().open(t, tier.Options{})
			here.set(t, "a", "1", ttl)
			for e, err := range here.ScanValues(background, nil) {
				require.NoError(t, err)
				require.InDelta(t, ttl, e.TTL, 2)
			}
		}
	})
}

// One hit in 4,096 is compared with the database.
func TestMismatches(t *testing.T) {
	const hits = 4096
	inBubble(t, "a lying database", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		for _, id := range []string{"changed", "removed"} {
			here.set(t, id, "1", hour)
			require.Equal(t, "1", here.get(t, id))
		}
		here.client.with(func(c *client) { clear(c.conn.interest) })
		there.set(t, "changed", "2", hour)
		there.remove(t, "removed")
		for _, id := range []string{"changed", "removed"} {
			before := here.Stats().Mismatches
			for range hits {
				here.get(t, id)
			}
			synctest.Wait()
			require.EqualValues(t, 1, here.Stats().Mismatches-before, id)
		}
		require.Equal(t, "2", here.get(t, "changed"), "the copy is dropped")
		require.Empty(t, here.get(t, "removed"))
	})
	// The notification and the sample cross.
	inBubble(t, "none of late notifications", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		for _, apart := range []bool{false, true} {
			here.client.with(func(c *client) { c.pushTakes, c.apart = takes(100*time.Millisecond), apart })
			here.set(t, "a", "1", hour)
			there.set(t, "a", "2", hour)
			for range hits {
				here.get(t, "a")
			}
			time.Sleep(maxStale)
		}
		require.Contains(t, here.client.commands(), "Read a")
		require.Zero(t, here.Stats().Mismatches)
	})
	inBubble(t, "none of a lost connection", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		here.set(t, "a", "1", hour)
		here.client.with(func(c *client) { c.requestTakes = takes(20 * time.Millisecond) })
		for range hits {
			here.get(t, "a")
		}
		time.Sleep(10 * time.Millisecond)
		here.Lost()
		here.client.with(func(c *client) { clear(c.conn.interest) })
		there.set(t, "a", "2", hour)
		time.Sleep(maxStale)
		require.Contains(t, here.client.commands(), "Read a")
		require.Zero(t, here.Stats().Mismatches)
	})
	// The database has an own write before its caller knows.
	inBubble(t, "none of an own write", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		here.client.with(func(c *client) { c.replyTakes, c.apart = takes(100*time.Millisecond), true })
		go here.Set(background, "a", []byte("2"), hour)
		synctest.Wait()
		here.client.with(func(c *client) { c.replyTakes = takes(0) })
		for range hits {
			here.get(t, "a")
		}
		synctest.Wait()
		require.Contains(t, here.client.commands(), "Read a")
		require.Zero(t, here.Stats().Mismatches)
		time.Sleep(maxStale)
		require.Equal(t, "2", here.get(t, "a"))
	})
}

// An error of the database is never "not found".
func TestErrors_are_no_misses(t *testing.T) {
	for name, fails := range map[string]func(*client){
		"broken":  func(c *client) { c.fault = func(string) fault { return requestBroke } },
		"refused": func(c *client) { c.fault = func(string) fault { return refused } },
		"lost":    func(c *client) { c.fault = func(string) fault { return requestLost } },
		"down":    func(c *client) { c.down, c.conn, c.unnoticed = true, nil, true },
	} {
		inBubble(t, name, func(t *testing.T) {
			here := newServer().open(t, tier.Options{})
			here.set(t, "secret-id", "secret-value", hour)
			here.client.with(fails)
			for _, call := range []func() (bool, error){
				func() (bool, error) {
					_, found, err := here.Get(background, "secret-id", holdfast.ReadFresh)
					return found, err
				},
				func() (bool, error) { return here.Touch(background, "secret-id", 0) },
				func() (bool, error) { return here.Touch(background, "other", hour) },
				func() (bool, error) { return false, here.Set(background, "secret-id", []byte("secret-value"), hour) },
				func() (bool, error) { return false, here.change(cache.Remove(), "secret-id") },
				func() (bool, error) { return false, here.change(cache.Keep(), "secret-id") },
				func() (found bool, err error) {
					for _, err = range here.ScanValues(background, nil) {
					}
					return false, err
				},
			} {
				found, err := call()
				require.Error(t, err)
				require.False(t, found)
				require.ErrorIs(t, err, holdfast.ErrUnavailable)
				require.Equal(t, name == "refused", errors.Is(err, tier.ErrRefused))
				require.NotContains(t, fmt.Sprintf("%+v", err), "secret")
			}
			for _, line := range here.logs.take() {
				require.NotContains(t, line, "secret")
			}
		})
	}
}
