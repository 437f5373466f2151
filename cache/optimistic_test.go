package cache

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func needOptimism(t *testing.T) {
	t.Helper()
	if !canReadOptimistically {
		t.Skip("each read takes the lock here")
	}
}

// optimistic returns how many optimistic reads had a result that counts.
func (c *Cache) optimistic() (hits, misses uint64) {
	var total Stats
	c.readers.addTo(&total)
	return total.Hits, total.Misses
}

func TestOptimistic(t *testing.T) {
	needOptimism(t)
	c := openCache(t, Options{MaxBytes: 64 << 10, Shards: 1, MaxValue: 20 << 10})
	require.NoError(t, c.Set("a", []byte("value"), time.Hour))
	c.Get("a") // moves it to the front of protected, with the lock

	t.Run("Get", func(t *testing.T) {
		value, ok := c.Get("a")
		assert.True(t, ok)
		assert.Equal(t, "value", string(value))
		_, ok = c.Get("b")
		assert.False(t, ok)
		hits, misses := c.optimistic()
		assert.EqualValues(t, []uint64{1, 1}, []uint64{hits, misses})
	})
	t.Run("Append", func(t *testing.T) {
		value, ok := c.Append([]byte("a "), "a")
		assert.True(t, ok)
		assert.Equal(t, "a value", string(value))
		value, ok = c.Append([]byte("a "), "b")
		assert.False(t, ok)
		assert.Equal(t, "a ", string(value))
		hits, misses := c.optimistic()
		assert.EqualValues(t, []uint64{2, 2}, []uint64{hits, misses})
	})
	t.Run("Peek", func(t *testing.T) {
		value, ok := c.Peek("a")
		assert.True(t, ok)
		assert.Equal(t, "value", string(value))
		value, ok = c.Peek("b")
		assert.False(t, ok)
		assert.Nil(t, value)
		hits, misses := c.optimistic()
		assert.EqualValues(t, []uint64{2, 2}, []uint64{hits, misses}, "they do not count")
	})
	t.Run("Stats", func(t *testing.T) {
		stats := c.Stats()
		assert.EqualValues(t, []uint64{3, 2}, []uint64{stats.Hits, stats.Misses})
	})
	t.Run("allocates the value", func(t *testing.T) {
		assert.Equal(t, 1.0, testing.AllocsPerRun(1000, func() { c.Get("a") }))
		buffer := make([]byte, 0, 10)
		assert.Zero(t, testing.AllocsPerRun(1000, func() { c.Append(buffer, "a") }))
	})
	t.Run("not during a change", func(t *testing.T) {
		s := &c.shards[0]
		s.lock()
		_, _, done := c.tryRead(nil, "a", true)
		s.endChange()
		s.mu.Unlock()
		assert.False(t, done)
		_, _, done = c.tryRead(nil, "a", true)
		assert.True(t, done)
	})
	t.Run("not an entry in parts", func(t *testing.T) {
		for i := range 100 { // until the free blocks are short
			require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 400+i), time.Hour))
		}
		for i := 0; i < 100; i += 2 {
			c.Delete(fmt.Sprint(i))
		}
		large := bytes.Repeat([]byte("large"), 2000)
		require.NoError(t, c.Set("large", large, time.Hour))
		if s := &c.shards[0]; s.arena.record(s.find("large", tagOf(c.hash("large")))).header.Kind() != isChain {
			t.Skip("it lies in one block")
		}
		_, _, done := c.tryRead(nil, "large", true)
		assert.False(t, done)
		value, _ := c.Get("large")
		assert.Equal(t, large, value)
	})
	t.Run("not after Close", func(t *testing.T) {
		require.NoError(t, c.Close())
		_, _, done := c.tryRead(nil, "a", true)
		assert.False(t, done)
		_, ok := c.Get("a")
		assert.False(t, ok)
	})
}

