package cache

import (
	"math/bits"
	"unsafe"
)

// arena is a shard's memory, divided into runs: a run is a row of units that
// serves one purpose, its kind. Runs cover each chunk from its first unit to
// top without a gap; beyond top lies memory that was never used.
//
// Holes are the runs that are free. No two of them are neighbours, unless
// together they were longer than maxRun. Each is in the list of its size class,
// and tells the run after it that it is there (boundary tags, Knuth, The Art
// of Computer Programming, vol. 1, 2.5), so freeing a run joins it with the
// holes on either side without a search.
type arena struct {
	chunks []chunk

	top ref // where the memory never used begins, in the last chunk in use
	end ref // where it ends

	touched ref // top was there once; what lies beyond is not resident

	retired ref // while memory is given up (see resize.go): where what is to go begins

	chunkShift uint8 // a ref's bits above are the number of its chunk

	holeUnits int64 // in holes and beyond top
	units     int64 // in the whole arena

	nonEmpty [classWords]uint64 // the classes that have holes, a bit for each
	holes    []ref              // the first hole of each class

	// What each lookup needs comes last, beside the shard's lock.
	nearUnits ref            // the length of
	near      unsafe.Pointer // the first chunk, which is all there is until the cap grows
}

// run is the first word of each run: its length, its kind and what else all
// kinds have in common.
//
//	bit  31    29 28        27         26    23 22       0
//	    ┌────────┬─────────┬──────────┬────────┬──────────┐
//	    │  kind  │protected│after hole│ slack  │  units   │
//	    └────────┴─────────┴──────────┴────────┴──────────┘
type run uint32

const (
	unitBits       = 23
	maxRun         = 1<<unitBits - 1 // units
	minRun         = 2               // units: a hole's links and its length at the end
	slackShift     = unitBits
	maxSlack       = 15
	afterHole  run = 1 << 27
	protected  run = 1 << 28 // a record in the protected list
	kindShift      = 29
)

type kind uint32

const (
	isHole    kind = iota
	isRecord       // an entry in one run
	isHead         // the first run of an entry in several
	isPiece        // one of the others
	isSegment      // of the index
	isSpill        // a bucket for what another bucket could not hold
	isEdge         // the first and the last unit of a chunk
	isClaimed      // by a claim under way
)

func (r run) units() uint32      { return uint32(r & maxRun) }
func (r run) slack() uint32      { return uint32(r>>slackShift) & maxSlack }
func (r run) kind() kind         { return kind(r >> kindShift) }
func (r run) is(flag run) bool   { return r&flag != 0 }
func (r run) isEntry() bool      { return r.kind() == isRecord || r.kind() == isHead }
func (r *run) set(flag run)      { *r |= flag }
func (r *run) clear(flag run)    { *r &^= flag }
func (r *run) setUnits(n uint32) { *r = *r&^maxRun | run(n) }
func (r *run) setSlack(n uint32) { *r = *r&^(maxSlack<<slackShift) | run(n<<slackShift) }
func (r *run) setKind(k kind)    { *r = *r&(1<<kindShift-1) | run(k)<<kindShift }

// hole is a free run. Its last word is its length again.
type hole struct {
	run        run
	next, prev ref    // in the list of its class
	given      uint32 // of a long hole: so many units were given back to the system (see giveback.go)
}

const holeHeadUnits = 2 // all of it

// Size classes: one for each length up to exactClasses units, then four for
// each doubling. A bitmap of the classes that have holes finds the next larger
// one in a few instructions (Masmano and others, TLSF, 2004).
const (
	exactClasses = 16
	classWords   = 2
	// So many holes of the class that a length is in are tried, before the
	// next class is, in which all are long enough.
	classTries = 3
)

func classOf(units uint32) int {
	if units < exactClasses {
		return int(units)
	}
	exponent := bits.Len32(units) - 1
	quarter := units >> (exponent - 2) & 3
	return exactClasses + (exponent-4)*4 + int(quarter)
}

// init makes memory the first chunk. Its length is a multiple of unit.
func (a *arena) init(memory []byte) {
	*a = arena{}
	a.chunkShift = chunkShiftFor(int64(len(memory)))
	a.holes = make([]ref, holeClasses(a.chunkShift))
	a.grow(memory)
}

