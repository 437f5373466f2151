package cache

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// steps returns the number of random steps of a test: n, or n times
// HOLDFAST_LONG.
func steps(n int) int {
	if times, err := strconv.Atoi(os.Getenv("HOLDFAST_LONG")); err == nil {
		return n * times
	}
	return n
}

// TestModel compares the cache with a plain one after each random step: 50,000
// steps in all, or a million with HOLDFAST_LONG=20, as in CI.
func TestModel(t *testing.T) {
	for name, test := range map[string]struct {
		options  Options
		hashMask uint64
		ids      int
		longest  int // bytes of a value; if negative, one value in a hundred is up to -longest and the others are tiny
		steps    int
	}{
		"one shard":                {Options{MaxBytes: 32 << 10, Shards: 1}, ^uint64(0), 150, 1000, 6000},
		"one shard, plain LRU":     {Options{MaxBytes: 8 << 10, Shards: 1, Protected: -1}, ^uint64(0), 60, 300, 7000},
		"plain LRU, many entries":  {Options{MaxBytes: 64 << 10, Shards: 1, Protected: -1}, ^uint64(0), 600, 200, 3000},
		"four shards":              {Options{MaxBytes: 128 << 10, Shards: 4}, ^uint64(0), 500, 1000, 6000},
		"256 shards":               {Options{MaxBytes: 1 << 20, Shards: 256}, ^uint64(0), 6000, 900, 5000},
		"large values":             {Options{MaxBytes: 64 << 10, Shards: 1, MaxValue: 30 << 10}, ^uint64(0), 100, 30 << 10, 6000},
		"tiny entries":             {Options{MaxBytes: 16 << 10, Shards: 1}, ^uint64(0), 1000, 1, 5000},
		"large among tiny":         {Options{MaxBytes: 256 << 10, Shards: 1, MaxValue: 60 << 10}, ^uint64(0), 5000, -60 << 10, 6000},
		"one hash for all":         {Options{MaxBytes: 16 << 10, Shards: 1}, 0, 100, 400, 4000},
		"four hashes for all":      {Options{MaxBytes: 32 << 10, Shards: 2}, 1<<56 | 2, 150, 400, 4000},
		"one bucket, several tags": {Options{MaxBytes: 32 << 10, Shards: 1}, 0xffff_0000, 150, 400, 4000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newModelTest(t, test.options, test.hashMask)
				defer m.close()
				for range steps(test.steps) {
					m.step(test.ids, test.longest)
				}
				require.Positive(t, m.capacity, "no entry was evicted for room")
				require.Positive(t, m.resized, "the cap was never changed")
				require.Equal(t, m.ordered, m.reloaded == 0, "a snapshot is loaded in all tests but the ordered ones")
				t.Logf("%d steps, %d evictions for room, %d times another cap, %d times from a snapshot", m.steps, m.capacity, m.resized, m.reloaded)
			})
		})
	}
}

// FuzzOperations lets the fuzzer choose the operations: its bytes replace the
// random numbers.
func FuzzOperations(f *testing.F) {
	f.Add([]byte("any bytes are operations, and these are a few of them"), uint8(0))
	f.Add([]byte(strings.Repeat("\x10\x80\xff\x00", 200)), uint8(3))
	f.Fuzz(func(t *testing.T, drawn []byte, kind uint8) {
		synctest.Test(t, func(t *testing.T) {
			o := Options{MaxBytes: 16 << 10, Shards: 1 << (kind & 1)}
			if kind&2 != 0 {
				o.Protected = -1
			}
			m := newModelTest(t, o, ^uint64(0)>>(kind&0xfc))
			defer m.close()
			source := &drawnBytes{drawn, rand.NewPCG(1, 2)}
			m.random = rand.New(source)
			for len(source.left) > 0 && m.steps < 2000 {
				m.step(100, 1500)
			}
		})
	})
}

// drawnBytes is a random source that yields the given bytes first.
type drawnBytes struct {
	left []byte
	then rand.Source
}

func (d *drawnBytes) Uint64() uint64 {
	if len(d.left) < 3 {
		d.left = nil
		return d.then.Uint64()
	}
	next := [8]byte{0: d.left[0], 1: d.left[1], 2: d.left[2], 7: 1}
	d.left = d.left[3:]
	return binary.BigEndian.Uint64(next[:])
}

