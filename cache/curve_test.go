package cache

import (
	"container/heap"
	clist "container/list"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// visits are requests to a server, in their order. At each, the server looks a
// session up, stores it if it is not found, and touches it otherwise.
type visits []oneVisit

type oneVisit struct {
	at  int64 // nanoseconds
	id  uint32
	len uint32
	ttl time.Duration
}

func (v oneVisit) idString() string { return fmt.Sprintf("%043d", v.id) }

func (v oneVisit) granules() uint32 {
	return granulesFor(recordHeaderBytes+benchIDBytes+v.len) + indexGranules
}

// zipfVisits are skewed visits to n sessions of different lengths.
func zipfVisits(count, n int) visits {
	z := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.01, 1, uint64(n-1))
	all := make(visits, count)
	for i := range all {
		id := uint32(z.Uint64())
		all[i] = oneVisit{int64(i) * 1e5, id, 64 + id*0x9e3779b1>>16%1000, NoExpiry}
	}
	return all
}

// floodVisits are half those of users, and half those of sessions that are
// never used again.
func floodVisits(count, users int) visits {
	random := rand.New(rand.NewPCG(1, 2))
	all := make(visits, count)
	for i := range all {
		id := uint32(random.IntN(users))
		if random.IntN(2) == 0 {
			id = uint32(users + i)
		}
		all[i] = oneVisit{int64(i) * 1e6, id, 100 + id*0x9e3779b1>>16%400, 30 * time.Minute}
	}
	return all
}

// siteVisits are those of a site with perSecond new visitors. Most visit once.
// The others return after hours, and lose their session if that is later than
// its idle timeout.
func siteVisits(count int, perSecond float64) visits {
	random := rand.New(rand.NewPCG(1, 2))
	var all visits
	var due visitors
	arrival, sessions := 0.0, uint32(0)
	for len(all) < count {
		for len(due) == 0 || arrival <= due[0].due {
			v := &visitor{due: arrival, clicks: 1, idle: 30 * 60}
			if random.Float64() < 0.4 {
				v.clicks, v.visits = 1+int(6*random.ExpFloat64()), int(5*random.ExpFloat64())
			}
			if random.Float64() < 0.4 {
				v.idle = 7 * 24 * 3600
			}
			heap.Push(&due, v)
			arrival += random.ExpFloat64() / perSecond
		}
		v := heap.Pop(&due).(*visitor)
		if v.due > v.ends || v.len == 0 {
			v.id, v.len = sessions, uint32(min(max(64, 256*math.Exp(0.8*random.NormFloat64())), 4096))
			sessions++
		}
		all = append(all, oneVisit{int64(v.due * 1e9), v.id, v.len, time.Duration(v.idle * 1e9)})
		v.ends = v.due + v.idle
		switch {
		case v.clicks > 1:
			v.clicks--
			v.due += 30 * random.ExpFloat64()
		case v.visits > 0:
			v.visits--
			v.clicks = 1 + int(6*random.ExpFloat64())
			v.due += 4 * 3600 * math.Exp(1.5*random.NormFloat64())
		default:
			continue
		}
		heap.Push(&due, v)
	}
	return all
}

type visitor struct {
	due, ends, idle float64 // seconds
	clicks, visits  int
	id, len         uint32
}

type visitors []*visitor

func (h visitors) Len() int           { return len(h) }
func (h visitors) Less(i, j int) bool { return h[i].due < h[j].due }
func (h visitors) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *visitors) Push(v any)        { *h = append(*h, v.(*visitor)) }
func (h *visitors) Pop() any {
	last := len(*h) - 1
	v := (*h)[last]
	*h = (*h)[:last]
	return v
}

// exactly returns the outcome of each visit, and the hit ratio, with an exact
// LRU of so many granules whose entries expire at their deadline.
func (all visits) exactly(granules int64) (found []bool, ratio float64) {
	found = make([]bool, len(all))
	order, at, used, hits := clist.New(), map[uint32]*clist.Element{}, int64(0), 0
	remove := func(e *clist.Element) {
		v := order.Remove(e).(oneVisit)
		used -= int64(v.granules())
		delete(at, v.id)
	}
	swept := int64(0)
	for i, v := range all {
		if v.at-swept > int64(10*time.Minute) {
			swept = v.at
			for e := order.Front(); e != nil; {
				next := e.Next()
				if deadlineAt(e.Value.(oneVisit).at, e.Value.(oneVisit).ttl) <= v.at {
					remove(e)
				}
				e = next
			}
		}
		if e, ok := at[v.id]; ok {
			last := e.Value.(oneVisit)
			if found[i] = deadlineAt(last.at, last.ttl) > v.at; found[i] {
				hits++
			}
			remove(e)
		}
		at[v.id] = order.PushFront(v)
		for used += int64(v.granules()); used > granules; {
			remove(order.Back())
		}
	}
	return found, float64(hits) / float64(len(all))
}

