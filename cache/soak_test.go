package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	soakChild   = "HOLDFAST_TEST_SOAK"
	soakOwners  = 8
	soakFor     = 3 * time.Second // all parts; HOLDFAST_SOAK overrides it
	soakHistory = 1 << 10         // entries of the stream that is loaded repeatedly
)

// Eight goroutines do everything at once. Each value identifies its ID and its
// version and has a checksum. One goroutine owns each ID: it writes the ID and
// knows the expected result of a lookup. All goroutines read it. Each part runs
// in a process of its own, and the test measures its resident memory outside
// Go's heap all the time.
//
//	HOLDFAST_SOAK=10m go test -run TestSoak -timeout 15m ./cache
func TestSoak(t *testing.T) {
	if part := os.Getenv(soakChild); part != "" {
		var maxBytes, processors int64
		_, err := fmt.Sscan(part, &maxBytes, &processors)
		require.NoError(t, err)
		runtime.GOMAXPROCS(int(processors))
		newSoak(t, maxBytes).run(soakDuration(t) / 12)
		return
	}
	if runtime.GOOS == "js" {
		t.Skip("no processes")
	}
	for _, maxBytes := range []int64{64 << 10, 1 << 20, 64 << 20, 1 << 30} {
		for _, processors := range []int{1, 2, 8} {
			t.Run(fmt.Sprintf("%d KiB, %d processors", maxBytes>>10, processors), func(t *testing.T) {
				if maxBytes > 1<<20 && os.Getenv("HOLDFAST_SOAK") == "" {
					t.Skip("it takes longer to fill; set HOLDFAST_SOAK")
				}
				out := runChild(t, soakChild, fmt.Sprint(maxBytes, processors))
				for line := range strings.Lines(out) {
					if strings.Contains(line, "soak:") {
						t.Log(strings.TrimSpace(line))
					}
				}
			})
		}
	}
}

func soakDuration(t *testing.T) time.Duration {
	s := os.Getenv("HOLDFAST_SOAK")
	if s == "" {
		return soakFor
	}
	d, err := time.ParseDuration(s)
	require.NoError(t, err)
	return d
}

type soak struct {
	t        *testing.T
	cache    *Cache
	maxBytes int64
	longest  int
	ttl      time.Duration // the longest
	owners   [soakOwners][]soakID
	stream   []byte // of entries with IDs of their own

	filled     sync.WaitGroup // each owner has stored each of its IDs once
	stop       atomic.Bool
	operations atomic.Int64
	hits       atomic.Int64
	evictions  atomic.Int64
	resizes    atomic.Int64
	failed     atomic.Bool
}

// soakID is the expected state of an ID. The owner of the ID writes it.
type soakID struct {
	begun   atomic.Uint64 // the latest version that may be stored
	ended   atomic.Uint64 // no earlier version is stored any more
	expires atomic.Int64  // Unix nanoseconds at which the version ended has expired
	evicted atomic.Bool   // since the latest Set began

	alive bool      // for the owner: ended is stored, or was evicted, or has expired
	until time.Time // the earliest deadline of ended
}

func newSoak(t *testing.T, maxBytes int64) *soak {
	s := &soak{t: t, maxBytes: maxBytes, longest: int(min(1<<20, maxBytes/16)), ttl: 2 * time.Second}
	if maxBytes > 1<<20 {
		s.ttl = time.Minute // a shorter TTL would never let it fill
	}
	for i := range s.owners {
		s.owners[i] = make([]soakID, max(20, maxBytes/soakOwners/1000))
	}
	source := openCache(t, Options{MaxBytes: 1 << 20, MaxValue: 1000})
	random := rand.New(rand.NewPCG(1, 2))
	for i := range soakHistory {
		id := fmt.Sprint("loaded ", i)
		require.NoError(t, source.Set(id, soakValue(id, 1, random.IntN(200)), time.Hour))
	}
	var stream bytes.Buffer
	require.NoError(t, source.Save(&stream))
	s.stream = stream.Bytes()
	return s
}