// modelTest runs the same operations on a cache and on a plain one and compares
// the results.
type modelTest struct {
	t        *testing.T
	options  Options
	hashMask uint64
	cache    *Cache
	plain    *plain
	random   *rand.Rand
	ordered  bool // victims follow the plain cache's order
	steps    int
	capacity int // evictions for room
	resized  int
	reloaded int
	most     int // the most entries so far
	seen     inspection

	mu   sync.Mutex
	told []evicted
}

func newModelTest(t *testing.T, o Options, hashMask uint64) *modelTest {
	m := &modelTest{t: t, options: o, hashMask: hashMask, plain: newPlain(), ordered: o.Protected < 0 && o.Shards == 1}
	m.random = rand.New(rand.NewPCG(1, 2))
	m.options.OnEvict = func(id string, reason EvictionReason) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.told = append(m.told, evicted{id, reason})
	}
	m.cache = m.open()
	return m
}

func (m *modelTest) open() *Cache {
	c, err := New(m.options)
	require.NoError(m.t, err)
	c.hashMask = m.hashMask
	return c
}

// close is for defer. A panic may leave a lock held, and Close would wait for
// it for ever, so close passes the panic on first.
func (m *modelTest) close() {
	if why := recover(); why != nil {
		panic(why)
	}
	m.cache.Close()
}

// step does one random operation on both.
func (m *modelTest) step(ids, longest int) {
	m.steps++
	id := strings.Repeat("i", 1+m.random.IntN(20)) + strconv.Itoa(m.random.IntN(ids))
	if len(id) > 3 && m.random.IntN(2) == 0 {
		id = strconv.Itoa(m.random.IntN(ids))
	}
	switch n := m.random.IntN(100); {
	case n < 40:
		m.set(id, m.value(longest))
	case n < 60:
		value, ok := m.cache.Append(nil, id)
		m.learn()
		want, wantOK := m.plain.get(id)
		m.same(string(value), ok, want, wantOK)
	case n < 65:
		value, ok := m.cache.Peek(id)
		m.learn()
		want, wantOK := m.plain.peek(id)
		m.same(string(value), ok, want, wantOK)
	case n < 75:
		ttl := m.ttl()
		if m.random.IntN(10) == 0 {
			ttl = -ttl
		}
		ok := m.cache.Touch(id, ttl)
		if e, found := m.plain.entries[id]; found && ttl <= 0 {
			m.plain.entries[id] = withTTL(e, 0)
		}
		m.learn()
		m.same("", ok, "", m.plain.touch(id, ttl))
	case n < 83:
		ok := m.cache.Delete(id)
		m.learn()
		_, wantOK := m.plain.find(id)
		m.plain.remove(id)
		m.same("", ok, "", wantOK)
	case n < 90:
		m.update(id, m.value(longest))
	case n < 95:
		time.Sleep(time.Duration(m.random.Int64N(int64(time.Second))))
		m.learn()
	case n < 97:
		require.Equal(m.t, len(m.plain.live()), m.cache.Len(), "step %d: Len evicts nothing", m.steps)
		m.learn()
	case n < 98:
		m.compareAll()
	default:
		if m.random.IntN(10) == 0 {
			m.resize()
		} else if m.random.IntN(10) == 0 && !m.ordered {
			m.reload()
		}
	}
	m.check(id)
}

// check inspects the shard of id, which the step may have damaged. Every so
// many steps as there are shards, it inspects all shards and the cap.
func (m *modelTest) check(id string) {
	if m.steps%len(m.cache.shards) != 0 {
		m.noError(m.cache.shardOf(m.cache.hash(id)).inspect(&m.seen))
		return
	}
	stats := m.cache.Stats()
	m.learn()
	if stats.Bytes.Total() > stats.MaxBytes {
		require.Fail(m.t, "more than the cap", "step %d: %d bytes, %d", m.steps, stats.Bytes.Total(), stats.MaxBytes)
	}
	m.noError(m.cache.inspect(&m.seen))
}

// noError is require.NoError without its cost for a nil error.
func (m *modelTest) noError(err error) {
	if err != nil {
		require.NoError(m.t, err, "step %d", m.steps)
	}
}

func (m *modelTest) value(longest int) string {
	size := 0
	switch {
	case longest >= 0 && m.random.IntN(2) == 0:
		size = m.random.IntN(longest/10 + 1)
	case longest >= 0:
		size = m.random.IntN(longest + 1)
	case m.random.IntN(100) == 0:
		size = m.random.IntN(1 - longest)
	default:
		size = m.random.IntN(10)
	}
	return strings.Repeat(string('a'+rune(m.random.IntN(26))), size)
}

