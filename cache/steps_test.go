package cache

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache/internal/arena"
)

// A lock hold takes a bounded time because it does a bounded amount of work.
// These tests count the work; BenchmarkHolds measures the time.

// fillTiny fills the one shard of the cache with IDs of 7 bytes and empty
// values.
func fillTiny(t testing.TB, c *Cache) {
	for i := 0; c.shards[0].counts.evictions[Capacity-1] == 0; i++ {
		require.NoError(t, c.Set(fmt.Sprintf("%07d", i), nil, time.Hour))
	}
}

// blocks returns the number of blocks of the entry under id.
func (c *Cache) blocks(id string) int {
	s, t := c.lockFor(id)
	defer c.unlock(s)
	r := s.find(id, t)
	if r == 0 {
		return 0
	}
	n := 1
	if s.arena.Header(r).Kind() == isChain {
		for p := s.arena.record(r).next; p != 0; p = s.arena.fragment(p).next {
			n++
		}
	}
	return n
}

// setStep takes one step of a Set that may gather room.
func (c *Cache) setStep(id string, value []byte) error {
	s, t := c.lockFor(id)
	defer c.unlock(s)
	s.gathers, s.arena.Work = true, 0
	defer func() { s.gathers = false }()
	return s.set(id, t, value, time.Hour)
}

// A large Set on a full shard makes room in steps, each with few evictions.
func TestSet_large_in_steps(t *testing.T) {
	const large = 1 << 20
	c := openCache(t, Options{MaxBytes: 8 << 20, Shards: 1})
	fillTiny(t, c)
	value := bytes.Repeat([]byte("large"), large/5)
	s := &c.shards[0]
	holds, most, err := 0, uint64(0), errInSteps
	for err == errInSteps {
		before := s.counts.evictions[Capacity-1]
		err = c.setStep("large", value)
		most = max(most, s.counts.evictions[Capacity-1]-before)
		if holds++; holds%16 == 0 {
			require.NoError(t, c.checkInvariants())
		}
	}
	require.NoError(t, err)
	got, _ := c.Get("large")
	assert.True(t, bytes.Equal(value, got))
	assert.Greater(t, holds, 10)
	assert.LessOrEqual(t, most, uint64(500), "evictions in one hold")
	assert.LessOrEqual(t, c.blocks("large"), large/(shortFragmentGranules*granule)/2)
	require.NoError(t, c.checkInvariants())
}

// A large value has few fragments and evicts little more than its own size.
func TestSet_large_in_few_fragments(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 8 << 20, Shards: 1, MaxValue: 1 << 20})
	fillTiny(t, c)
	for i, size := range []int{300, 2000, 8000, 16_000, 100_000, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			id := fmt.Sprint("large ", i)
			before := c.Stats()
			require.NoError(t, c.Set(id, make([]byte, size), time.Hour))
			after := c.Stats()
			fragments := max(4, size/512)
			if length := size + len(id); length > smallEntry {
				// Each block but the last has at least 512 bytes. The first
				// begins with a header of 36 bytes, the others with 8.
				fragments = 2 + (length-(512-36)-1)/(512-8)
			}
			assert.LessOrEqual(t, c.blocks(id), fragments)
			assert.LessOrEqual(t, (after.EvictedForCapacity-before.EvictedForCapacity)*40, uint64(4*size+40*64), "bytes evicted, about")
			require.NoError(t, c.checkInvariants())
		})
	}
}

