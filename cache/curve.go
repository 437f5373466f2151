package cache

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// CurvePoint is the estimated hit ratio that the cache would have with another
// cap. The zero value means that there is no estimate.
type CurvePoint struct {
	MaxBytes int64   // the cap, in bytes
	HitRatio float64 // share of lookups by Get and Append that find an entry, from 0 to 1
}

// curveFactors are the caps of the curve, as multiples of the cap.
var curveFactors = [curveSizes]float64{1. / 4, 1. / 2, 1, 2, 4}

// atCap is the number of the simulated cache with the cap of the real one.
const atCap = 2

const (
	// The sampler takes at most a two-hundredth of the cap.
	bytesPerCurveByte = 200

	// At the end of each fadePeriod all counts are halved. So with even
	// traffic, half of the curve comes from the latest four hours, and a 64th
	// from more than a day ago.
	fadePeriod = int64(4 * time.Hour)

	// There is no curve from fewer sampled lookups or IDs.
	minSampled = 512
	minLive    = 32

	// An entry's share of the index is about two granules.
	indexGranules = 2
)

// curve is the live miss-ratio curve: the sampler, and the lookups of the real
// cache in the same time. Its mutex is taken without any shard's lock, and no
// other lock is taken under it.
//
// The sampled part of a use locks the mutex, so few uses may get there.
// Cache.sampled has the sampler's threshold, which all others compare their tag
// with. A popular ID, if it is in the sample, would get there at each use; but
// as the newest sample it counts in repeats, without the mutex.
type curve struct {
	_       [lineBytes]byte // each sampled use writes here
	newest  atomic.Uint64   // the newest sample, if a hit of it needs only to be counted; see sampleKey
	repeats atomic.Uint64   // hits of the newest sample

	mu       sync.Mutex
	sampler  sampler
	maxBytes int64 // the cap that the curve belongs to; 0: there is no curve
	sweptAt  uint32
	fadesAt  int64

	faded lookups // of the cache before since, faded as the sampler's counts are
	since lookups // of the cache when the counts faded last
	_     [lineBytes]byte
}

// lookups are the numbers of all lookups by Get and Append.
type lookups struct{ hits, misses float64 }

// samplesFor returns the number of IDs in the sampler of a cache: 0 if the cap
// is too small for minSamples.
func samplesFor(maxBytes int64) int {
	n := (maxBytes/bytesPerCurveByte - curveBytes) / (sampleBytes + headBytes)
	if n < minSamples {
		return 0
	}
	return int(min(maxSamples, n)) - 1 // without samples[0]
}

const curveBytes = int64(unsafe.Sizeof(curve{}))

// curveBytes returns the bytes of the cap that the curve takes.
func (o Options) curveBytes() int64 {
	if n := samplesFor(o.MaxBytes); n > 0 {
		return curveBytes + samplerBytes(n)
	}
	return 0
}

// curveShare returns the part of curveBytes that a shard gives up.
func (o Options) curveShare() int64 {
	return (o.curveBytes() + int64(o.Shards) - 1) / int64(o.Shards)
}

// fitCurve starts the curve of a cap, unless the curve belongs to that cap.
func (c *Cache) fitCurve(o Options) {
	since, now := c.lookups(), c.clock.now()
	v := &c.curve
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.maxBytes == o.MaxBytes || c.closed.Load() {
		return
	}
	c.endCurve()
	n := samplesFor(o.MaxBytes)
	if n == 0 {
		return
	}
	granules := float64(o.arenaBytes(c.segmentShift)/granule) * float64(o.Shards)
	v.sampler = newSampler(n, granules*(reserveShare-1)/reserveShare)
	v.maxBytes, v.since, v.fadesAt = o.MaxBytes, since, now+fadePeriod
	c.sampled.Store(v.sampler.below)
}

// endCurve requires the curve's mutex.
func (c *Cache) endCurve() {
	c.sampled.Store(0)
	v := &c.curve
	v.newest.Store(0)
	v.repeats.Store(0)
	v.sampler, v.maxBytes, v.faded, v.since = sampler{}, 0, lookups{}, lookups{}
}

func (c *Cache) closeCurve() {
	c.curve.mu.Lock()
	c.endCurve()
	c.curve.mu.Unlock()
}

// lookups returns the numbers since New. It locks one shard after the other.
func (c *Cache) lookups() lookups {
	var total Stats
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		total.Hits += s.hits
		total.Misses += s.counts.misses
		s.mu.Unlock()
	}
	if c.readers != nil {
		c.readers.addTo(&total)
	}
	return lookups{float64(total.Hits), float64(total.Misses)}
}

// The methods named sample… are called after each use of an entry, without a
// lock. They are inlined: a use outside the sample costs a comparison.

