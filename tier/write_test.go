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

// An Update sends these commands, and calls its function so many times.
func TestUpdate_commands(t *testing.T) {
	failed := errors.New("the function's own")
	decisions := map[string]struct {
		change cache.Change
		err    error
		writes bool
	}{
		"put":    {cache.Put([]byte("new"), hour), nil, true},
		"remove": {cache.Remove(), nil, true},
		"keep":   {cache.Keep(), nil, false},
		"fail":   {cache.Put([]byte("new"), hour), failed, false},
	}
	for _, mode := range []tier.Mode{tier.Cached, tier.Verified, tier.Direct} {
		for name, decision := range decisions {
			for _, has := range []string{"copy", "old copy", "no copy", "no entry"} {
				inBubble(t, fmt.Sprintf("%v/%s/%s", mode, name, has), func(t *testing.T) {
					_, here, there := pair(t, tier.Options{Mode: mode})
					if has != "no entry" {
						there.set(t, "a", "old", hour)
					}
					if strings.Contains(has, "old") || has == "copy" {
						here.get(t, "a")
					}
					current := "old"
					if has == "old copy" {
						here.client.delayNotifications(time.Minute)
						there.set(t, "a", "newer", hour)
						current = "newer"
					}
					if has == "no entry" {
						current = ""
					}
					var seen []string
					commands := here.sends(func() {
						require.Equal(t, decision.err, here.Update(background, "a", func(old []byte, found bool) (cache.Change, error) {
							require.Equal(t, has != "no entry", found)
							seen = append(seen, string(old))
							return decision.change, decision.err
						}))
					})

					wantSeen, want := []string{current}, []string{"Read a"}
					writes := decision.writes && (name == "put" || current != "")
					switch {
					case mode == tier.Direct || has == "no copy" || has == "no entry":
						if writes {
							want = []string{"Read a", "Swap a"}
						}
					case has == "copy" && writes:
						want = []string{"Swap a"}
					case has == "old copy" && writes:
						wantSeen, want = []string{"old", "newer"}, []string{"Swap a", "Swap a"}
					case has == "old copy":
						wantSeen = []string{"old", "newer"}
					}
					require.Equal(t, want, commands)
					require.Equal(t, wantSeen, seen)
					switch {
					case !writes:
						require.Equal(t, current, there.read(t, "a", holdfast.ReadFresh))
					case name == "put":
						require.Equal(t, "new", there.read(t, "a", holdfast.ReadFresh))
					default:
						require.Empty(t, there.read(t, "a", holdfast.ReadFresh))
					}
				})
			}
		}
	}
}

// After a conflict the function has the entry, and its decision to keep that is
// final.
func TestUpdate_keeps_after_a_conflict(t *testing.T) {
	inBubble(t, "commands", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		here.set(t, "a", "old", hour)
		here.client.delayNotifications(time.Minute)
		there.set(t, "a", "new", hour)
		require.Equal(t, []string{"Swap a"}, here.sends(func() {
			require.NoError(t, here.Update(background, "a", func(old []byte, _ bool) (cache.Change, error) {
				if string(old) == "old" {
					return cache.Put([]byte("never"), hour), nil
				}
				return cache.Keep(), nil
			}))
		}))
		require.Equal(t, "new", there.get(t, "a"))
	})
}

// Updates in several processes lose no step.
func TestUpdate_conflicts(t *testing.T) {
	for _, mode := range []tier.Mode{tier.Cached, tier.Verified, tier.Direct} {
		inBubble(t, mode.String(), func(t *testing.T) {
			s := newServer()
			const stores, goroutines, steps = 3, 4, 10
			var group sync.WaitGroup
			var all []*fixture
			for range stores {
				here := s.open(t, tier.Options{Mode: mode})
				here.client.with(func(c *client) {
					c.requestTakes, c.replyTakes, c.pushTakes = takes(100*time.Microsecond), takes(50*time.Microsecond), takes(200*time.Microsecond)
				})
				all = append(all, here)
			}
			for _, here := range all {
				for range goroutines {
					group.Go(func() {
						for range steps {
							if err := here.Update(background, "a", add("x")); err != nil {
								t.Error(err)
							}
						}
					})
				}
			}
			group.Wait()
			for _, here := range all {
				require.Len(t, here.get(t, "a"), stores*goroutines*steps)
				require.NotZero(t, here.Stats().Conflicts)
			}
		})
	}
	// Update waits longer after each conflict, until its context ends.
	inBubble(t, "without an end", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		ctx, cancel := context.WithTimeout(background, 5*time.Second)
		defer cancel()
		tries := 0
		err := here.Update(ctx, "a", func([]byte, bool) (cache.Change, error) {
			tries++
			there.set(t, "a", fmt.Sprint(tries), hour)
			return cache.Put([]byte("never"), hour), nil
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, holdfast.ErrUnavailable)
		require.Greater(t, tries, 100, "the pauses are short")
		require.Less(t, tries, 1000, "there are pauses")
		require.Equal(t, fmt.Sprint(tries), there.get(t, "a"))
	})
	inBubble(t, "no pause at first", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		tries := 0
		require.Zero(t, elapsed(func() {
			require.NoError(t, here.Update(background, "a", func([]byte, bool) (cache.Change, error) {
				if tries++; tries < 3 {
					there.set(t, "a", "there", hour)
				}
				return cache.Put([]byte("here"), hour), nil
			}))
		}))
		require.Equal(t, "here", there.get(t, "a"))
	})
}

