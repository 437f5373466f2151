package cache

import (
	"math"
	"math/bits"
	"unsafe"
)

// sampler follows a sample of the IDs through simulated caches of several
// sizes, each of them an exact LRU with a cap in bytes: SHARDS of a fixed size
// (Waldspurger, Park, Garthwaite and Ahmad, FAST '15).
//
// The sample is all IDs whose tag is below a threshold. It has a share of all
// IDs and all uses of these IDs, so a cache with that share of the bytes evicts
// about the same share of them. All simulated caches are one list: an LRU of a
// cap has the entries from the newest to some oldest one.
//
//	newest ─► a ─► b ─► c ─► d ─► e ─► f ─► g          lost:
//	          │    │    └ oldest of 1/4 of the cap      a, b, c  0
//	          ···  └───────── d: oldest of 1/2          d        1
//	                           f: oldest of the cap     e, f     2
//	                           g: oldest of twice, and of four times the cap
//
// A use of g is a hit at twice the cap and at four times the cap. An entry that
// the largest cache evicts leaves the sample, so no traffic makes it grow. If
// more IDs are in the sample than fit, the threshold falls.
//
// A sampler is not safe for concurrent use.
type sampler struct {
	below    uint32   // tags below it are in the sample
	samples  []sample // samples[0] is both ends of the list
	heads    []uint16 // chains of samples by hash
	free     uint16   // chain of unused samples
	fresh    int      // samples from here on were never used
	live     int      // samples in use
	capacity float64  // of the real cache, in granules

	limit  [curveSizes]int64  // of each cache, in granules of the sample
	used   [curveSizes]int64  // in granules
	oldest [curveSizes]uint16 // 0: the cache is empty

	counts sampleCounts
}

// sample is one ID and its entry. In the smallest caches, whose number is lost,
// it is evicted.
type sample struct {
	tag      uint32
	granules uint32 // 0: unused
	deadline uint32 // a sampleTick
	newer    uint16
	older    uint16
	next     uint16 // in its chain
	shard    uint8
	lost     uint8
}

// sampleCounts are the sampled lookups. They are fractions since they fade, and
// since a lookup counts less when the threshold falls.
type sampleCounts struct {
	lost   [curveSizes + 1]float64 // by the number of caches without the entry
	missed float64                 // lookups that the real cache missed
	first  float64                 // real hits of IDs whose past is unknown, and in no other count
}

const (
	curveSizes = 5

	// Of the tags, at most one in 128 is sampled. More would take more time.
	mostSampled = uint32(1) << tagBits / 128

	sampleBytes = int64(unsafe.Sizeof(sample{}))
	headBytes   = 2
	minSamples  = 256
	maxSamples  = 16 << 10
)

// sampleTicks are the unit of a sample's deadline: 67 ms.
const sampleTickShift = 26

func sampleTick(now int64) uint32 {
	return uint32(min(max(0, now>>sampleTickShift), math.MaxUint32-1))
}

func sampleDeadline(deadline int64) uint32 {
	if deadline>>sampleTickShift >= math.MaxUint32-1 {
		return math.MaxUint32
	}
	return sampleTick(deadline) + 1
}

// samplerBytes returns the bytes of a sampler's tables with room for n IDs.
func samplerBytes(n int) int64 { return int64(n+1)*sampleBytes + headBytes*int64(headsFor(n)) }

// headsFor returns the number of chains for n IDs: a power of two, at most n.
func headsFor(n int) int { return 1 << (bits.Len(uint(n)) - 1) }

// newSampler returns a sampler of n IDs for a cache with room for so many
// granules of entries.
func newSampler(n int, granules float64) sampler {
	p := sampler{
		samples:  make([]sample, n+1),
		heads:    make([]uint16, headsFor(n)),
		fresh:    1,
		capacity: granules,
	}
	p.setBelow(mostSampled)
	return p
}

// rate returns the share of the IDs in the sample.
func (p *sampler) rate() float64 { return float64(p.below) / (1 << tagBits) }

func (p *sampler) setBelow(below uint32) {
	p.below = below
	for i := range p.limit {
		p.limit[i] = int64(p.capacity * p.rate() * curveFactors[i])
	}
}

func (p *sampler) head(t uint32, shard uint8) *uint16 {
	h := (t ^ uint32(shard)<<23) * 0x9e3779b1
	return &p.heads[h>>16*uint32(len(p.heads))>>16]
}

// find returns the sample of a tag in a shard, or 0.
func (p *sampler) find(t uint32, shard uint8) uint16 {
	for i := *p.head(t, shard); i != 0; i = p.samples[i].next {
		if v := &p.samples[i]; v.tag == t && v.shard == shard {
			return i
		}
	}
	return 0
}