// The room that a Set gathers belongs to no entry. Other calls between the
// steps of the Set leave it intact.
func TestRoom_other_calls_between_steps(t *testing.T) {
	for name, between := range map[string]func(c *Cache) error{
		"small sets": func(c *Cache) error {
			for i := range 100 {
				if err := c.Set(fmt.Sprint("small ", i), make([]byte, i), time.Hour); err != nil {
					return err
				}
			}
			return nil
		},
		"a smaller cap": func(c *Cache) error { return c.SetMaxBytes(c.Stats().MaxBytes * 9 / 10) },
		"a larger cap":  func(c *Cache) error { return c.SetMaxBytes(c.Stats().MaxBytes * 11 / 10) },
		"deletes": func(c *Cache) error {
			n := 0
			for id := range c.All() {
				if c.Delete(id); n == 500 {
					break
				}
				n++
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := openCache(t, Options{MaxBytes: 2 << 20, Shards: 1, MaxValue: 256 << 10})
			fillTiny(t, c)
			for err, steps := errInSteps, 0; err == errInSteps; steps++ {
				err = c.setStep("large", make([]byte, 256<<10))
				if err != errInSteps {
					require.NoError(t, err)
					break
				}
				if steps < 10 {
					require.NoError(t, between(c))
				}
				require.NoError(t, c.checkInvariants())
			}
			_, ok := c.Get("large")
			assert.True(t, ok)
		})
	}
}

// The old value can be read until the large value replaces it.
func TestSet_large_keeps_old_value(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 4 << 20, Shards: 1, MaxValue: 512 << 10, Protected: -1})
	for i := range 100 { // victims of fillTiny
		require.NoError(t, c.Set(fmt.Sprint("first ", i), nil, time.Hour))
	}
	require.NoError(t, c.Set("large", []byte("old"), time.Hour)) // among the first victims of the large Set
	fillTiny(t, c)
	steps := 0
	for err := errInSteps; err == errInSteps; steps++ {
		old, _ := c.Peek("large")
		require.Equal(t, "old", string(old))
		err = c.setStep("large", make([]byte, 512<<10))
	}
	assert.Greater(t, steps, 5)
	value, _ := c.Peek("large")
	assert.Len(t, value, 512<<10)
}

// Update and Load make room in steps too.
func TestUpdate_and_Load_large(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 4 << 20, Shards: 1, MaxValue: 512 << 10})
	fillTiny(t, c)
	value := bytes.Repeat([]byte("x"), 500_000)
	calls := 0
	require.NoError(t, c.Update("large", func([]byte, bool) (Change, error) {
		calls++
		return Put(value, time.Hour), nil
	}))
	assert.Equal(t, 1, calls)
	got, _ := c.Get("large")
	assert.True(t, bytes.Equal(value, got))

	full := openCache(t, Options{MaxBytes: 4 << 20, Shards: 1, MaxValue: 512 << 10})
	fillTiny(t, full)
	source := openCache(t, Options{MaxBytes: 4 << 20, Shards: 1, MaxValue: 512 << 10})
	require.NoError(t, source.Set("large", value, time.Hour))
	var stream bytes.Buffer
	require.NoError(t, source.Save(&stream))
	n, err := full.Load(&stream)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	require.NoError(t, full.checkInvariants())
}

// A step of SetMaxBytes evicts few entries, frees few blocks and merges few
// buckets.
func TestSetMaxBytes_bounds_each_step(t *testing.T) {
	skipUnderRace(t)
	const entries = 100_000
	for name, prepare := range map[string]func(c *Cache){
		"full": func(*Cache) {},
		"with free blocks": func(c *Cache) {
			for i := 0; i < entries; i += 3 {
				c.Delete(fmt.Sprint(i))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := openCache(t, Options{MaxBytes: 16 << 20, Shards: 1, MaxValue: 1000})
			for i := range entries {
				require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 100), time.Hour))
			}
			prepare(c)
			s, o := &c.shards[0], c.options
			o.MaxBytes = 4 << 20
			for done := false; !done; {
				c.lock(s)
				evictions, free, buckets := s.counts.evictions[Capacity-1], s.arena.listed(), s.index.buckets
				var err error
				done, err = s.fitSome(o)
				evictions, free, buckets = s.counts.evictions[Capacity-1]-evictions, free-s.arena.listed(), buckets-s.index.buckets
				c.unlock(s)
				require.NoError(t, err)
				require.LessOrEqual(t, evictions, uint64(500))
				require.LessOrEqual(t, free, 800)
				require.LessOrEqual(t, buckets, uint32(500))
			}
			require.NoError(t, c.checkInvariants())
		})
	}
}