// sampleLookup follows a lookup by Get or Append, or a read that is none and
// does not count.
func (c *Cache) sampleLookup(id string, s *shard, t tag, hit, counts bool) {
	if uint32(t) < c.sampled.Load() && counts {
		c.curveLookup(id, s, t, hit)
	}
}

// sampleUse follows a use that is no lookup and changes nothing.
func (c *Cache) sampleUse(id string, s *shard, t tag, found bool) {
	if uint32(t) < c.sampled.Load() {
		c.curveUse(id, s, t, 0, found)
	}
}

// sampleTouch follows a Touch.
func (c *Cache) sampleTouch(id string, s *shard, t tag, ttl time.Duration, found bool) {
	if uint32(t) < c.sampled.Load() {
		c.curveTouch(id, s, t, ttl, found)
	}
}

// sampleChange follows a Put or a Remove.
func (c *Cache) sampleChange(id string, s *shard, t tag, change Change) {
	if change.action == put {
		c.sampleStore(id, s, t, change.value, change.ttl)
	} else {
		c.sampleDelete(s, t)
	}
}

// sampleStore follows a Set or a Put.
func (c *Cache) sampleStore(id string, s *shard, t tag, value []byte, ttl time.Duration) {
	if uint32(t) < c.sampled.Load() {
		c.curveSet(s, t, len(id)+len(value), ttl)
	}
}

// sampleDelete follows the removal of an entry by a caller.
func (c *Cache) sampleDelete(s *shard, t tag) {
	if uint32(t) < c.sampled.Load() {
		c.curveDelete(s, t)
	}
}

func (c *Cache) curveLookup(id string, s *shard, t tag, hit bool) {
	v := &c.curve
	if hit && v.newest.Load() == sampleKey(uint32(t), uint8(s.number)) {
		v.repeats.Add(1)
		return
	}
	known := true
	if now, ok := c.lockCurve(t); ok {
		known = v.sampler.lookup(uint32(t), uint8(s.number), hit, now)
	}
	c.unlockCurve()
	if !known {
		c.curveMeet(id, s, t)
	}
}

func (c *Cache) curveTouch(id string, s *shard, t tag, ttl time.Duration, found bool) {
	if ttl <= 0 {
		c.curveDelete(s, t)
		return
	}
	c.curveUse(id, s, t, sampleDeadline(deadlineAt(c.clock.now(), ttl)), found)
}

// curveUse leaves the deadline unchanged if it is 0.
func (c *Cache) curveUse(id string, s *shard, t tag, deadline uint32, found bool) {
	known := true
	if now, ok := c.lockCurve(t); ok {
		known = c.curve.sampler.touch(uint32(t), uint8(s.number), deadline, now)
	}
	c.unlockCurve()
	if found && !known {
		c.curveMeet(id, s, t)
	}
}

// curveMeet adds an entry that the sampler does not know, for example one that
// is older than the curve.
func (c *Cache) curveMeet(id string, s *shard, t tag) {
	granules, deadline := uint32(0), int64(0)
	s.mu.Lock()
	s.now = c.clock.now()
	if r := s.peek(id, t); r != 0 {
		granules, deadline = uint32(s.arena.weight(r))+indexGranules, s.arena.record(r).deadline
	}
	s.mu.Unlock()
	if granules != 0 {
		c.curveStore(s, t, granules, deadline)
	}
}

func (c *Cache) curveSet(s *shard, t tag, length int, ttl time.Duration) {
	granules := granulesFor(uint32(recordHeaderBytes+length)) + indexGranules
	c.curveStore(s, t, granules, deadlineAt(c.clock.now(), ttl))
}

func (c *Cache) curveStore(s *shard, t tag, granules uint32, deadline int64) {
	if _, ok := c.lockCurve(t); ok {
		c.curve.sampler.store(uint32(t), uint8(s.number), granules, sampleDeadline(deadline))
	}
	c.unlockCurve()
}

func (c *Cache) curveDelete(s *shard, t tag) {
	if _, ok := c.lockCurve(t); ok {
		c.curve.sampler.remove(uint32(t), uint8(s.number))
	}
	c.unlockCurve()
}

// lockCurve locks the mutex and brings the sampler to the present. It reports
// whether the tag is still in the sample.
func (c *Cache) lockCurve(t tag) (now uint32, ok bool) {
	v, at := &c.curve, c.clock.now()
	v.mu.Lock()
	if at >= v.fadesAt {
		v.mu.Unlock()
		total := c.lookups()
		v.mu.Lock()
		v.fade(total, at)
	}
	v.countRepeats()
	now = sampleTick(at)
	if now-v.sweptAt >= sweepTicks {
		v.sweptAt = now
		v.sampler.sweep(now)
	}
	return now, uint32(t) < v.sampler.below
}

