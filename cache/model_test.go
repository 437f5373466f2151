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

// steps returns how many random steps a test takes: n, or as many times that as
// HOLDFAST_LONG says.
func steps(n int) int {
	if times, err := strconv.Atoi(os.Getenv("HOLDFAST_LONG")); err == nil {
		return n * times
	}
	return n
}

func TestACacheDoesWhatThePlainOneDoes(t *testing.T) {
	for name, test := range map[string]struct {
		options  Options
		hashMask uint64
		ids      int
		longest  int // value
		steps    int
	}{
		"one shard":                {Options{MaxBytes: 64 << 10, Shards: 1}, ^uint64(0), 300, 1000, 6000},
		"one shard, plain LRU":     {Options{MaxBytes: 8 << 10, Shards: 1, Protected: -1}, ^uint64(0), 60, 300, 6000},
		"plain LRU, many entries":  {Options{MaxBytes: 64 << 10, Shards: 1, Protected: -1}, ^uint64(0), 600, 200, 6000},
		"four shards":              {Options{MaxBytes: 128 << 10, Shards: 4}, ^uint64(0), 500, 1000, 6000},
		"256 shards":               {Options{MaxBytes: 1 << 20, Shards: 256}, ^uint64(0), 6000, 900, 1500},
		"large values":             {Options{MaxBytes: 64 << 10, Shards: 1, MaxValue: 30 << 10}, ^uint64(0), 100, 30 << 10, 6000},
		"tiny entries":             {Options{MaxBytes: 16 << 10, Shards: 1}, ^uint64(0), 1000, 1, 4000},
		"one hash for all":         {Options{MaxBytes: 32 << 10, Shards: 1}, 0, 200, 400, 4000},
		"four hashes for all":      {Options{MaxBytes: 64 << 10, Shards: 2}, 1<<56 | 2, 300, 400, 4000},
		"one bucket, several tags": {Options{MaxBytes: 64 << 10, Shards: 1}, 0xffff_0000, 300, 400, 4000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newModelTest(t, test.options, test.hashMask)
				defer m.close()
				for range steps(test.steps) {
					m.step(test.ids, test.longest)
				}
				if test.options.Shards < 256 { // of which each has few entries
					require.Positive(t, m.capacity, "nothing was ever in want of room")
				}
			})
		})
	}
}

// FuzzOperations lets the fuzzer choose the operations: its bytes are what is
// drawn instead of random numbers.
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

// drawnBytes is a source of randomness that is not random until it has ended.
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

// modelTest does the same to a cache and to a plain one, and compares.
type modelTest struct {
	t        *testing.T
	options  Options
	hashMask uint64
	cache    *Cache
	plain    *plain
	random   *rand.Rand
	ordered  bool // whether victims can be compared with the plain one's order
	steps    int
	capacity int // evictions for want of room
	most     int // entries at a time

	mu   sync.Mutex
	told []evicted
}

func newModelTest(t *testing.T, o Options, hashMask uint64) *modelTest {
	m := &modelTest{t: t, options: o, hashMask: hashMask, plain: newPlain(), ordered: o.Protected < 0 && o.Shards == 1}
	m.random = rand.New(rand.NewPCG(1, 2))
	m.options.OnEvict = func(id string, why Reason) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.told = append(m.told, evicted{id, why})
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

func (m *modelTest) close() { m.cache.Close() }

// step does one random thing to both.
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
		if e, found := m.plain.find(id); found && ttl <= 0 {
			m.plain.entries[id] = withTTL(e, 0)
		}
		m.learn()
		require.Equal(m.t, m.plain.touch(id, ttl), ok)
	case n < 83:
		ok := m.cache.Delete(id)
		m.learn()
		_, wantOK := m.plain.find(id)
		m.plain.remove(id)
		require.Equal(m.t, wantOK, ok)
	case n < 90:
		m.update(id, m.value(longest))
	case n < 95:
		time.Sleep(time.Duration(m.random.Int64N(int64(time.Second))))
		m.learn()
	case n < 97:
		require.Equal(m.t, len(m.plain.live()), m.cache.Len())
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
	stats := m.cache.Stats()
	m.learn()
	require.LessOrEqual(m.t, stats.Bytes.Total(), stats.MaxBytes)
	require.NoError(m.t, m.cache.checkInvariants(), "step %d", m.steps)
}

func (m *modelTest) value(longest int) string {
	size := m.random.IntN(longest + 1)
	if m.random.IntN(2) == 0 {
		size = m.random.IntN(longest/10 + 1)
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
	require.NoError(m.t, m.cache.Set(id, []byte(value), ttl))
	m.learnBut(id)
	m.plain.set(id, value, ttl)
}

func (m *modelTest) update(id, value string) {
	ttl := m.ttl()
	change := []Change{Keep(), Remove(), Put([]byte(value), ttl)}[m.random.IntN(3)]
	var old string
	var found bool
	require.NoError(m.t, m.cache.Update(id, func(o []byte, f bool) (Change, error) {
		old, found = string(o), f
		return change, nil
	}))
	want, wantFound := m.plain.get(id)
	m.same(old, found, want, wantFound)
	m.learnBut(id)
	switch change.action {
	case remove:
		m.plain.remove(id)
	case put:
		m.plain.set(id, value, ttl)
	}
}

func (m *modelTest) same(value string, ok bool, want string, wantOK bool) {
	require.Equal(m.t, wantOK, ok, "step %d", m.steps)
	require.Equal(m.t, want, value, "step %d", m.steps)
}

// learn lets the plain cache lose what the other said that it has evicted. It
// may only have evicted what was there, and only for the reason that it gave.
func (m *modelTest) learn() { m.learnBut("") }

// learnBut is learn after id was stored, which was not in the way of itself.
func (m *modelTest) learnBut(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.told {
		entry, ok := m.plain.entries[e.id]
		require.True(m.t, ok, "step %d: what was not there was evicted", m.steps)
		expired := m.plain.expired(entry)
		switch {
		case e.why == Expired:
			require.True(m.t, expired, "step %d: evicted as expired before its time", m.steps)
		case m.ordered:
			m.requireVictim(e.id, id)
		}
		require.False(m.t, e.why == Capacity && e.id == id, "step %d: an entry evicted itself", m.steps)
		if e.why == Capacity {
			m.capacity++
		}
		m.plain.remove(e.id)
	}
	m.told = m.told[:0]
}

// requireVictim: nobody but stored, or one in eight where there are many, was
// used before the victim. (Those that have expired do not count: whoever asks
// for them removes them, and the plain one does so later.)
func (m *modelTest) requireVictim(victim, stored string) {
	before := 0
	live := 0
	for _, id := range m.plain.order {
		if id == stored || m.plain.expired(m.plain.entries[id]) {
			continue
		}
		live++
	}
	for _, id := range m.plain.order {
		if id == victim {
			break
		}
		if id != stored && !m.plain.expired(m.plain.entries[id]) {
			before++
		}
	}
	m.most = max(m.most, live)
	allowed := 0
	if m.most >= 32 {
		allowed = m.most/8 + 2
	}
	require.LessOrEqual(m.t, before, allowed, "step %d: so many of %d were used before the victim", m.steps, m.most)
}

func (m *modelTest) compareAll() {
	all := map[string]string{}
	for id, value := range m.cache.All() {
		require.NotContains(m.t, all, id)
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
	}
}

// reload goes on with another cache, to which everything was moved.
func (m *modelTest) reload() {
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