// retired returns the granules of the blocks in retired memory that are in use.
func (a *records) retired() (granules int) {
	for r, h := range a.Blocks() {
		if a.IsRetired(r) && h.Kind() >= arena.KindOwner {
			granules += int(h.Granules())
		}
	}
	return granules
}

// A step of SetMaxBytes moves few bytes, and looks at few buckets if nothing in
// them has to move.
func TestSetMaxBytes_bounds_moves(t *testing.T) {
	for name, test := range map[string]struct {
		tiny    int // entries that stay
		size    int // of the values of the others
		deleted func(i, last int) bool
	}{
		"entries of 6 kB": {0, 6000, func(i, last int) bool { return i < last*2/3 }},
		"only one moves":  {50_000, 6000, func(i, last int) bool { return i < last }},
	} {
		t.Run(name, func(t *testing.T) {
			c := openCache(t, Options{MaxBytes: 16 << 20, Shards: 1, MaxValue: 10_000})
			s, n := &c.shards[0], 0
			storeTiny(t, c, test.tiny)
			for ; len(s.arena.Unused()) > 300_000; n++ {
				require.NoError(t, c.Set(fmt.Sprint("other ", n), make([]byte, test.size), time.Hour))
			}
			for i := range n {
				if test.deleted(i, n-1) {
					c.Delete(fmt.Sprint("other ", i))
				}
			}
			_, _, err := c.aim(10 << 20)
			require.NoError(t, err)
			most, total, buckets := 0, 0, 0
			for done := false; !done; {
				before, from := s.arena.retired(), uint32(0)
				moving := s.shrink != nil && s.shrink.phase == evacuateEntries
				if moving {
					from = s.shrink.walk.next
				}
				done, _, _, err = c.fitStep(s)
				require.NoError(t, err)
				if !moving {
					continue
				}
				moved := before - s.arena.retired()
				most, total = max(most, moved*granule), total+moved*granule
				passed := 0
				for b := range s.index.buckets {
					if at := reverse(tag(b)); at >= from && at < s.shrink.walk.next {
						passed++
					}
				}
				require.LessOrEqual(t, passed, 300)
				buckets += passed
			}
			assert.Zero(t, c.Stats().EvictedForCapacity)
			assert.EqualValues(t, s.index.buckets, buckets)
			assert.GreaterOrEqual(t, total, test.size)
			assert.LessOrEqual(t, most, 80_000)
			require.NoError(t, c.checkInvariants())
		})
	}
}

// listed counts the free blocks in the lists.
func (a *records) listed() (n int) {
	for _, h := range a.Blocks() {
		if h.Kind() == arena.KindFree && !h.Is(arena.Mark) {
			n++
		}
	}
	return n
}

// A step of the sweeper evicts few entries and merges few buckets.
func TestSweep_bounds_each_step(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const entries = 50_000
		c := openCache(t, Options{MaxBytes: 16 << 20, Shards: 1, MaxValue: 1000})
		for i := range entries {
			require.NoError(t, c.Set(fmt.Sprint(i), nil, time.Minute))
		}
		s := &c.shards[0]
		synctest.Wait() // the sweeper sleeps, and cannot sweep before the lock is free
		c.lock(s)
		defer c.unlock(s)
		time.Sleep(time.Minute)
		s.now = c.clock.now()
		holds := 0
		for from, more := 0, true; more; holds++ {
			expired, buckets := s.counts.evictions[Expired-1], s.index.buckets
			from = s.sweepSome(from)
			more = from != 0
			require.LessOrEqual(t, s.counts.evictions[Expired-1]-expired, uint64(1000))
			require.LessOrEqual(t, buckets-s.index.buckets, uint32(600))
		}
		assert.Greater(t, holds, 20)
		assert.Zero(t, s.entries())
		assert.EqualValues(t, 1<<s.index.shift, s.index.buckets)
	})
}

// expireBounds sets the deadline bounds of all segments to this lock hold,
// although no entry has expired.
func (s *shard) expireBounds() {
	s.earliest = s.now
	for i := range s.segmentEarliest {
		s.segmentEarliest[i] = s.now
	}
}