// The sampler drops expired entries about as often as the cache.
const sweepTicks = uint32(sweepPause >> sampleTickShift)

func (c *Cache) unlockCurve() {
	v := &c.curve
	if newest := v.sampler.newestKey(); newest != v.newest.Load() {
		v.newest.Store(newest)
	}
	if below := v.sampler.below; below != c.sampled.Load() {
		c.sampled.Store(below)
	}
	v.mu.Unlock()
}

func (v *curve) countRepeats() {
	if v.repeats.Load() > 0 {
		v.sampler.counts.lost[0] += float64(v.repeats.Swap(0))
	}
}

// sampleKey identifies an ID of the sample. It is not 0.
func sampleKey(t uint32, shard uint8) uint64 { return 1<<63 | uint64(shard)<<32 | uint64(t) }

// newestKey returns the key of the newest sample if all caches have it, or 0.
func (p *sampler) newestKey() uint64 {
	if len(p.samples) == 0 {
		return 0
	}
	i := p.samples[0].older
	if v := &p.samples[i]; i != 0 && v.lost == 0 {
		return sampleKey(v.tag, v.shard)
	}
	return 0
}

// fade halves all counts once for each fadePeriod that has ended.
func (v *curve) fade(total lookups, at int64) {
	if at < v.fadesAt || v.maxBytes == 0 {
		return
	}
	v.countRepeats()
	periods := 1 + (at-v.fadesAt)/fadePeriod
	v.fadesAt += periods * fadePeriod
	by := math.Pow(2, -float64(periods))
	n := v.lookups(total)
	v.faded, v.since = lookups{n.hits * by, n.misses * by}, total
	v.sampler.counts.scale(by)
}

// lookups returns the faded numbers of the real cache.
func (v *curve) lookups(total lookups) lookups {
	return lookups{v.faded.hits + total.hits - v.since.hits, v.faded.misses + total.misses - v.since.misses}
}

// addCurve adds the curve and its memory. total has the numbers of all shards.
func (c *Cache) addCurve(total *Stats) {
	v := &c.curve
	v.mu.Lock()
	defer v.mu.Unlock()
	n := lookups{float64(total.Hits), float64(total.Misses)}
	v.fade(n, c.clock.now())
	v.countRepeats()
	total.Bytes.Fixed += Options{MaxBytes: v.maxBytes}.curveBytes()
	ratios, ok := v.ratios(n)
	for i := 0; ok && i < curveSizes; i++ {
		total.Curve[i] = CurvePoint{int64(float64(v.maxBytes) * curveFactors[i]), ratios[i]}
	}
}

// ratios returns the curve. The simulated caches evict in the order of LRU, so
// their hit ratio at the cap differs from the real one. The curve is the real
// ratio at the cap. Below it, it falls by the same factors as LRU's. Above it,
// the part of the misses that four times the cap would avoid shrinks by the
// same factors as LRU's.
func (v *curve) ratios(total lookups) (ratios [curveSizes]float64, ok bool) {
	n := v.lookups(total)
	p := &v.sampler
	if v.maxBytes == 0 || p.live < minLive || p.counts.lookups() < minSampled {
		return ratios, false
	}
	real := n.hits / (n.hits + n.misses)
	n.hits = max(0, n.hits-p.counts.first/p.rate())
	lru := p.ratios(n)
	top := max(real, lru[curveSizes-1])
	for i, r := range lru {
		switch {
		case i < atCap && lru[atCap] > 0:
			ratios[i] = real * r / lru[atCap]
		case i > atCap && lru[curveSizes-1] > lru[atCap]:
			ratios[i] = top - (top-real)*(lru[curveSizes-1]-r)/(lru[curveSizes-1]-lru[atCap])
		default:
			ratios[i] = real
		}
	}
	return ratios, true
}

func (n *sampleCounts) lookups() (sum float64) {
	for _, lost := range n.lost {
		sum += lost
	}
	return sum
}

// ratios returns the hit ratios of the simulated caches for the lookups n of
// the real cache in the same time.
//
// A share of all IDs has about that share of all misses, but not of all hits,
// because a few popular IDs have most of them. So the misses come from the
// sample and all lookups from the real cache (SHARDS-adj). The real misses are
// known exactly, too. The error of the sample's real misses is nearly the error
// of its simulated misses, so it is subtracted (a control variate).
func (p *sampler) ratios(n lookups) (ratios [curveSizes]float64) {
	misses := p.counts.lookups()
	for i := range ratios {
		misses -= p.counts.lost[i]
		all := n.misses + (misses-p.counts.missed)/p.rate()
		ratios[i] = 1 - min(1, max(0, all/(n.hits+n.misses)))
	}
	return ratios
}