func (s *soak) run(duration time.Duration) {
	outside := residentOutsideHeap(s.t)
	c, err := New(Options{MaxBytes: s.maxBytes, MaxValue: s.longest, OnEvict: s.onEvict})
	require.NoError(s.t, err)
	s.cache = c
	var running sync.WaitGroup
	s.filled.Add(soakOwners)
	for owner := range s.owners {
		running.Go(func() { s.operate(owner) })
	}
	s.filled.Wait()
	most := int64(0)
	began := time.Now()
	for !s.failed.Load() {
		took := time.Since(began)
		if took > duration && (s.resizes.Load() > 0 || took > 30*duration) {
			break // one processor may not get to everything in a short time
		}
		time.Sleep(min(duration/20, 100*time.Millisecond))
		most = max(most, residentOutsideHeap(s.t)-outside)
	}
	s.stop.Store(true)
	running.Wait()
	stats := c.Stats()
	require.NoError(s.t, c.Close())
	s.t.Logf("soak: %d operations, %d hits, %d evicted, %d caps, %d KiB resident of %d", s.operations.Load(), s.hits.Load(), s.evictions.Load(), s.resizes.Load(), most>>10, s.maxBytes>>10)
	assert.Positive(s.t, s.hits.Load())
	assert.Positive(s.t, s.resizes.Load())
	if os.Getenv("HOLDFAST_SOAK") != "" {
		assert.Positive(s.t, stats.EvictedForCapacity, "it was never full")
	}
	if raceEnabled {
		return // the race detector needs many times the memory of the cache
	}
	const metadata = 8 << 20 // that Go keeps outside its heap
	assert.LessOrEqual(s.t, most, s.maxBytes*105/100+metadata, "bytes resident")
}

// fail ends the test. IDs and values are made up, so a message may contain
// them.
func (s *soak) fail(format string, args ...any) {
	if s.failed.CompareAndSwap(false, true) {
		s.t.Errorf(format, args...)
	}
	s.stop.Store(true)
}

func (s *soak) onEvict(id string, _ EvictionReason) {
	s.evictions.Add(1)
	if owner, n, ok := soakOwner(id); ok {
		s.owners[owner][n].evicted.Store(true)
	}
}

func soakName(owner, n int) string { return strconv.Itoa(owner) + " " + strconv.Itoa(n) }

func soakOwner(id string) (owner, n int, ok bool) {
	first, second, found := strings.Cut(id, " ")
	owner, err := strconv.Atoi(first)
	if err != nil || !found {
		return 0, 0, false
	}
	n, err = strconv.Atoi(second)
	return owner, n, err == nil
}

// soakValue returns a value for an ID and a version: the version, a checksum of
// everything else, and bytes that depend on both.
func soakValue(id string, version uint64, length int) []byte {
	value := make([]byte, 16, 16+length)
	binary.LittleEndian.PutUint64(value, version)
	seed := xxhash.Sum64String(id) + version
	for len(value) < cap(value) {
		seed = seed*6364136223846793005 + 1442695040888963407
		value = append(value, byte(seed>>56))
	}
	binary.LittleEndian.PutUint64(value[8:], soakSum(id, value))
	return value
}

func soakSum(id string, value []byte) uint64 {
	d := xxhash.New()
	d.WriteString(id)
	d.Write(value[:8])
	d.Write(value[16:])
	return d.Sum64()
}

// whole returns the version of a value, or fails if the value is torn or of
// another ID.
func (s *soak) whole(id string, value []byte) uint64 {
	if len(value) < 16 || binary.LittleEndian.Uint64(value[8:]) != soakSum(id, value) {
		s.fail("%s: a torn or foreign value of %d bytes", id, len(value))
		return 0
	}
	return binary.LittleEndian.Uint64(value)
}

