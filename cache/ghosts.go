package cache

import (
	"math/bits"
	"unsafe"
)

// ghosts remember who was evicted of late, so that the limit of protected can
// follow what the sessions do. Who is asked for in vain was evicted too early. If
// they had been used once, probation is too small to see the second use: users
// who are clicking lose their session between two clicks. If they had been used
// again, protected is too small. So far this is how ARC divides its memory
// (Megiddo and Modha, 2003).
//
// But a flood makes probation too small for everybody, and no room that it is
// given is enough. What tells it is that hardly any of its sessions are asked for
// again. So each eviction of a session used once raises the limit by a little,
// and only where more than about one in floodReturns comes back, while its ghost
// is there, does the limit fall.
//
// One in 1<<sampling is remembered, by its tag alone. Another with the same tag
// can be taken for it, which moves the limit a little where it need not.
type ghosts struct {
	once     []tag // evicted without a second use; the low bits of a tag are its place
	again    []tag // evicted after one
	sampling uint8
}

const (
	// At most a thousandth of a shard's memory is for ghosts of either kind, if
	// that is enough for a few.
	bytesPerGhost = 4 << 10
	minGhosts     = 4
	maxGhosts     = 1 << 10

	tagBytes = int64(unsafe.Sizeof(tag(0)))

	// The limit goes all the way in no fewer steps.
	minLimitSteps = 64

	// Of a flood fewer than one in so many are asked for again.
	floodReturns = 16

	// The limit stays above so much of what it is at most. Without that whoever asks
	// for the sessions of their own flood, which cannot be told from users who come
	// back late, could take all of protected away.
	minLimit = 0.5
)

// ghostsOfEachKind returns how many ghosts of each kind a shard has: a power of
// two, or 0 in plain LRU, which has no limit to move, and in the smallest shards.
func (o Options) ghostsOfEachKind() int64 {
	n := o.MaxBytes / int64(o.Shards) / bytesPerGhost
	if o.Protected < 0 || n < minGhosts {
		return 0
	}
	return min(maxGhosts, int64(1)<<(bits.Len64(uint64(n))-1))
}

// resized returns memory for n ghosts of each kind, or nil for none. If that is
// another number than before, they are all forgotten.
func (g *ghosts) resized(n int64) *ghosts {
	switch n {
	case g.ofEachKind():
		return g
	case 0:
		return nil
	}
	return &ghosts{once: make([]tag, n), again: make([]tag, n)}
}

// ghostBytes is what n ghosts of each kind take.
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

// samples reports whether a tag is one of those that are remembered. Its low
// bits are its place, so its high ones decide.
func (g *ghosts) samples(t tag) bool { return t>>(tagBits-g.sampling) == 0 && t != 0 }

// remember takes note of an eviction for want of room. About as many of the
// latest are remembered as the shard has entries.
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

// removeGhost reports whether t is among the tags, and forgets it.
func removeGhost(tags []tag, t tag) bool {
	place := ghostSlot(tags, t)
	if *place != t {
		return false
	}
	*place = 0
	return true
}

// missed is told when somebody asked for a session in vain. It moves the limit of
// protected if somewhat earlier there was something to find.
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

// step is the share of the memory by which a ghost that is asked for moves the
// limit, for itself and for those whom it stands for.
func (s *shard) limitStep() float64 { return 1 / float64(max(minLimitSteps, s.ghosts.ofEachKind())) }

func (s *shard) moveLimit(by float64) {
	most := s.owner.options.Protected
	s.order.protectedShare = min(most, max(minLimit*most, s.order.protectedShare+by))
}