func (m *modelTest) ttl() time.Duration {
	if m.random.IntN(20) == 0 {
		return NoExpiry
	}
	return time.Duration(1 + m.random.Int64N(int64(30*time.Second)))
}

func (m *modelTest) set(id, value string) {
	ttl := m.ttl()
	m.noError(m.cache.Set(id, []byte(value), ttl))
	m.learnBut(id)
	m.plain.set(id, value, ttl)
}

func (m *modelTest) update(id, value string) {
	ttl := m.ttl()
	change := []Change{Keep(), Remove(), Put([]byte(value), ttl)}[m.random.IntN(3)]
	var old string
	var found bool
	m.noError(m.cache.Update(id, func(o []byte, f bool) (Change, error) {
		old, found = string(o), f
		return change, nil
	}))
	m.learnBut(id)
	want, wantFound := m.plain.get(id)
	m.same(old, found, want, wantFound)
	switch change.action {
	case remove:
		m.plain.remove(id)
	case put:
		m.plain.set(id, value, ttl)
	}
}

func (m *modelTest) same(value string, ok bool, want string, wantOK bool) {
	if ok != wantOK || value != want {
		require.Equal(m.t, wantOK, ok, "step %d", m.steps)
		require.Equal(m.t, want, value, "step %d", m.steps)
	}
}

// learn removes the entries from the plain cache that the other reported as
// evicted. It fails if an entry did not exist or the reason is wrong.
func (m *modelTest) learn() { m.learnBut("") }

// learnBut is learn after a Set of id, which must not have evicted itself.
func (m *modelTest) learnBut(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.told {
		entry, ok := m.plain.entries[e.id]
		expired := m.plain.expired(entry)
		switch {
		case !ok:
			require.Fail(m.t, "an entry that did not exist was evicted", "step %d", m.steps)
		case e.reason == Expired && !expired:
			require.Fail(m.t, "evicted as expired before its time", "step %d", m.steps)
		case e.reason == Capacity && e.id == id:
			require.Fail(m.t, "an entry evicted itself", "step %d", m.steps)
		case e.reason == Capacity:
			m.capacity++
			if m.ordered {
				m.requireVictim(e.id, id)
			}
		}
		m.plain.remove(e.id)
	}
	m.told = m.told[:0]
}

// requireVictim fails if live entries other than stored were used before the
// victim, except entries whose latest use was so shortly before that a long list
// may confuse them. Expired entries do not count, because the two caches remove
// them at different times.
func (m *modelTest) requireVictim(victim, stored string) {
	m.most = max(m.most, len(m.plain.order))
	use := m.plain.uses[victim]
	for _, id := range m.plain.order {
		if id == victim {
			return
		}
		if id == stored || m.plain.expired(m.plain.entries[id]) {
			continue
		}
		if before := use.at.Sub(m.plain.uses[id].at); m.most < shortList || before > use.confused {
			require.Fail(m.t, "an entry idle for longer than the victim stays", "step %d: %v longer, of %d", m.steps, before, m.most)
		}
	}
}

func (m *modelTest) compareAll() {
	all := map[string]string{}
	for id, value := range m.cache.All() {
		_, twice := all[id]
		require.False(m.t, twice, "step %d: %s was visited twice", m.steps, id)
		all[id] = string(value)
	}
	m.learn()
	require.Equal(m.t, m.plain.live(), all, "step %d", m.steps)
}

func (m *modelTest) resize() {
	maxBytes := m.options.MaxBytes/2 + m.random.Int64N(m.options.MaxBytes)
	err := m.cache.SetMaxBytes(maxBytes)
	m.learn()
	if err != nil {
		require.ErrorIs(m.t, err, ErrInvalid)
		return
	}
	m.resized++
}

// reload saves the cache and continues with another that has loaded it.
func (m *modelTest) reload() {
	m.reloaded++
	var stream bytes.Buffer
	require.NoError(m.t, m.cache.Save(&stream))
	m.learn()
	require.NoError(m.t, m.cache.Close())
	m.cache = m.open()
	require.NoError(m.t, m.cache.SetMaxBytes(3*m.options.MaxBytes))
	time.Sleep(time.Second)
	loaded, err := m.cache.Load(&stream)
	require.NoError(m.t, err)
	require.Equal(m.t, len(m.plain.live()), loaded)
	for id, e := range m.plain.entries {
		if m.plain.expired(e) {
			m.plain.remove(id)
		}
	}
	m.compareAll()
}
