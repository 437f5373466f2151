package cache

import (
	"math/bits"
	"unsafe"
)

// ghosts are two lists of evicted IDs, by which the limit of the protected
// segment adapts to the traffic. A miss that hits a ghost means that the entry
// was evicted too early. If the entry had been used once, probation is too
// small to see its second use: users lose their session between two clicks. If
// it had been used again, the protected segment is too small. So far this is
// the adaptation of ARC (Megiddo and Modha, 2003).
//
// A flood, however, makes probation too small for everyone, and more room for
// probation does not help. Hardly any session of a flood returns. So each
// eviction of an entry that was used once raises the limit a little, and the
// limit falls only if more than about one in floodReturns of them returns while
// its ghost exists.
//
// The ghosts are a sample of one in 1<<sampling evictions, and they store only
// the tag. Two IDs with one tag are confused, which moves the limit by one step
// too many.
type ghosts struct {
	once     []tag // evicted after one use, at the index of the tag's low bits
	again    []tag // evicted after a second use, likewise
	sampling uint8
}

const (
	// Each of the two lists takes at most a thousandth of a shard's memory. A
	// shard too small for minGhosts has none.
	bytesPerGhost = 4 << 10
	minGhosts     = 4
	maxGhosts     = 1 << 10

	tagBytes = int64(unsafe.Sizeof(tag(0)))

	// The limit takes at least this many steps over its whole range.
	minLimitSteps = 64

	// Fewer than one in this many sessions of a flood return.
	floodReturns = 16

	// The limit never falls below this share of Options.Protected. A client
	// that requests the sessions of its own flood again looks like users who
	// return late. Without this bound it could empty the protected segment.
	minLimit = 0.5
)

// ghostsOfEachKind returns the length of each ghost list: a power of two, or 0
// in the smallest shards and in plain LRU, which has no limit to adapt.
func (o Options) ghostsOfEachKind() int64 {
	n := o.MaxBytes / int64(o.Shards) / bytesPerGhost
	if o.Protected < 0 || n < minGhosts {
		return 0
	}
	return min(maxGhosts, int64(1)<<(bits.Len64(uint64(n))-1))
}

// resized returns ghost lists of length n each, or nil for 0. It returns g if
// the length is unchanged, and empty lists otherwise.
func (g *ghosts) resized(n int64) *ghosts {
	switch n {
	case g.ofEachKind():
		return g
	case 0:
		return nil
	}
	return &ghosts{once: make([]tag, n), again: make([]tag, n)}
}

// ghostBytes returns the size of two ghost lists of length n.
func ghostBytes(n int64) int64 {
	if n == 0 {
		return 0
	}
	return int64(unsafe.Sizeof(ghosts{})) + 2*n*tagBytes
}

func (g *ghosts) ofEachKind() int64 {
	if g == nil {
		return 0
	}
	return int64(len(g.once))
}

// samples reports whether t is in the sample. It uses the high bits, because
// the low ones are the place of the tag.
func (g *ghosts) samples(t tag) bool { return t>>(tagBits-g.sampling) == 0 && t != 0 }

// addGhost records the eviction of a live entry. It sets the sampling so that
// the ghosts stand for about as many evictions as the shard has entries.
func (s *shard) addGhost(t tag, usedAgain bool) {
	g := s.ghosts
	if g == nil {
		return
	}
	g.sampling = uint8(bits.Len(uint(s.entries() / len(g.once))))
	if !g.samples(t) {
		return
	}
	if usedAgain {
		*ghostSlot(g.again, t) = t
		return
	}
	*ghostSlot(g.once, t) = t
	s.moveLimit(s.limitStep() / floodReturns)
}

func ghostSlot(tags []tag, t tag) *tag { return &tags[int(t)&(len(tags)-1)] }

// removeGhost removes t from tags and reports whether it was there.
func removeGhost(tags []tag, t tag) bool {
	place := ghostSlot(tags, t)
	if *place != t {
		return false
	}
	*place = 0
	return true
}

// has reports whether a miss of t hits a ghost. It may be called without the
// lock; then it may be wrong.
func (g *ghosts) has(t tag) bool {
	return g != nil && g.samples(t) && (*ghostSlot(g.once, t) == t || *ghostSlot(g.again, t) == t)
}

// noteMiss moves the limit of the protected segment if the missed tag hits a
// ghost.
func (s *shard) noteMiss(t tag) {
	g := s.ghosts
	if g == nil || !g.samples(t) {
		return
	}
	switch {
	case removeGhost(g.once, t):
		s.moveLimit(-s.limitStep())
	case removeGhost(g.again, t):
		s.moveLimit(s.limitStep())
	}
}

// limitStep returns the share of the memory by which one ghost hit moves the
// limit. A ghost stands for all evictions that the sample leaves out.
func (s *shard) limitStep() float64 { return 1 / float64(max(minLimitSteps, s.ghosts.ofEachKind())) }

func (s *shard) moveLimit(by float64) {
	most := s.owner.options.Protected
	s.order.protectedShare = min(most, max(minLimit*most, s.order.protectedShare+by))
}