func TestOptimistic_expired(t *testing.T) {
	needOptimism(t)
	synctest.Test(t, func(t *testing.T) {
		c := openCache(t, Options{MaxBytes: 64 << 10, Shards: 1})
		require.NoError(t, c.Set("a", []byte("secret"), time.Second))
		c.Get("a")
		time.Sleep(time.Second - 1)
		_, found, done := c.tryRead(nil, "a", true)
		assert.True(t, found)
		assert.True(t, done)
		time.Sleep(time.Nanosecond)
		buffer := make([]byte, 10)
		_, found, _ = c.tryRead(buffer[:0], "a", true)
		assert.False(t, found)
		assert.Equal(t, make([]byte, 10), buffer, "an expired value is not copied")
		_, ok := c.Get("a")
		assert.False(t, ok)
	})
}

// A use that moves its entry takes the lock, and counts as any other.
func TestOptimistic_order(t *testing.T) {
	needOptimism(t)
	synctest.Test(t, func(t *testing.T) {
		var evicted []string
		c := openCache(t, Options{MaxBytes: 64 << 10, Shards: 1, Protected: -1, MaxValue: 8000, OnEvict: func(id string, _ EvictionReason) {
			evicted = append(evicted, id)
		}})
		set := func(id string) { require.NoError(t, c.Set(id, make([]byte, 6500), time.Hour)) }
		for i := range shortList - 1 {
			set(fmt.Sprint(i))
		}
		require.Empty(t, evicted)
		var want []string // by latest use
		for _, n := range rand.Perm(100) {
			id := fmt.Sprint(n % (shortList - 1))
			_, ok := c.Get(id)
			require.True(t, ok)
			time.Sleep(time.Millisecond)
			want = append(slices.DeleteFunc(want, func(s string) bool { return s == id }), id)
		}
		require.EqualValues(t, 100, c.Stats().Hits)
		for i := 0; len(evicted) < shortList-1; i++ {
			set(fmt.Sprint("new", i))
		}
		assert.Equal(t, want, evicted[:shortList-1])
	})
}

// A use that moves its entry does nothing if the shard has changed since the
// entry was found.
func TestOptimistic_use_after_change(t *testing.T) {
	needOptimism(t)
	c := openCache(t, Options{MaxBytes: 64 << 10, Shards: 1})
	require.NoError(t, c.Set("a", []byte("value"), time.Hour))
	s := &c.shards[0]
	r, before := s.find("a", tagOf(c.hash("a"))), s.seq.load()
	require.True(t, c.Delete("a"))
	value, found, done := s.useUnchanged([]byte("kept"), r, 1, before, c.clock.now())
	assert.Equal(t, "kept", string(value))
	assert.False(t, found)
	assert.False(t, done)
	assert.Zero(t, c.Stats().Hits)
	require.NoError(t, c.checkInvariants())
}

// Touch, a use that moves its entry, and visits to all entries leave other
// optimistic reads valid.
func TestOptimistic_reads_go_on(t *testing.T) {
	needOptimism(t)
	c := openCache(t, Options{MaxBytes: 64 << 10, Shards: 1})
	require.NoError(t, c.Set("a", nil, time.Hour))
	require.NoError(t, c.Set("b", nil, time.Hour))
	before := c.shards[0].seq.load()
	c.Get("a")
	c.Get("b")
	require.True(t, c.Touch("a", time.Minute))
	assert.Len(t, maps.Collect(c.All()), 2)
	for range c.ScanValues(nil) {
	}
	require.NoError(t, c.Save(io.Discard))
	c.Survey()
	assert.Equal(t, before, c.shards[0].seq.load())
	require.True(t, c.Delete("a"))
	assert.Equal(t, before+2, c.shards[0].seq.load())
}