// The function owns its argument, and may call the store.
func TestUpdate_function(t *testing.T) {
	inBubble(t, "owns old", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		here.set(t, "a", "abc", hour)
		require.NoError(t, here.Update(background, "a", func(old []byte, _ bool) (cache.Change, error) {
			old[0] = 'x'
			return cache.Keep(), nil
		}))
		require.Equal(t, "abc", here.get(t, "a"))
		require.NoError(t, here.Update(background, "a", func(old []byte, _ bool) (cache.Change, error) {
			old[0] = 'x'
			return cache.Put(append(old, 'd'), hour), nil
		}))
		require.Equal(t, "xbcd", here.get(t, "a"))
		require.Equal(t, "xbcd", there.get(t, "a"))
	})
	inBubble(t, "calls the store", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		tries := 0
		require.NoError(t, here.Update(background, "a", func(old []byte, _ bool) (cache.Change, error) {
			require.Equal(t, string(old), here.get(t, "a"))
			if tries++; tries == 1 {
				here.set(t, "a", "inner", hour)
			}
			return cache.Put(append(old, '!'), hour), nil
		}))
		require.Equal(t, "inner!", here.get(t, "a"))
	})
	inBubble(t, "panics", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		require.PanicsWithValue(t, "mine", func() {
			_ = here.Update(background, "a", func([]byte, bool) (cache.Change, error) { panic("mine") })
		})
		require.Equal(t, "1", here.get(t, "a"))
		here.put(t, "a", "2", hour)
	})
	inBubble(t, "empty value", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		here.put(t, "a", "", hour)
		require.NoError(t, here.change(cache.Put(nil, hour), "b"))
		for _, id := range []string{"a", "b"} {
			_, found, err := there.Get(background, id, holdfast.ReadUse)
			require.NoError(t, err)
			require.True(t, found)
		}
	})
}