// lookup counts a lookup whose outcome in the real cache was hit. It reports
// false if the sampler does not know the entry that the real cache has.
func (p *sampler) lookup(t uint32, shard uint8, hit bool, now uint32) (known bool) {
	i := p.find(t, shard)
	if i != 0 && !hit && p.samples[i].deadline <= now {
		p.drop(i)
		i = 0
	}
	if i == 0 && hit {
		p.counts.first++
		return false
	}
	if !hit {
		p.counts.missed++
	}
	if i == 0 {
		p.counts.lost[curveSizes]++
		return true
	}
	p.counts.lost[p.samples[i].lost]++
	p.use(i)
	return true
}

// touch is a use that does not count, and sets a new deadline unless it is 0.
// It reports whether the sampler knows the entry.
func (p *sampler) touch(t uint32, shard uint8, deadline, now uint32) (known bool) {
	i := p.find(t, shard)
	if i == 0 {
		return false
	}
	if p.samples[i].deadline <= now {
		p.drop(i)
		return false
	}
	if deadline != 0 {
		p.samples[i].deadline = deadline
	}
	p.use(i)
	return true
}

// store makes an entry the newest.
func (p *sampler) store(t uint32, shard uint8, granules, deadline uint32) {
	i := p.find(t, shard)
	if i != 0 {
		p.unlink(i)
	} else if i = p.alloc(t); i == 0 {
		return
	} else {
		v, head := &p.samples[i], p.head(t, shard)
		v.tag, v.shard, v.next = t, shard, *head
		*head = i
	}
	v := &p.samples[i]
	v.granules, v.deadline = granules, deadline
	p.push(i)
}

// alloc returns an unused sample for an ID with the tag t. It returns 0 if the
// threshold had to fall and t is not below it any more.
func (p *sampler) alloc(t uint32) uint16 {
	for p.free == 0 && p.fresh == len(p.samples) {
		p.thin()
	}
	if t >= p.below {
		return 0
	}
	p.live++
	i := p.free
	if i == 0 {
		i = uint16(p.fresh)
		p.fresh++
	} else {
		p.free = p.samples[i].next
	}
	return i
}

// thin lowers the threshold by an eighth.
func (p *sampler) thin() {
	if p.below == 1 { // all samples have the tag 0
		p.drop(p.samples[0].newer)
		return
	}
	before := p.rate()
	p.setBelow(p.below - max(1, p.below/8))
	for i := 1; i < p.fresh; i++ {
		if v := &p.samples[i]; v.granules != 0 && v.tag >= p.below {
			p.drop(uint16(i))
		}
	}
	p.trim()
	p.counts.scale(p.rate() / before)
}

func (n *sampleCounts) scale(by float64) {
	for i := range n.lost {
		n.lost[i] *= by
	}
	n.missed *= by
	n.first *= by
}

// remove forgets an entry that was deleted.
func (p *sampler) remove(t uint32, shard uint8) {
	if i := p.find(t, shard); i != 0 {
		p.drop(i)
	}
}

// sweep drops the expired entries.
func (p *sampler) sweep(now uint32) {
	for i := 1; i < p.fresh; i++ {
		if v := &p.samples[i]; v.granules != 0 && v.deadline <= now {
			p.drop(uint16(i))
		}
	}
}

// drop removes an entry from all caches and frees its sample.
func (p *sampler) drop(i uint16) {
	p.unlink(i)
	v := &p.samples[i]
	link := p.head(v.tag, v.shard)
	for *link != i {
		link = &p.samples[*link].next
	}
	*link = v.next
	*v = sample{next: p.free}
	p.free = i
	p.live--
}

func (p *sampler) use(i uint16) {
	if p.samples[0].older != i {
		p.unlink(i)
		p.push(i)
	}
}

// push makes an entry the newest of all caches, which evict others for it.
func (p *sampler) push(i uint16) {
	v, ends := &p.samples[i], &p.samples[0]
	v.newer, v.older, v.lost = 0, ends.older, 0
	p.samples[v.older].newer = i
	ends.older = i
	for c := range p.used {
		p.used[c] += int64(v.granules)
		if p.oldest[c] == 0 {
			p.oldest[c] = i
		}
	}
	p.trim()
}

// unlink removes an entry from the caches that have it. Entries that these
// caches evicted before do not come back.
func (p *sampler) unlink(i uint16) {
	v := &p.samples[i]
	for c := int(v.lost); c < curveSizes; c++ {
		p.used[c] -= int64(v.granules)
		if p.oldest[c] == i {
			p.oldest[c] = v.newer
		}
	}
	p.samples[v.newer].older, p.samples[v.older].newer = v.older, v.newer
}

// trim evicts the oldest entries of each cache that exceeds its limit.
func (p *sampler) trim() {
	for c := range p.used {
		for p.used[c] > p.limit[c] {
			i := p.oldest[c]
			v := &p.samples[i]
			v.lost = uint8(c) + 1
			p.used[c] -= int64(v.granules)
			p.oldest[c] = v.newer
			if c == curveSizes-1 {
				p.drop(i)
			}
		}
	}
}