// wait waits for the readers that entered before it. Newer ones do not prolong
// it, neither in the same stripe nor in others.
func TestReaders_wait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for stripes := 1; stripes <= 64; stripes *= 8 {
			r := &readers{stripes: make([]stripe, stripes)}
			enter := func(s *stripe) { atomic.AddUint64(&s.state, 1) }
			for i := range r.stripes {
				older := &r.stripes[i]
				enter(older)
				var waited atomic.Bool
				go func() {
					r.wait()
					waited.Store(true)
				}()
				time.Sleep(time.Second)
				for j := range r.stripes {
					if j != i {
						enter(&r.stripes[j])
					}
				}
				time.Sleep(time.Second)
				tooSoon := waited.Load()
				older.leave(noResult)
				enter(older)
				time.Sleep(time.Second)
				inTime := waited.Load()
				for j := range r.stripes {
					r.stripes[j].leave(hasHit)
				}
				synctest.Wait()
				require.False(t, tooSoon)
				require.True(t, inTime)
			}
			var total Stats
			r.addTo(&total)
			require.EqualValues(t, stripes*stripes, total.Hits)
		}
	})
}

// The stripes are those of the shards. They are in the account, and stay, while
// the cap changes.
func TestReaders_memory(t *testing.T) {
	needOptimism(t)
	const shards = 16
	for _, caps := range [][2]int64{{1 << 20, 48 << 10}, {48 << 10, 64 << 20}} {
		c := openCache(t, Options{MaxBytes: caps[0], Shards: shards, MaxValue: 100})
		require.NoError(t, c.SetMaxBytes(caps[1]))
		fresh := openCache(t, Options{MaxBytes: caps[1], Shards: shards, MaxValue: 100})
		assert.Equal(t, len(fresh.readers.stripes), len(c.readers.stripes))
		for _, c := range []*Cache{c, fresh} {
			held := len(c.readers.stripes) * int(unsafe.Sizeof(stripe{}))
			empty := shards * int(shardBytes)
			assert.GreaterOrEqual(t, c.Stats().Bytes.Fixed, int64(held+empty))
		}
	}
}

// A stripe has one reader at a time: the next one takes another stripe. A
// reader that finds none takes the lock.
func TestReaders_full(t *testing.T) {
	needOptimism(t)
	c := openCache(t, Options{MaxBytes: 256 << 10, Shards: 1})
	one, other := c.readers.enter(), c.readers.enter()
	one.leave(noResult)
	require.NotNil(t, other)
	other.leave(noResult)
	require.NotSame(t, one, other)
	require.NoError(t, c.Set("a", []byte("value"), time.Hour))
	var held []*stripe
	for i := range c.readers.stripes {
		c.readers.stripes[i].state++
		held = append(held, &c.readers.stripes[i])
	}
	require.Nil(t, c.readers.enter())
	value, ok := c.Get("a")
	require.True(t, ok)
	require.Equal(t, "value", string(value))
	hits, _ := c.optimistic()
	require.Zero(t, hits)
	for _, s := range held {
		s.leave(noResult)
	}
	c.Get("a")
	require.EqualValues(t, 2, c.Stats().Hits)
	hits, _ = c.optimistic()
	require.EqualValues(t, 1, hits)
}

// Readers pause as long as any call of SetMaxBytes is under way.
func TestReaders_pauses(t *testing.T) {
	needOptimism(t)
	c := openCache(t, Options{MaxBytes: 256 << 10, Shards: 1})
	require.NoError(t, c.Set("a", nil, time.Hour))
	c.pauseReaders()
	c.pauseReaders()
	for _, pauses := range []bool{true, false} {
		c.resumeReaders()
		_, _, done := c.tryRead(nil, "a", true)
		require.Equal(t, pauses, !done)
	}
}

// Goroutines have different stripes, mostly, so that they seldom write to one
// line.
func TestReaders_apart(t *testing.T) {
	needOptimism(t)
	const goroutines = 64
	var hashes [goroutines]uint64
	var all, group sync.WaitGroup
	all.Add(goroutines)
	for i := range hashes {
		group.Go(func() {
			hashes[i] = stripeOf()
			all.Done()
			all.Wait() // a goroutine that has ended leaves its stack to another
		})
	}
	group.Wait()
	used := func(shards int) int {
		stripes := map[uint64]bool{}
		for _, h := range hashes {
			stripes[h%uint64(stripesFor(shards))] = true
		}
		return len(stripes)
	}
	assert.GreaterOrEqual(t, used(16), goroutines/4)
	assert.Greater(t, stripesFor(maxShards), stripesFor(16))
	assert.GreaterOrEqual(t, used(maxShards), goroutines*3/4)
	assert.EqualValues(t, lineBytes, unsafe.Sizeof(stripe{}))
}