// mixed is the output function of SplitMix64 (Steele, Lea and Flood 2014).
func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// sampledBy feeds a sampler with the visits and their outcome. IDs are hashed
// with a seed.
func (all visits) sampledBy(p *sampler, found []bool, seed uint64) (real lookups) {
	swept := uint32(0)
	for i, v := range all {
		if found[i] {
			real.hits++
		} else {
			real.misses++
		}
		t := uint32(mixed(uint64(v.id)^seed<<32) >> (64 - tagBits))
		if t >= p.below {
			continue
		}
		now := sampleTick(v.at)
		if now-swept > sweepTicks {
			swept = now
			p.sweep(now)
		}
		p.lookup(t, 0, found[i], now)
		p.store(t, 0, v.granules(), sampleDeadline(deadlineAt(v.at, v.ttl)))
	}
	return real
}

// The simulated caches have the hit ratios of exact LRUs, to a percentage point
// on average.
func TestCurve_accuracy(t *testing.T) {
	if raceEnabled {
		t.Skip("one goroutine, and slow")
	}
	const maxBytes = 32 << 20
	n := samplesFor(maxBytes)
	const granules = maxBytes * 63 / 64 / granule
	for name, traffic := range map[string]visits{
		"zipf":     zipfVisits(700_000, 200_000),
		"sessions": siteVisits(700_000, 20),
		"flood":    floodVisits(700_000, 50_000),
	} {
		t.Run(name, func(t *testing.T) {
			var exact [curveSizes]float64
			var found []bool
			for i, factor := range curveFactors {
				outcome, ratio := traffic.exactly(int64(granules * factor))
				if exact[i] = ratio; i == atCap {
					found = outcome
				}
			}
			const seeds = 8
			mean := 0.0
			for seed := range uint64(seeds) {
				p := newSampler(n, granules)
				got := p.ratios(traffic.sampledBy(&p, found, seed))
				require.NoError(t, p.check())
				for i := range got {
					mean += 100 * math.Abs(got[i]-exact[i]) / curveSizes / seeds
				}
				t.Logf("%.3f", got)
			}
			t.Logf("%.3f exact, mean error %.2f points", exact, mean)
			assert.Less(t, mean, 1.0, "points")
			assert.Greater(t, exact[4]-exact[0], 0.01, "the caps make no difference")
		})
	}
}

// curveCache returns a cache whose curve samples all IDs.
func curveCache(t *testing.T) *Cache {
	c := openCache(t, Options{MaxBytes: 8 << 20, MaxValue: 64 << 10, Shards: 2})
	require.NotZero(t, c.sampled.Load())
	c.curve.sampler.setBelow(allTags)
	c.sampled.Store(allTags)
	return c
}

// sampledLookups returns the numbers of sampled hits and misses.
func (c *Cache) sampledLookups() (hits, misses float64) {
	c.curve.mu.Lock()
	defer c.curve.mu.Unlock()
	c.curve.countRepeats()
	n := c.curve.sampler.counts
	return n.lookups() - n.lost[curveSizes], n.lost[curveSizes]
}