// read checks a lookup by any goroutine.
func (s *soak) read(owner, n int, lookup func(id string) ([]byte, bool)) {
	e, id := &s.owners[owner][n], soakName(owner, n)
	least, before := e.ended.Load(), time.Now().UnixNano()
	value, ok := lookup(id)
	if !ok {
		return
	}
	s.hits.Add(1)
	version := s.whole(id, value)
	if most := e.begun.Load(); version < least || version > most {
		s.fail("%s: version %d, not %d to %d", id, version, least, most)
	}
	if expires := e.expires.Load(); version == least && e.ended.Load() == least && expires < before {
		s.fail("%s: version %d has expired %d ns ago", id, version, before-expires)
	}
}

// readOwn checks a lookup by the owner, which knows the expected result.
func (s *soak) readOwn(owner, n int) {
	e, id := &s.owners[owner][n], soakName(owner, n)
	value, ok := s.cache.Get(id)
	switch {
	case ok && !e.alive:
		s.fail("%s: version %d was deleted", id, s.whole(id, value))
	case ok:
		s.hits.Add(1)
		if version := s.whole(id, value); version != e.ended.Load() {
			s.fail("%s: version %d, not %d", id, version, e.ended.Load())
		}
	case e.alive && time.Now().Before(e.until):
		s.mustBeEvicted(e, id)
	}
}

// mustBeEvicted waits until OnEvict was called for an entry that a lookup
// missed. The call follows the lock hold that evicted the entry.
func (s *soak) mustBeEvicted(e *soakID, id string) {
	for end := time.Now().Add(10 * time.Second); !e.evicted.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.fail("%s: version %d was lost", id, e.ended.Load())
			return
		}
	}
	e.alive = false
}

const soakForever = int64(1<<63 - 1)

// write stores the next version with store.
func (s *soak) write(owner, n int, random *rand.Rand, store func(id string, value []byte, ttl time.Duration) error) {
	e, id := &s.owners[owner][n], soakName(owner, n)
	version := e.begun.Load() + 1
	length := random.IntN(300)
	if random.IntN(100) == 0 {
		length = random.IntN(1 + random.IntN(s.longest-16))
	}
	ttl := time.Duration(1 + random.Int64N(int64(s.ttl)))
	e.evicted.Store(false)
	e.expires.Store(soakForever)
	e.begun.Store(version)
	before := time.Now()
	if err := store(id, soakValue(id, version, length), ttl); err != nil {
		if !errors.Is(err, ErrTooLarge) {
			s.fail("%s: %v", id, err)
		}
		return // the previous version is still stored
	}
	e.ended.Store(version)
	e.expires.Store(time.Now().Add(ttl).UnixNano())
	e.alive, e.until = true, before.Add(ttl)
}

func (s *soak) touch(owner, n int, random *rand.Rand) {
	e, id := &s.owners[owner][n], soakName(owner, n)
	ttl := time.Duration(1 + random.Int64N(int64(s.ttl)))
	e.expires.Store(soakForever)
	before := time.Now()
	if !s.cache.Touch(id, ttl) {
		if e.alive && before.Before(e.until) && time.Now().Before(e.until) {
			s.mustBeEvicted(e, id)
		}
		e.alive = false
		return
	}
	if !e.alive {
		s.fail("%s: touched after it was deleted", id)
	}
	e.expires.Store(time.Now().Add(ttl).UnixNano())
	e.until = before.Add(ttl)
}

func (s *soak) delete(owner, n int) {
	e, id := &s.owners[owner][n], soakName(owner, n)
	version := e.begun.Load() + 1
	e.begun.Store(version)
	s.cache.Delete(id)
	e.ended.Store(version) // any stored version is an earlier one
	e.alive = false
}