func TestInvalidArguments(t *testing.T) {
	inBubble(t, "rejected", func(t *testing.T) {
		here := newServer().open(t, tier.Options{MaxValue: 10})
		here.set(t, "a", "1", hour)
		long := strings.Repeat("i", cache.MaxIDLen+1)
		for name, test := range map[string]struct {
			want error
			call func() error
		}{
			"Set, a TTL of 0":      {cache.ErrInvalid, func() error { return here.Set(background, "a", nil, 0) }},
			"Set, a negative TTL":  {cache.ErrInvalid, func() error { return here.Set(background, "a", nil, -1) }},
			"Set, no ID":           {cache.ErrInvalid, func() error { return here.Set(background, "", nil, hour) }},
			"Set, a long ID":       {cache.ErrInvalid, func() error { return here.Set(background, long, nil, hour) }},
			"Set, a long value":    {cache.ErrTooLarge, func() error { return here.Set(background, "a", make([]byte, 11), hour) }},
			"Put, a TTL of 0":      {cache.ErrInvalid, func() error { return here.change(cache.Put(nil, 0), "a") }},
			"Put, a long value":    {cache.ErrTooLarge, func() error { return here.change(cache.Put(make([]byte, 11), hour), "a") }},
			"Update, no function":  {cache.ErrInvalid, func() error { return here.Update(background, "a", nil) }},
			"Update, no ID":        {cache.ErrInvalid, func() error { return here.change(cache.Keep(), "") }},
			"Update, a long ID":    {cache.ErrInvalid, func() error { return here.change(cache.Keep(), long) }},
			"Get, no ID":           {cache.ErrInvalid, func() error { _, _, err := here.Get(background, "", holdfast.ReadUse); return err }},
			"Touch, no ID":         {cache.ErrInvalid, func() error { _, err := here.Touch(background, "", hour); return err }},
			"Touch to 0, long ID":  {cache.ErrInvalid, func() error { _, err := here.Touch(background, long, 0); return err }},
			"Touch, a long ID":     {cache.ErrInvalid, func() error { _, err := here.Touch(background, long, hour); return err }},
			"Get fresh, a long ID": {cache.ErrInvalid, func() error { _, _, err := here.Get(background, long, holdfast.ReadFresh); return err }},
		} {
			require.ErrorIs(t, test.call(), test.want, name)
		}
		require.Equal(t, "1", here.read(t, "a", holdfast.ReadFresh))
		here.set(t, "a", "0123456789", hour)
		here.set(t, long[1:], "1", hour)
		require.Equal(t, "1", here.get(t, long[1:]))
	})
	// A value that is too large for a local copy is stored all the same.
	inBubble(t, "larger than a copy", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{LocalBytes: 16 << 10})
		value := strings.Repeat("v", 100<<10)
		here.set(t, "a", "1", hour)
		here.set(t, "a", value, hour)
		require.Equal(t, value, here.get(t, "a"))
		require.Equal(t, value, there.get(t, "a"))
		require.NoError(t, here.Update(background, "a", add("!")))
		require.Equal(t, value+"!", there.get(t, "a"))
		require.True(t, here.touch(t, "a", hour))
	})
}