// Get and Append count. All other uses only move or remove the entry.
func TestCurve_uses(t *testing.T) {
	for name, test := range map[string]struct {
		use          func(*Cache)
		hits, misses float64
		after        float64 // misses of a Get afterwards
	}{
		"get":           {use: func(c *Cache) { c.Get("a") }, hits: 1},
		"append":        {use: func(c *Cache) { c.Append(nil, "a") }, hits: 1},
		"get twice":     {use: func(c *Cache) { c.Get("a"); c.Get("a") }, hits: 2},
		"absent":        {use: func(c *Cache) { c.Get("b") }, misses: 1},
		"peek":          {use: func(c *Cache) { c.Peek("a"); c.Peek("b") }},
		"set":           {use: func(c *Cache) { c.Set("a", nil, time.Hour) }},
		"touch":         {use: func(c *Cache) { c.Touch("a", time.Hour) }},
		"touch to end":  {use: func(c *Cache) { c.Touch("a", -1) }, after: 1},
		"delete":        {use: func(c *Cache) { c.Delete("a") }, after: 1},
		"expiry":        {use: func(c *Cache) { time.Sleep(2 * time.Minute) }, after: 1},
		"touch, expiry": {use: func(c *Cache) { c.Touch("a", time.Hour); time.Sleep(2 * time.Minute) }},
		"keep":          {use: func(c *Cache) { update(c, "a", Keep()) }},
		"put":           {use: func(c *Cache) { update(c, "a", Put(nil, time.Hour)) }},
		"remove":        {use: func(c *Cache) { update(c, "a", Remove()) }, after: 1},
		"iteration": {use: func(c *Cache) {
			for range c.All() {
			}
			for range c.ScanValues(nil) {
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := curveCache(t)
				require.NoError(t, c.Set("a", nil, time.Minute))
				require.NoError(t, c.Set("other", nil, time.Hour))

				test.use(c)
				hits, misses := c.sampledLookups()
				assert.Equal(t, []float64{test.hits, test.misses}, []float64{hits, misses})

				c.Get("a")
				hits, misses = c.sampledLookups()
				assert.Equal(t, test.misses+test.after, misses)
				assert.Equal(t, test.hits+1-test.after, hits)
				require.NoError(t, c.curve.sampler.check())
			})
		})
	}
}

func update(c *Cache, id string, change Change) {
	c.Update(id, func([]byte, bool) (Change, error) { return change, nil })
}

// A large value that is stored in steps is in the sample, too.
func TestCurve_large_value(t *testing.T) {
	c := curveCache(t)
	for i := range 1500 {
		require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 7000), time.Hour))
	}
	require.NotZero(t, c.Stats().EvictedForCapacity)
	require.NoError(t, c.Set("large", make([]byte, 60<<10), time.Hour))
	newest := c.curve.sampler.samples[c.curve.sampler.samples[0].older]
	assert.Equal(t, granulesFor(recordHeaderBytes+5+60<<10)+indexGranules, newest.granules)
}

// An entry from before the curve is no miss at its first lookup, and known
// afterwards.
func TestCurve_old_entries(t *testing.T) {
	c := curveCache(t)
	require.NoError(t, c.Set("a", make([]byte, 100), time.Hour))
	c.curveDelete(c.shardOf(c.hash("a")), tagOf(c.hash("a")))

	c.Get("a")
	hits, misses := c.sampledLookups()
	assert.Equal(t, []float64{0, 0, 1}, []float64{hits, misses, c.curve.sampler.counts.first})
	c.Get("a")
	hits, misses = c.sampledLookups()
	assert.Equal(t, []float64{1, 0, 1}, []float64{hits, misses, c.curve.sampler.counts.first})
}

// A use outside the sample takes no lock of the curve, nor does a repeated hit.
func TestCurve_takes_no_lock(t *testing.T) {
	c := curveCache(t)
	require.NoError(t, c.Set("a", nil, time.Hour))
	c.Get("a")
	c.curve.mu.Lock()
	for range 3 {
		c.Get("a")
	}
	c.sampled.Store(0)
	require.NoError(t, c.Set("b", nil, time.Hour))
	c.Get("a")
	c.Get("c")
	c.Touch("a", time.Hour)
	c.Delete("b")
	update(c, "a", Remove())
	c.curve.mu.Unlock()

	hits, misses := c.sampledLookups()
	assert.Equal(t, []float64{4, 0}, []float64{hits, misses})
}

func TestCurve_allocates_nothing(t *testing.T) {
	c := curveCache(t)
	value, buf, i := make([]byte, 256), make([]byte, 0, 256), 0
	ids := benchIDs(5000)
	assert.Zero(t, testing.AllocsPerRun(20_000, func() {
		i++
		id := ids[i*i%len(ids)]
		if _, ok := c.Append(buf, id); !ok {
			c.Set(id, value, time.Hour)
		}
		c.Touch(id, time.Hour)
		c.Delete(ids[i%len(ids)])
	}))
}