// operate does random operations on the IDs of the owner, and reads others.
func (s *soak) operate(owner int) {
	random := rand.New(rand.NewPCG(uint64(owner), 3))
	for n := range s.owners[owner] {
		s.write(owner, n, random, s.cache.Set)
	}
	s.filled.Done()
	var buf []byte
	for !s.stop.Load() {
		s.operations.Add(1)
		n, other := random.IntN(len(s.owners[owner])), random.IntN(soakOwners)
		switch k := random.IntN(1000); {
		case k < 350:
			s.write(owner, n, random, s.cache.Set)
		case k < 450:
			s.write(owner, n, random, func(id string, value []byte, ttl time.Duration) error {
				return s.cache.Update(id, func(old []byte, found bool) (Change, error) {
					if found {
						s.whole(id, old)
					}
					return Put(value, ttl), nil
				})
			})
		case k < 600:
			s.readOwn(owner, n)
		case k < 750:
			s.read(other, n, func(id string) (_ []byte, ok bool) {
				buf, ok = s.cache.Append(buf[:0], id)
				return buf, ok
			})
		case k < 850:
			s.read(other, n, s.cache.Peek)
		case k < 920:
			s.touch(owner, n, random)
		case k < 990:
			s.delete(owner, n)
		case owner == 0:
			s.rare(random)
		default:
			s.many(random)
		}
	}
}

// rare does one of the operations on the whole cache that one goroutine does.
func (s *soak) rare(random *rand.Rand) {
	switch random.IntN(4) {
	case 0:
		if err := s.cache.Save(io.Discard); err != nil {
			s.fail("Save: %v", err)
		}
	case 1:
		if _, err := s.cache.Load(bytes.NewReader(s.stream)); err != nil {
			s.fail("Load: %v", err)
		}
	default:
		maxBytes := s.maxBytes/2 + random.Int64N(s.maxBytes/2+1)
		if err := s.cache.SetMaxBytes(maxBytes); err != nil && !errors.Is(err, ErrInvalid) {
			s.fail("SetMaxBytes: %v", err)
		}
		s.resizes.Add(1)
		if stats := s.cache.Stats(); stats.Bytes.Total() > stats.MaxBytes || min(stats.Bytes.Headers, stats.Bytes.Index, stats.Bytes.Fixed) < 0 {
			s.fail("%+v of %d bytes", stats.Bytes, stats.MaxBytes)
		}
	}
}

// many visits some entries of the whole cache.
func (s *soak) many(random *rand.Rand) {
	left := random.IntN(2000)
	if random.IntN(2) == 0 {
		for id, value := range s.cache.All() {
			if s.whole(id, value); left == 0 || s.stop.Load() {
				return
			}
			left--
		}
		return
	}
	prefix := binary.LittleEndian.AppendUint64(nil, uint64(1+random.IntN(20)))
	for e := range s.cache.ScanValues(prefix) {
		s.whole(e.ID, e.Value)
		if !bytes.HasPrefix(e.Value, prefix) {
			s.fail("%s: does not match", e.ID)
		}
		if left--; left < 0 || s.stop.Load() {
			return
		}
	}
}

// residentOutsideHeap returns the resident bytes of the process at the
// addresses that the system chooses for mmap, which lie above Go's heap. It
// returns 0 on systems where these addresses are unknown.
func residentOutsideHeap(t *testing.T) (n int64) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return 0
	}
	const heapEnds = 0x7e00_0000_0000
	maps, err := os.ReadFile("/proc/self/smaps")
	require.NoError(t, err)
	anonymous := false
	for line := range strings.Lines(string(maps)) {
		fields := strings.Fields(line)
		if from, _, ok := strings.Cut(fields[0], "-"); ok && len(fields) >= 5 {
			start, err := strconv.ParseUint(from, 16, 64)
			require.NoError(t, err)
			anonymous = start >= heapEnds && len(fields) == 5
		} else if fields[0] == "Rss:" && anonymous {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			require.NoError(t, err)
			n += kib << 10
		}
	}
	return n
}