// exact returns the number of segments swept since expireBounds.
func (s *shard) exact() (n int) {
	for _, earliest := range s.segmentEarliest {
		if earliest > s.now {
			n++
		}
	}
	return n
}

// A step of the sweeper sweeps few segments, also if nothing has expired there.
func TestSweep_bounds_segments(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 16 << 20, Shards: 1})
	s := &c.shards[0]
	storeTiny(t, c, 50_000)
	c.lock(s)
	defer c.unlock(s)
	s.expireBounds()
	require.Greater(t, len(s.segmentEarliest), 100)
	for from, more := 0, true; more; {
		before := s.exact()
		from = s.sweepSome(from)
		more = from != 0
		require.LessOrEqual(t, s.exact()-before, 5)
	}
	require.Len(t, s.segmentEarliest, s.exact())
}

// All evictions of one lock hold sweep few segments together, also if they find
// nothing expired there. Each eviction looks at few segments.
func TestEviction_bounds_sweeps(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 16 << 20, Shards: 1})
	s := &c.shards[0]
	storeTiny(t, c, 50_000)
	c.lock(s)
	defer c.unlock(s)
	s.expireBounds()
	require.Greater(t, len(s.segmentEarliest), 100)
	for range 100 {
		require.True(t, s.evictVictim())
	}
	require.LessOrEqual(t, s.exact(), 10)

	s.now++ // another lock hold
	for i := range s.segmentEarliest {
		s.segmentEarliest[i] = s.now + 1
	}
	s.sweepNext, s.segmentEarliest[30] = 0, s.now
	require.True(t, s.evictVictim())
	require.Equal(t, len(s.segmentEarliest)-1, s.exact(), "segment 30 is too far to be swept")
}

// A step of ScanValues copies few bytes, and ScanValues finds every entry.
func TestScanValues_bounds_each_step(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 16 << 20, Shards: 1})
	for i := range 40 {
		require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 200_000), time.Hour))
	}
	found := 0
	for w := (walk{shard: &c.shards[0]}); !w.done; {
		entries, rest := c.nextScanned(&w, []byte{0})
		copied := 0
		for _, e := range entries {
			copied += len(e.Value)
		}
		require.LessOrEqual(t, copied, 64<<10)
		found += len(entries) + len(rest)
	}
	assert.Equal(t, 40, found)
	n := 0
	for e := range c.ScanValues([]byte{0}) {
		require.Len(t, e.Value, 200_000)
		n++
	}
	assert.Equal(t, 40, n)
}

// stored has the reversed tags of a shard's entries, in the order of a walk.
type stored []uint32

// storeTiny stores entries with values of one zero byte.
func storeTiny(t *testing.T, c *Cache, entries int) (all stored) {
	for i := range entries {
		id := fmt.Sprint(i)
		require.NoError(t, c.Set(id, []byte{0}, time.Hour))
		all = append(all, reverse(tagOf(c.hash(id))))
	}
	slices.Sort(all)
	return all
}

// visited returns the number of entries between two positions of a walk.
func (all stored) visited(from, to uint32) int {
	i, _ := slices.BinarySearch(all, from)
	j, _ := slices.BinarySearch(all, to)
	return j - i
}

// A step of any walk visits few entries, whether or not it returns them.
func TestWalks_bound_visits(t *testing.T) {
	const entries = 20_000
	c := openCache(t, Options{MaxBytes: 16 << 20, Shards: 1})
	s, all := &c.shards[0], storeTiny(t, c, entries)
	for name, test := range map[string]struct {
		step           func(w *walk) (returned int)
		visited, total int // in one step, and returned in all
	}{
		"ScanValues of all": {func(w *walk) int {
			found, rest := c.nextScanned(w, nil)
			return len(found) + len(rest)
		}, 150, entries},
		"ScanValues of none": {func(w *walk) int {
			found, rest := c.nextScanned(w, []byte{1})
			return len(found) + len(rest)
		}, 2200, 0},
		"All": {func(w *walk) int {
			c.nextIDs(w)
			return len(w.ids)
		}, 150, entries},
		"sorting": {func(w *walk) int {
			c.lock(s)
			defer c.unlock(s)
			return len(s.appendUses(nil, w, use{tick: ^uint64(0)}, use{}))
		}, 1200, entries},
	} {
		t.Run(name, func(t *testing.T) {
			total := 0
			for w := (walk{shard: s}); !w.done; {
				from := w.next
				total += test.step(&w)
				require.LessOrEqual(t, all.visited(from, w.next), test.visited)
			}
			assert.Equal(t, test.total, total)
		})
	}
}