// All lookups count, from however many goroutines, and also while stripes are
// few.
func TestReaders_count(t *testing.T) {
	needOptimism(t)
	for _, shards := range []int{1, 16} {
		c := openCache(t, Options{MaxBytes: 4 << 20, Shards: shards})
		for i := range 100 {
			require.NoError(t, c.Set(fmt.Sprint(i), nil, time.Hour))
		}
		const goroutines, lookups = 50, 20_000
		var group sync.WaitGroup
		for range goroutines {
			group.Go(func() {
				for i := range lookups {
					c.Append(nil, fmt.Sprint(i%200)) // half of them miss
				}
			})
		}
		group.Wait()
		s := c.Stats()
		assert.EqualValues(t, goroutines*lookups/2, s.Hits)
		assert.EqualValues(t, goroutines*lookups/2, s.Misses)
		hits, misses := c.optimistic()
		assert.Greater(t, hits+misses, uint64(goroutines*lookups/3))
	}
}

// A value is whole, although writers overwrite it all the time. Without the
// comparison of sequence numbers it is not: the control shows that the test
// would notice.
func TestOptimistic_whole_values(t *testing.T) {
	needOptimism(t)
	c := openCache(t, Options{MaxBytes: 256 << 10, Shards: 1, MaxValue: 8 << 10})
	ids := []string{"a", "b", "c", "d"}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w, id := range ids {
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					value := bytes.Repeat([]byte{byte(w<<6 | n&63)}, 1000+n*37%3000)
					assert.NoError(t, c.Set(id, value, time.Hour))
				}
			}
		})
	}
	defer writers.Wait()
	defer close(stop)
	// isTorn reports whether a value is not one of the ID's.
	isTorn := func(value []byte, w int) bool {
		return len(value) > 0 && (bytes.Count(value, value[:1]) != len(value) || value[0]>>6 != byte(w))
	}

	var buffer []byte
	reads := 0
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline) || reads == 0; {
		for w, id := range ids {
			clear(buffer)
			value, found, done := c.tryRead(buffer[:0], id, false)
			if !done {
				continue
			}
			reads++
			require.False(t, found && isTorn(value, w))
			beyond := value[len(value):cap(value)]
			require.Equal(t, len(beyond), bytes.Count(beyond, []byte{0}), "the rest of a discarded copy")
			buffer = value[:cap(value)]
		}
	}

	torn := false
	for deadline := time.Now().Add(time.Minute); !torn && time.Now().Before(deadline); {
		for w, id := range ids {
			s, hash := &c.shards[0], c.hash(id)
			reader := c.readers.enter()
			if b, ok := s.bucketIn(s.view.Load(), tagOf(hash)); ok {
				var e seen
				if s.view.Load().find(&e, b, id, tagOf(hash), &c.clock) {
					value := append(buffer[:0], e.value...)
					torn = torn || isTorn(value, w)
				}
			}
			reader.leave(noResult)
		}
	}
	require.True(t, torn, "the control")
}