// chunkShiftFor returns the least shift for a first chunk of so many bytes.
func chunkShiftFor(memory int64) uint8 { return uint8(bits.Len64(uint64(memory/unit - 1))) }

// holeClasses is how many classes the holes of a chunk can be in.
func holeClasses(chunkShift uint8) int { return classOf(uint32(min(maxRun, 1<<chunkShift))) + 1 }

// grow adds memory as one more chunk of at most 1<<chunkShift units.
func (a *arena) grow(memory []byte) {
	if len(a.chunks) > 0 {
		a.retireTop()
	}
	start := ref(len(a.chunks)) << a.chunkShift
	a.addChunk(memory)
	units := ref(len(memory) / unit)
	*a.run(start) = run(isEdge)<<kindShift | firstUnits
	a.top, a.end = start+firstUnits, start+units-1
	a.touched = a.top
	a.endAtTop()
	a.units += int64(units)
	a.holeUnits += int64(a.end - a.top)
}

// retireTop makes holes of what lies beyond top.
func (a *arena) retireTop() {
	for a.end >= a.top+minRun {
		end := a.end
		r := a.carve(min(uint32(end-a.top), maxRun))
		a.end = a.top // or freeing it would put it back
		a.free(r)
		a.end = end
	}
	rest := a.end - a.top // too little for a hole
	a.run(a.top).setUnits(1 + uint32(rest))
	a.holeUnits -= int64(rest)
	a.end = a.top
}

// carve makes a run of exactly units out of what was never used, or returns 0
// if that is too little.
func (a *arena) carve(units uint32) ref {
	if uint32(a.end-a.top) < units {
		return 0
	}
	r := a.top
	a.top += ref(units)
	a.touched = max(a.touched, a.top)
	a.endAtTop()
	a.run(r).setUnits(units) // it was an edge, whose afterHole stays true
	a.holeUnits -= int64(units)
	return r
}

// endAtTop lets an edge follow the last run.
func (a *arena) endAtTop() { *a.run(a.top) = run(isEdge)<<kindShift | 1 }

// firstUnits is the length of the edge at the start of a chunk. It is such that
// the buckets of a segment that follows it are aligned.
const firstUnits = lineUnits - labelBytes/unit

// take returns a run of the kind that has units, or hardly more, or 0 if there
// is none so long. The caller sets the slack.
func (a *arena) take(units uint32, k kind) ref {
	r := a.findHole(units)
	if r == 0 {
		if r = a.carve(units); r != 0 {
			a.run(r).setSlack(0)
			a.run(r).setKind(k)
		}
		return r
	}
	a.useHole(r, k)
	a.trim(r, units)
	return r
}

// useHole turns the hole at r into a run of another kind.
func (a *arena) useHole(r ref, k kind) {
	a.unlist(r)
	h := a.run(r)
	h.setKind(k)
	a.holeUnits -= int64(h.units())
	a.run(r + ref(h.units())).clear(afterHole)
}

// trim gives back what the run at r has beyond units, if it is enough for a
// run of its own.
func (a *arena) trim(r ref, units uint32) {
	h := a.run(r)
	if units+minRun <= h.units() {
		*a.run(r + ref(units)) = run(h.units()-units) | run(isClaimed)<<kindShift
		h.setUnits(units)
		a.free(r + ref(units))
	}
}

// free makes a hole of the run at r, joined with the holes around it, or with
// what lies beyond top.
func (a *arena) free(r ref) {
	if a.retired != 0 {
		a.splitAtRetired(r)
	}
	a.freeRun(r)
}