// ScanValues compares a value in fragments in place, also if the prefix spans
// several fragments.
func TestScanValues_compares_in_place(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 4 << 20, Shards: 1})
	fillTiny(t, c)
	value := bytes.Repeat([]byte("0123456789"), 50_000)
	require.NoError(t, c.Set("chain", value, time.Hour))
	require.Greater(t, c.blocks("chain"), 2)
	s, tg := c.lockFor("chain")
	defer c.unlock(s)
	r := s.find("chain", tg)
	other := bytes.Clone(value)
	other[len(other)-1]++
	allocated := testing.AllocsPerRun(10, func() {
		assert.True(t, s.arena.valueHasPrefix(r, value))
		assert.False(t, s.arena.valueHasPrefix(r, other))
		assert.True(t, s.arena.valueHasPrefix(r, nil))
	})
	assert.Zero(t, allocated)
}

// A step of a walk copies few IDs if they are long.
func TestWalk_bounds_each_step(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 16 << 20, Shards: 1})
	for i := range 100 {
		require.NoError(t, c.Set(fmt.Sprintf("%050000d", i), nil, time.Hour))
	}
	n := 0
	for w := (walk{shard: &c.shards[0]}); c.nextIDs(&w); n += len(w.ids) {
		require.LessOrEqual(t, len(w.ids), 2+2*slotsPerBucket)
	}
	assert.Equal(t, 100, n)
}

// Load sorts more entries than one walk over the shard can.
func TestLoad_sorts_in_several_walks(t *testing.T) {
	const entries = 8 * sortLeast
	for _, lists := range []string{"plain", "two"} {
		t.Run(lists, func(t *testing.T) {
			o := Options{MaxBytes: 16 << 20, Shards: 1, MaxValue: 100}
			if lists == "plain" {
				o.Protected = -1
			}
			c := openCache(t, o)
			s := &c.shards[0]
			random := rand.New(rand.NewPCG(1, 2))
			for i := range entries {
				id := fmt.Sprint(i)
				require.NoError(t, c.Set(id, nil, time.Hour))
				if i%3 == 0 {
					c.Get(id)
				}
				_, tg := c.lockFor(id)
				s.arena.record(s.find(id, tg)).setLastUse(uint64(random.IntN(entries / 2))) // some are equal
				c.unlock(s)
			}
			c.sortByUse(s)
			require.NoError(t, c.checkInvariants())
			for _, l := range []*list{&s.order.probation, &s.order.protected} {
				before := ^uint64(0)
				for r, n := l.newest, l.count; n > 0; n-- {
					h := s.arena.record(r)
					require.LessOrEqual(t, h.lastUse(), before)
					before, r = h.lastUse(), h.older
				}
			}
		})
	}
}

// Load moves few entries in one lock hold. Three other goroutines wait for the
// lock throughout, and each holds it for more than a millisecond. So sync.Mutex
// hands the lock over in the order of arrival: each lock hold of Load is
// followed by some of theirs, which count the entries moved.
func TestLoad_bounds_moves(t *testing.T) {
	const entries = 4000 // in one walk
	c := openCache(t, Options{MaxBytes: 4 << 20, Shards: 1, Protected: -1})
	s := &c.shards[0]
	storeTiny(t, c, entries)
	for r, n := s.order.probation.oldest, entries; n > 0; n-- { // the oldest has the latest use
		s.arena.record(r).setLastUse(uint64(n))
		r = s.arena.record(r).newer
	}
	moved, fewest := 0, entries
	count := func() {
		now := entries - int(s.arena.record(s.order.probation.oldest).lastUse())
		if now > moved {
			fewest = min(fewest, now-moved)
		}
		moved = now
	}
	var sorted atomic.Bool
	var others sync.WaitGroup
	for range 3 {
		others.Go(func() {
			for !sorted.Load() {
				c.lock(s)
				count()
				time.Sleep(1500 * time.Microsecond)
				c.unlock(s)
			}
		})
	}
	time.Sleep(10 * time.Millisecond) // now the others hand the lock over to each other
	c.sortByUse(s)
	sorted.Store(true)
	others.Wait()
	count()
	assert.Equal(t, entries-1, moved)
	assert.LessOrEqual(t, fewest, 300)
	require.NoError(t, c.checkInvariants())
}