// Whatever the memory holds while it changes, a reader stays within it.
func TestOptimistic_any_memory(t *testing.T) {
	const size, longest = 16 << 10, 200
	memory := make([]uint64, size/8)
	random := rand.New(rand.NewPCG(rand.Uint64(), 1))
	s := &shard{}
	v := &view{base: unsafe.Pointer(&memory[0]), size: size, shift: 1, longest: longest, segments: make([]ref, 16)}
	start, end := uintptr(v.base), uintptr(v.base)+size
	found := 0
	for range 300_000 {
		for range 4 {
			at := random.IntN(len(memory))
			switch random.IntN(4) {
			case 0:
				memory[at] = random.Uint64()
			case 1: // a slot of one of few tags
				memory[at] = uint64(makeSlot(tag(random.IntN(4)), ref(random.IntN(size/8+8)))) | uint64(isLink)*random.Uint64N(2)
			case 2: // a header of a short or a long block
				*(*header)(unsafe.Pointer(&memory[at])) = header(random.Uint32())&^(1<<23-1<<6) | header(isRecord)<<29
			case 3: // the length of the ID
				memory[at] = random.Uint64()&^0xffff | random.Uint64N(3)
			}
		}
		v.segments[random.IntN(len(v.segments))] = ref(random.IntN(size/8 + 8))
		s.index.buckets = random.Uint32() >> random.IntN(33)
		id := string(make([]byte, random.IntN(3)))
		tag := tag(random.IntN(4))
		b, ok := s.bucketIn(v, tag)
		if !ok {
			continue
		}
		at := uintptr(unsafe.Pointer(b))
		require.True(t, start <= at && at+lineBytes <= end)
		var e seen
		if v.find(&e, b, id, tag, &clock{}) && e.slot != 0 {
			at := uintptr(unsafe.Pointer(unsafe.SliceData(e.value)))
			require.True(t, start <= at && at+uintptr(len(e.value)) <= end, "%d bytes", len(e.value))
			require.LessOrEqual(t, len(e.value), longest)
			found++
		}
	}
	require.Positive(t, found)
}

// A reader leaves a record whose value is longer than MaxValue to the lock.
func TestOptimistic_longest_value(t *testing.T) {
	needOptimism(t)
	const longest = 4000
	c := openCache(t, Options{MaxBytes: 256 << 10, Shards: 1, MaxValue: longest})
	require.NoError(t, c.Set("a", make([]byte, longest), time.Hour))
	s, id := &c.shards[0], tagOf(c.hash("a"))
	v := *s.view.Load()
	for _, fits := range []bool{true, false} {
		b, ok := s.bucketIn(&v, id)
		require.True(t, ok)
		var e seen
		require.Equal(t, fits, v.find(&e, b, "a", id, &c.clock))
		require.Equal(t, fits, len(e.value) == longest)
		v.longest--
	}
}

// Close and SetMaxBytes unmap no memory that a reader looks at. If they did not
// wait for readers, the program would end with a fault.
func TestOptimistic_unmapping(t *testing.T) {
	needOptimism(t)
	var current atomic.Pointer[Cache]
	ids := make([]string, 200)
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	fill := func(c *Cache) {
		for i := range 200 {
			require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 1000), time.Hour))
		}
	}
	open := func() *Cache {
		c, err := New(Options{MaxBytes: 256 << 10, Shards: 1, MaxValue: 4000})
		require.NoError(t, err)
		fill(c)
		return c
	}
	current.Store(open())
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			buffer := make([]byte, 0, 1000)
			for {
				select {
				case <-stop:
					return
				default:
					c := current.Load()
					for i := range ids {
						if value, ok := c.Append(buffer, ids[i]); ok {
							assert.Len(t, value, 1000)
						}
					}
				}
			}
		})
	}
	for range steps(100) {
		c := current.Load()
		for range 5 {
			require.NoError(t, c.SetMaxBytes(48<<10))
			require.NoError(t, c.SetMaxBytes(256<<10))
			fill(c)
		}
		current.Store(open())
		require.NoError(t, c.Close())
	}
	close(stop)
	readers.Wait()
	require.NoError(t, current.Load().Close())
}

// SetMaxBytes and Close wait for a reader.
func TestOptimistic_waits(t *testing.T) {
	needOptimism(t)
	for name, call := range map[string]func(*Cache) error{
		"SetMaxBytes": func(c *Cache) error { return c.SetMaxBytes(64 << 10) },
		"Close":       (*Cache).Close,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := openCache(t, Options{MaxBytes: 256 << 10, Shards: 1, MaxValue: 1000})
				reader := c.readers.enter()
				done := make(chan error, 1)
				go func() { done <- call(c) }()
				time.Sleep(time.Second)
				waits := len(done) == 0
				reader.leave(noResult)
				require.NoError(t, <-done)
				require.True(t, waits)
			})
		})
	}
}