// visitCache lets a cache serve visits, and returns their hit ratio.
func visitCache(t *testing.T, c *Cache, all visits) float64 {
	buf, hits := make([]byte, 0, 8<<10), 0
	for _, v := range all {
		id := v.idString()
		if _, ok := c.Append(buf, id); ok {
			hits++
			c.Touch(id, v.ttl)
		} else {
			require.NoError(t, c.Set(id, buf[:v.len], v.ttl))
		}
	}
	return float64(hits) / float64(len(all))
}

// The curve is near the hit ratios that caches of these caps have. The bound is
// wide, since the seed of the hash is random.
func TestCurve_against_other_caps(t *testing.T) {
	if raceEnabled {
		t.Skip("one goroutine, and slow")
	}
	const maxBytes = 8 << 20
	for name, traffic := range map[string]visits{
		"zipf":  zipfVisits(200_000, 40_000),
		"flood": floodVisits(200_000, 12_000),
	} {
		t.Run(name, func(t *testing.T) {
			var curve [curveSizes]CurvePoint
			var real [curveSizes]float64
			for i, factor := range curveFactors {
				c := openCache(t, Options{MaxBytes: int64(maxBytes * factor), MaxValue: 4 << 10})
				if i == atCap {
					c.curve.sampler.setBelow(allTags) // it falls to the most that fits
					c.sampled.Store(allTags)
				}
				real[i] = visitCache(t, c, traffic)
				if i == atCap {
					curve = c.Stats().Curve
					assert.InDelta(t, real[i], curve[i].HitRatio, 1e-9, "the middle is the real ratio")
				}
			}
			t.Logf("%.3f real, %v", real, curve)
			for i, point := range curve {
				assert.Equal(t, int64(maxBytes*curveFactors[i]), point.MaxBytes)
				assert.InDelta(t, real[i], point.HitRatio, 0.15)
				if i > 0 {
					assert.GreaterOrEqual(t, point.HitRatio, curve[i-1].HitRatio)
				}
			}
		})
	}
}

// Old traffic fades: after a day it has no part in the curve.
func TestCurve_fades(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := curveCache(t)
		const sessions = 1000
		for i := range sessions {
			require.NoError(t, c.Set(fmt.Sprint(i), nil, NoExpiry))
		}
		hour := func(lookup func(i int)) {
			for i := range sessions {
				lookup(i)
				time.Sleep(time.Hour / sessions)
			}
		}
		for range 24 {
			hour(func(i int) { c.Get(fmt.Sprint(i)) })
		}
		require.InDelta(t, 1, c.Stats().Curve[atCap].HitRatio, 1e-9)
		for hours := 1; hours <= 24; hours++ {
			hour(func(i int) { c.Get(fmt.Sprint("absent ", i)) })
			switch ratio := c.Stats().Curve[atCap].HitRatio; hours {
			case 1:
				assert.Greater(t, ratio, 0.7, "one hour changes little")
			case 4:
				assert.InDelta(t, 0.5, ratio, 0.05)
			case 24:
				assert.InDelta(t, 1./64, ratio, 0.005)
			}
		}

		// A night without traffic fades all counts, and leaves the entries.
		time.Sleep(7 * 24 * time.Hour)
		assert.Zero(t, c.Stats().Curve)
		for range 2 {
			hour(func(i int) { c.Get(fmt.Sprint(i)) })
		}
		assert.InDelta(t, 1, c.Stats().Curve[0].HitRatio, 0.001)
	})
}

// Where there is no curve, it is zero.
func TestCurve_none(t *testing.T) {
	t.Run("small cap", func(t *testing.T) {
		c := openCache(t, Options{MaxBytes: 1 << 20, MaxValue: 4 << 10})
		visitCache(t, c, zipfVisits(100_000, 1000))
		assert.Zero(t, c.Stats().Curve)
		assert.Zero(t, c.sampled.Load())
	})
	t.Run("few lookups", func(t *testing.T) {
		c := openCache(t, Options{})
		for i := range 10_000 { // no ID is popular, or the sample might have many lookups of it
			c.Get(fmt.Sprint(i))
		}
		assert.Zero(t, c.Stats().Curve)
	})
	t.Run("closed", func(t *testing.T) {
		c := curveCache(t)
		visitCache(t, c, zipfVisits(100_000, 100_000))
		require.NotZero(t, c.Stats().Curve)
		require.NoError(t, c.Close())
		c.Get("a")
		assert.Zero(t, c.Stats().Curve)
		assert.Zero(t, c.Stats().Bytes.Total())
		assert.Nil(t, c.curve.sampler.samples)
	})
}