// Load of an empty stream sorts nothing. A list that is not in the order of the
// latest uses, because entries were demoted to it, stays as it is.
func TestLoad_of_nothing_keeps_order(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 64 << 10, Shards: 1})
	s := &c.shards[0]
	for i := range 100 {
		require.NoError(t, c.Set(fmt.Sprint(i), nil, time.Hour))
		_, tg := c.lockFor(fmt.Sprint(i))
		s.arena.record(s.find(fmt.Sprint(i), tg)).setLastUse(uint64(1000 - i))
		c.unlock(s)
	}
	order := func() (refs []ref) {
		for r, n := s.order.probation.newest, s.order.probation.count; n > 0; n-- {
			refs = append(refs, r)
			r = s.arena.record(r).older
		}
		return refs
	}
	before := order()
	var stream bytes.Buffer
	require.NoError(t, openCache(t, Options{}).Save(&stream))
	n, err := c.Load(&stream)
	require.NoError(t, err)
	assert.Zero(t, n)
	assert.Equal(t, before, order())
}

// giveBack visits no free block twice: blocks that have given their memory back
// are behind the others in their list, as checkInvariants verifies.
func TestGiveBack_each_block_once(t *testing.T) {
	if arena.Guarded {
		t.Skip("guarded blocks are not given back")
	}
	c := openCache(t, Options{MaxBytes: 32 << 20, Shards: 1})
	const entries = 900
	for i := range entries {
		require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 30_000), time.Hour))
	}
	s := &c.shards[0]
	calls, freed := 0, 0
	for i := range entries {
		if i%3 == 0 {
			continue
		}
		c.Delete(fmt.Sprint(i))
		freed++
		if i%7 != 0 {
			continue
		}
		c.lock(s)
		for s.giveBack() {
			calls++
		}
		c.unlock(s)
		require.NoError(t, c.checkInvariants())
	}
	c.lock(s)
	for s.giveBack() {
		calls++
	}
	c.unlock(s)
	require.NoError(t, c.checkInvariants())
	assert.Positive(t, calls)
	assert.LessOrEqual(t, calls, 2*freed)
}

// SetMaxBytes gathers room to move a large entry. If the entry is deleted
// before that, SetMaxBytes frees the room and ends.
func TestSetMaxBytes_entry_deleted_midway(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 8 << 20, Shards: 1, MaxValue: 1 << 20, Protected: -1})
	s := &c.shards[0]
	for i := 0; len(s.arena.Unused()) > 2<<20; i++ {
		require.NoError(t, c.Set(fmt.Sprintf("%06d", i), nil, time.Hour))
	}
	require.NoError(t, c.Set("large", make([]byte, 1<<20), time.Hour))
	fillTiny(t, c)
	random := rand.New(rand.NewPCG(1, 2))
	for range 300_000 { // so that victims are scattered
		c.Get(fmt.Sprintf("%06d", random.IntN(150_000)))
		c.Get(fmt.Sprintf("%07d", random.IntN(150_000)))
	}
	c.Get("large")
	_, _, err := c.aim(5 << 20)
	require.NoError(t, err)
	gathered := false
	for done := false; !done && !gathered; {
		done, _, _, err = c.fitStep(s)
		require.NoError(t, err)
		gathered = s.room.first != 0
	}
	require.True(t, gathered)
	require.True(t, c.Delete("large"))

	require.NoError(t, c.SetMaxBytes(5<<20))

	require.Zero(t, s.room)
	require.NoError(t, c.checkInvariants())
}
