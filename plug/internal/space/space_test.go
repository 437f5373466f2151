package space_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug/internal/space"
)

func newCache(t *testing.T) *cache.Cache {
	t.Helper()
	c, err := cache.New(cache.Options{MaxBytes: 1 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func put(t *testing.T, s *space.Space, token, data string) {
	t.Helper()
	require.NoError(t, s.Put(token, []byte(data), time.Minute))
}

func assertLive(t *testing.T, s *space.Space, token, want string) {
	t.Helper()
	data, live := s.Get(token)
	assert.True(t, live)
	assert.Equal(t, want, string(data))
}

func assertNotLive(t *testing.T, s *space.Space, token string) {
	t.Helper()
	data, live := s.Get(token)
	assert.False(t, live)
	assert.Nil(t, data)
}

func TestPut_then_get(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	put(t, s, "token", "data")
	assertLive(t, s, "token", "data")
}

func TestPut_of_empty_data(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	put(t, s, "token", "")
	assertLive(t, s, "token", "")
}

func TestGet_of_unknown_and_empty_tokens(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	assertNotLive(t, s, "unknown")
	assertNotLive(t, s, "")
}

func TestPut_under_an_empty_token(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	assert.ErrorIs(t, s.Put("", []byte("data"), time.Minute), cache.ErrInvalid)
}

func TestEnd_of_an_empty_token(t *testing.T) {
	c := newCache(t)
	_, err := space.New(c, "a", "p").End("")
	require.NoError(t, err)
	assert.Zero(t, c.Len())
}

func TestPut_with_a_past_TTL(t *testing.T) {
	for _, ttl := range []time.Duration{0, -1, -1 << 63} {
		t.Run(fmt.Sprint(int64(ttl)), func(t *testing.T) {
			c := newCache(t)
			s := space.New(c, "a", "p")
			put(t, s, "token", "old")
			require.NoError(t, s.Put("token", []byte("new"), ttl))
			assert.Zero(t, c.Len())
		})
	}
}

func TestPut_until_the_TTL_ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := space.New(newCache(t), "a", "p")
		put(t, s, "token", "data")
		time.Sleep(time.Minute - time.Second)
		assertLive(t, s, "token", "data")
		time.Sleep(time.Second)
		assertNotLive(t, s, "token")
	})
}

func TestTombstone_refuses_a_late_put(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	put(t, s, "token", "data")
	_, err := s.End("token")
	require.NoError(t, err)

	assert.ErrorIs(t, s.Put("token", []byte("late"), time.Minute), space.ErrEnded)
	assertNotLive(t, s, "token")
}

// A put with a past TTL removes a session, but not its tombstone.
func TestTombstone_refuses_a_first_put(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	_, err := s.End("token")
	require.NoError(t, err)
	for _, ttl := range []time.Duration{time.Minute, -1, time.Minute} {
		assert.ErrorIs(t, s.Put("token", []byte("late"), ttl), space.ErrEnded)
	}
}

func TestTombstone_refuses_concurrent_puts(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	for round := range 100 {
		token := fmt.Sprint(round)
		put(t, s, token, "data")
		var writers sync.WaitGroup
		for range 4 {
			writers.Go(func() {
				for n := 0; n < 1000 && s.Put(token, []byte("late"), time.Minute) == nil; n++ {
				}
			})
		}
		_, err := s.End(token)
		writers.Wait()
		require.NoError(t, err)
		assertNotLive(t, s, token)
	}
}

func TestTombstone_expires_after_ten_minutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t)
		s := space.New(c, "a", "p")
		put(t, s, "token", "data")
		_, err := s.End("token")
		require.NoError(t, err)

		time.Sleep(10*time.Minute - time.Second)
		assert.ErrorIs(t, s.Put("token", []byte("late"), time.Minute), space.ErrEnded)
		time.Sleep(time.Second)
		assert.Zero(t, c.Len())
	})
}

func TestTombstone_keeps_its_deadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t)
		s := space.New(c, "a", "p")
		for range 2 {
			_, err := s.End("token")
			require.NoError(t, err)
			time.Sleep(5 * time.Minute)
		}
		assert.Zero(t, c.Len())
	})
}

func TestEnd_reports_the_first(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	put(t, s, "token", "data")
	first, err := s.End("token")
	require.NoError(t, err)
	second, err := s.End("token")
	require.NoError(t, err)
	assert.True(t, first)
	assert.False(t, second)
}

func TestReplace_needs_a_live_session(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	put(t, s, "live", "old")
	put(t, s, "ended", "old")
	_, err := s.End("ended")
	require.NoError(t, err)

	assert.NoError(t, s.Replace("live", []byte("new"), time.Minute))
	assertLive(t, s, "live", "new")
	assert.ErrorIs(t, s.Replace("ended", []byte("new"), time.Minute), space.ErrEnded)
	assertNotLive(t, s, "ended")
	assert.ErrorIs(t, s.Replace("absent", []byte("new"), time.Minute), space.ErrEnded)
	assertNotLive(t, s, "absent")
}

func TestMove_stores_under_the_new_token(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	put(t, s, "old", "data")
	require.NoError(t, s.Move("old", "new", time.Minute))
	assertLive(t, s, "new", "data")
	assertNotLive(t, s, "old")
}

func TestMove_refuses_a_late_put(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	put(t, s, "old", "data")
	require.NoError(t, s.Move("old", "new", time.Minute))
	assert.ErrorIs(t, s.Put("old", []byte("late"), time.Minute), space.ErrEnded)
}