func (a *arena) freeRun(r ref) {
	h := a.run(r)
	units := h.units()
	if !a.isRetired(r) {
		a.holeUnits += int64(units)
	}
	if next := r + ref(units); a.run(next).kind() == isHole && a.isRetired(next) == a.isRetired(r) {
		if more := a.run(next).units(); units+more <= maxRun {
			a.unlist(next)
			units += more
		}
	}
	if h.is(afterHole) {
		before := *a.lastWord(r-1, 1)
		if units+before <= maxRun && a.isRetired(r-ref(before)) == a.isRetired(r) {
			r -= ref(before)
			a.unlist(r)
			units += before
			h = a.run(r)
		}
	}
	if r+ref(units) == a.top && a.top < a.end {
		a.top = r
		h.setUnits(1)
		h.setKind(isEdge)
		return
	}
	*h = *h&afterHole | run(units)
	*a.lastWord(r, units) = units
	poison(a, r)
	a.run(r + ref(units)).set(afterHole)
	a.list(r)
}

// isRetired reports whether the run at r begins in the retired part.
func (a *arena) isRetired(r ref) bool { return a.retired != 0 && r >= a.retired }

func (a *arena) list(r ref) {
	if a.isRetired(r) {
		return
	}
	h := a.hole(r)
	c := classOf(h.run.units())
	first := a.holes[c]
	h.next, h.prev = first, 0
	if h.run.units() >= giveBackUnits {
		h.given = 0
	}
	if first != 0 {
		a.hole(first).prev = r
	}
	a.holes[c] = r
	a.nonEmpty[c/64] |= 1 << (c % 64)
}

func (a *arena) unlist(r ref) {
	if a.isRetired(r) {
		return
	}
	h := a.hole(r)
	checkPoison(a, r)
	if h.next != 0 {
		a.hole(h.next).prev = h.prev
	}
	if h.prev != 0 {
		a.hole(h.prev).next = h.next
		return
	}
	c := classOf(h.run.units())
	a.holes[c] = h.next
	if h.next == 0 {
		a.nonEmpty[c/64] &^= 1 << (c % 64)
	}
}

// findHole returns a hole of at least units, or 0.
func (a *arena) findHole(units uint32) ref {
	c := classOf(units)
	if c >= len(a.holes) {
		return 0
	}
	r := a.holes[c]
	for try := 0; r != 0 && try < classTries; try++ {
		h := a.hole(r)
		if h.run.units() >= units {
			return r
		}
		r = h.next
	}
	if c = a.nextClass(c + 1); c < 0 {
		return 0
	}
	return a.holes[c]
}

// nextClass returns the first class from c on that has holes, or -1.
func (a *arena) nextClass(c int) int {
	for w := c / 64; w < classWords; w++ {
		set := a.nonEmpty[w]
		if w == c/64 {
			set &= ^uint64(0) << (c % 64)
		}
		if set != 0 {
			return w*64 + bits.TrailingZeros64(set)
		}
	}
	return -1
}

// longHole returns a hole of the longest class that has any, or 0.
func (a *arena) longHole() ref {
	for w := classWords - 1; w >= 0; w-- {
		if set := a.nonEmpty[w]; set != 0 {
			return a.holes[w*64+63-bits.LeadingZeros64(set)]
		}
	}
	return 0
}

// takeUpTo returns a run of about the longest hole's length, but not more than
// units, which is at least minRun; or 0 if no hole has least units.
func (a *arena) takeUpTo(units, least uint32, k kind) ref {
	if beyond := uint32(a.end - a.top); beyond >= least {
		a.carveUpTo(units)
	}
	r := a.longHole()
	if r == 0 || a.run(r).units() < least {
		return 0
	}
	a.useHole(r, k)
	a.trim(r, units)
	return r
}

// carveUpTo makes a hole of units, or of all that lies beyond top.
func (a *arena) carveUpTo(units uint32) {
	units = min(units, uint32(a.end-a.top), maxRun)
	if units < minRun {
		return
	}
	if r := a.carve(units); r != 0 {
		a.free(r)
	}
}

// usedBytes is what is in use, the edges of the chunks included.
func (a *arena) usedBytes() int64 { return (a.units - a.holeUnits) * unit }

// cutFront gives back the first units of the run at r and returns where the
// rest of it begins.
func (a *arena) cutFront(r ref, units uint32) ref {
	h := a.run(r)
	rest := r + ref(units)
	*a.run(rest) = *h&^(maxRun|afterHole) | run(h.units()-units)
	h.setUnits(units)
	a.free(r)
	return rest
}