// SetMaxBytes starts the curve of the new cap. The entries that are there are
// hits.
func TestCurve_SetMaxBytes(t *testing.T) {
	c := curveCache(t)
	traffic := zipfVisits(100_000, 2000)
	visitCache(t, c, traffic)
	require.NotZero(t, c.Stats().Curve)

	require.NoError(t, c.SetMaxBytes(8<<20))
	assert.NotZero(t, c.Stats().Curve, "the same cap")
	require.NoError(t, c.SetMaxBytes(16<<20))
	assert.Zero(t, c.Stats().Curve)
	c.curve.sampler.setBelow(allTags)
	c.sampled.Store(allTags)
	visitCache(t, c, traffic)
	assert.Equal(t, int64(16<<20), c.Stats().Curve[atCap].MaxBytes)
	assert.InDelta(t, 1, c.Stats().Curve[0].HitRatio, 0.001)

	require.NoError(t, c.SetMaxBytes(1<<20))
	assert.Zero(t, c.Stats().Curve)
	assert.Zero(t, c.sampled.Load())
	assert.Nil(t, c.curve.sampler.samples, "the memory is given up")
}

// The curve takes at most 0.5 % of the cap, and that inside the cap.
func TestCurve_memory(t *testing.T) {
	for maxBytes := int64(minMaxBytes); maxBytes < 8<<30 && maxBytes < math.MaxInt/2; maxBytes += 1 + maxBytes/3 {
		o := Options{MaxBytes: maxBytes, Shards: 4}
		assert.LessOrEqual(t, o.curveBytes(), maxBytes/200)
		n := samplesFor(maxBytes)
		if maxBytes > 1400<<10 {
			assert.GreaterOrEqual(t, n, minSamples-1)
		}
		if n > 0 {
			p := newSampler(n, 1)
			bytes := uintptr(cap(p.samples))*unsafe.Sizeof(sample{}) + 2*uintptr(cap(p.heads)) + unsafe.Sizeof(curve{})
			assert.EqualValues(t, bytes, o.curveBytes())
		}
	}

	// The sum is within the cap even if each arena is full, after any changes.
	c := openCache(t, Options{MaxBytes: 1 << 20, MaxValue: 1000, Shards: 4})
	random := rand.New(rand.NewPCG(1, 2))
	curves := 0
	for range 200 {
		maxBytes := 1<<20 + random.Int64N(2<<20)
		require.NoError(t, c.SetMaxBytes(maxBytes))
		sum := Options{MaxBytes: c.curve.maxBytes}.curveBytes()
		if sum > 0 {
			curves++
		}
		for i := range c.shards {
			sum += c.shards[i].arena.Granules()*granule + c.shards[i].besideArena()
		}
		require.LessOrEqual(t, sum, maxBytes)
		require.Greater(t, sum, maxBytes-1<<10)
	}
	assert.Greater(t, curves, 10)
	assert.Less(t, curves, 190)
}

// All methods may run at once.
func TestCurve_concurrent(t *testing.T) {
	c := curveCache(t)
	var users, resizer sync.WaitGroup
	ended := make(chan struct{})
	resizer.Go(func() {
		for i := int64(0); ; i++ {
			select {
			case <-ended:
				return
			default:
				c.SetMaxBytes(1<<20 + i%3<<20)
				c.curve.mu.Lock()
				if c.curve.maxBytes > 0 {
					c.curve.sampler.setBelow(allTags)
					c.sampled.Store(allTags)
				}
				c.curve.mu.Unlock()
			}
		}
	})
	for range 4 {
		users.Go(func() {
			for range steps(1500) {
				id := fmt.Sprint(rand.IntN(3000))
				switch rand.IntN(8) {
				case 0:
					c.Delete(id)
				case 1:
					c.Touch(id, time.Duration(rand.IntN(1e9)))
				case 2:
					update(c, id, Put(make([]byte, rand.IntN(500)), time.Hour))
				case 3:
					c.Stats()
				case 4, 5:
					c.Set(id, make([]byte, rand.IntN(1000)), time.Hour)
				default:
					c.Get(id)
				}
			}
		})
	}
	users.Wait()
	close(ended)
	resizer.Wait()
	require.NoError(t, c.curve.sampler.check())
	require.NoError(t, c.Close())
}