func TestMove_of_an_ended_session(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	put(t, s, "old", "data")
	_, err := s.End("old")
	require.NoError(t, err)
	require.NoError(t, s.Move("old", "new", time.Minute))
	assertNotLive(t, s, "new")
}

func TestMove_to_the_same_or_no_token(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	put(t, s, "token", "data")
	assert.ErrorIs(t, s.Move("token", "", time.Minute), cache.ErrInvalid)
	assert.ErrorIs(t, s.Move("token", "token", time.Minute), cache.ErrInvalid)
	assertLive(t, s, "token", "data")
}

func TestSpaces_that_differ_share_nothing(t *testing.T) {
	c := newCache(t)
	one := space.New(c, "a", "shop")
	put(t, one, "token", "data")
	others := []*space.Space{
		space.New(c, "b", "shop"), space.New(c, "a", ""), space.New(c, "a", "sho"),
		space.New(c, "a", "shop\x00"), space.New(c, "as", "hop"), space.New(c, "a", "shopt"),
	}
	for _, other := range others {
		assertNotLive(t, other, "token")
		assertNotLive(t, other, "oken") // in case of a plain prefix+token
		assertNotLive(t, other, "ptoken")
		_, err := other.End("token")
		require.NoError(t, err)
		require.NoError(t, other.EndAll())
		assert.Zero(t, other.Len())
	}
	assertLive(t, one, "token", "data")
}

func TestSpaces_hash_a_token_differently(t *testing.T) {
	c := newCache(t)
	put(t, space.New(c, "a", "shop"), "token", "data")
	put(t, space.New(c, "a", "blog"), "token", "data")

	hashes := map[string]bool{}
	for key := range c.All() {
		hashes[key[8:]] = true // without the tag
	}
	assert.Len(t, hashes, 2)
}

func TestSpaces_with_one_name_share_all(t *testing.T) {
	c := newCache(t)
	put(t, space.New(c, "a", "shop"), "token", "data")
	assertLive(t, space.New(c, "a", "shop"), "token", "data")
}

func TestAll_yields_live_sessions_only(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	put(t, s, "1", "one")
	put(t, s, "2", "two")
	put(t, s, "3", "three")
	_, err := s.End("3")
	require.NoError(t, err)

	var all []string
	for data := range s.All() {
		all = append(all, string(data))
	}
	slices.Sort(all)
	assert.Equal(t, []string{"one", "two"}, all)
	assert.Equal(t, 2, s.Len())
}

func TestAll_skips_foreign_entries(t *testing.T) {
	c := newCache(t)
	s := space.New(c, "a", "p")
	put(t, s, "token", "data")
	for key, record := range c.All() {
		require.NoError(t, c.Set(key[:8]+"foreign", record, time.Minute))
	}
	require.Equal(t, 2, c.Len())
	assert.Equal(t, 1, s.Len())
}

func TestEndAll(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	put(t, s, "1", "one")
	put(t, s, "2", "two")
	require.NoError(t, s.EndAll())

	assert.Zero(t, s.Len())
	assert.ErrorIs(t, s.Put("1", []byte("late"), time.Minute), space.ErrEnded)
	assert.NoError(t, s.Put("new", []byte("data"), time.Minute))
}

func TestKeys_contain_no_token_and_no_prefix(t *testing.T) {
	c := newCache(t)
	s := space.New(c, "a", "a-prefix")
	put(t, s, "a-secret-token", "data")
	for key, record := range c.All() {
		held := key + string(record)
		assert.NotContains(t, held, "a-secret-token")
		assert.NotContains(t, held, "a-prefix")
	}
}

func TestKeys_have_one_length(t *testing.T) {
	c := newCache(t)
	s := space.New(c, "a", "p")
	put(t, s, "short", "data")
	put(t, s, strings.Repeat("long", 1<<16), "data")
	for key := range c.All() {
		assert.Len(t, key, 40)
	}
}

func TestPut_and_get_copy(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	data := []byte("data")
	require.NoError(t, s.Put("token", data, time.Minute))
	copy(data, "XXXX")
	got, _ := s.Get("token")
	require.True(t, bytes.Equal(got, []byte("data")))
	copy(got, "YYYY")
	assertLive(t, s, "token", "data")
}

func TestSpace_on_a_closed_cache(t *testing.T) {
	c := newCache(t)
	s := space.New(c, "a", "p")
	put(t, s, "token", "data")
	require.NoError(t, c.Close())

	assertNotLive(t, s, "token")
	assert.ErrorIs(t, s.Put("token", []byte("data"), time.Minute), cache.ErrClosed)
	assert.NoError(t, s.Move("token", "new", time.Minute))
	assert.NoError(t, s.EndAll())
	assert.Zero(t, s.Len())
	_, err := s.End("token")
	assert.NoError(t, err)
}

func TestErrors_contain_no_token_and_no_data(t *testing.T) {
	s := space.New(newCache(t), "a", "p")
	tooLarge := bytes.Repeat([]byte("secret"), 1<<20)
	err := s.Put("secret", tooLarge, time.Minute)
	require.ErrorIs(t, err, cache.ErrTooLarge)
	assert.NotContains(t, err.Error(), "secret")
}

func TestNew_panics_without_a_cache(t *testing.T) {
	assert.Panics(t, func() { space.New(nil, "a", "p") })
}