// An Update whose command breaks asks whether it was carried out.
func TestUpdate_unknown_outcome(t *testing.T) {
	// fails lets the first Swaps fail in these ways.
	fails := func(c *client, ways ...fault) {
		c.with(func(c *client) {
			c.fault = func(name string) fault {
				if len(ways) == 0 || !strings.HasPrefix(name, "Swap") {
					return noFault
				}
				now := ways[0]
				ways = ways[1:]
				return now
			}
		})
	}
	for name, test := range map[string]struct {
		faults   []fault
		commands int
		done     bool // the Update reports success
		stored   bool
	}{
		"the request broke":       {[]fault{requestBroke}, 2, true, true},
		"the reply broke":         {[]fault{replyBroke}, 2, true, true},
		"the request broke twice": {[]fault{requestBroke, requestBroke}, 2, false, false},
		"the reply broke twice":   {[]fault{replyBroke, replyBroke}, 2, false, true},
		"first done, then not":    {[]fault{replyBroke, requestBroke}, 2, false, true},
		"refused":                 {[]fault{refused}, 1, false, false},
		"done, then refused":      {[]fault{replyBroke, refused}, 2, false, true},
		"the request was lost":    {[]fault{requestLost}, 2, true, true},
		"the reply was lost":      {[]fault{replyLost}, 2, true, true},
		"both were lost":          {[]fault{requestLost, replyLost}, 2, false, true},
	} {
		inBubble(t, name, func(t *testing.T) {
			_, here, there := pair(t, tier.Options{})
			here.set(t, "a", "1", hour)
			fails(here.client, test.faults...)
			var err error
			require.Len(t, here.sends(func() { err = here.Update(background, "a", add("2")) }), test.commands)
			require.Equal(t, test.done, err == nil, err)
			require.Equal(t, test.stored, there.get(t, "a") == "12")
			if !test.done {
				require.ErrorIs(t, err, holdfast.ErrUnavailable)
			}
			time.Sleep(2 * maxStale)
			require.Equal(t, there.get(t, "a"), here.get(t, "a"))
			require.NoError(t, here.Update(background, "a", add("3")))
			require.Equal(t, there.get(t, "a"), here.get(t, "a"))
		})
	}

	// The same for a removal. A second attempt that finds no entry does not
	// know whether the first has removed it.
	for name, test := range map[string]struct {
		fault        fault
		done, stored bool
	}{
		"a removal, the request broke":  {requestBroke, true, false},
		"a removal, the reply broke":    {replyBroke, false, false},
		"a removal, the reply was lost": {replyLost, false, false},
	} {
		inBubble(t, name, func(t *testing.T) {
			_, here, there := pair(t, tier.Options{})
			here.set(t, "a", "1", hour)
			fails(here.client, test.fault)
			err := here.change(cache.Remove(), "a")
			require.Equal(t, test.done, err == nil, err)
			require.Equal(t, test.stored, there.get(t, "a") != "")
			require.Empty(t, here.get(t, "a"))
		})
	}
	// Two processes cannot both remove one entry.
	inBubble(t, "removed elsewhere", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		here.set(t, "a", "1", hour)
		here.client.with(func(c *client) {
			first := true
			c.fault = func(string) fault {
				if !first {
					return noFault
				}
				first = false
				return requestBroke
			}
			c.requestTakes = takes(10 * time.Millisecond)
		})
		go there.remove(t, "a")
		require.ErrorIs(t, here.change(cache.Remove(), "a"), holdfast.ErrUnavailable)
	})
	// Between the attempts another process has written. It saw the result of
	// the first attempt, or did not.
	inBubble(t, "then written elsewhere", func(t *testing.T) {
		for _, first := range []fault{requestBroke, replyBroke} {
			_, here, there := pair(t, tier.Options{})
			here.set(t, "a", "1", hour)
			fails(here.client, first)
			here.client.with(func(c *client) { c.requestTakes = takes(10 * time.Millisecond) })
			time.AfterFunc(5*time.Millisecond, func() { _ = there.Update(background, "a", add("3")) })
			require.ErrorIs(t, here.Update(background, "a", add("2")), holdfast.ErrUnavailable)
			require.Equal(t, there.get(t, "a"), here.get(t, "a"))
		}
	})
	// A command that is on its way when its caller has given up makes no entry
	// that was removed meanwhile.
	inBubble(t, "a late creation", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		fails(here.client, straggles)
		here.client.with(func(c *client) { c.straggle = takes(time.Second) })
		if here.change(cache.Put([]byte("1"), hour), "a") == nil {
			there.remove(t, "a")
			time.Sleep(2 * time.Second)
			require.Empty(t, there.get(t, "a"), "removed after the Update had reported success")
		}
	})
	inBubble(t, "a late change", func(t *testing.T) {
		_, here, there := pair(t, tier.Options{})
		here.set(t, "a", "1", hour)
		fails(here.client, straggles)
		here.client.with(func(c *client) { c.straggle = takes(time.Second) })
		require.NoError(t, here.Update(background, "a", add("2")))
		require.Equal(t, "12", there.get(t, "a"))
		there.put(t, "a", "3", hour)
		time.Sleep(2 * time.Second)
		require.Equal(t, "3", there.get(t, "a"))
		require.Equal(t, "3", here.get(t, "a"))
	})
	// A Set is not repeated. Its entry is read again.
	for _, way := range []fault{requestBroke, replyBroke, requestLost, replyLost, straggles} {
		inBubble(t, fmt.Sprintf("Set/%d", way), func(t *testing.T) {
			_, here, there := pair(t, tier.Options{})
			here.set(t, "a", "1", hour)
			here.client.with(func(c *client) {
				c.straggle = takes(time.Second)
				c.fault = func(name string) fault {
					if name == "Set a" {
						return way
					}
					return noFault
				}
			})
			require.Equal(t, []string{"Set a"}, here.sends(func() {
				require.ErrorIs(t, here.Set(background, "a", []byte("2"), hour), holdfast.ErrUnavailable)
			}))
			time.Sleep(maxStale / 2)
			require.Equal(t, there.get(t, "a"), here.get(t, "a"))
			time.Sleep(2 * maxStale)
			require.Equal(t, there.get(t, "a"), here.get(t, "a"))
		})
	}
}

// A command that the database refuses has changed nothing.
func TestRefused(t *testing.T) {
	inBubble(t, "writes", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		here.set(t, "a", "1", hour)
		here.client.with(func(c *client) { c.fault = func(string) fault { return refused } })
		for _, write := range []func() error{
			func() error { return here.Set(background, "a", []byte("2"), hour) },
			func() error { return here.Update(background, "a", add("2")) },
			func() error { return here.change(cache.Remove(), "a") },
			func() error { _, err := here.Touch(background, "a", 0); return err },
		} {
			err := write()
			require.ErrorIs(t, err, tier.ErrRefused)
			require.ErrorIs(t, err, holdfast.ErrUnavailable)
		}
		require.Empty(t, here.sends(func() { require.Equal(t, "1", here.get(t, "a"), "the copy stays") }))
		require.EqualValues(t, 4, here.Stats().Refused)
		synctest.Wait()
	})
}
