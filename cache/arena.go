package cache

import (
	"math/bits"
	"unsafe"
)

// arena is a shard's memory: one contiguous region, divided into runs. A run is
// a row of units that serves one purpose, its kind. Runs cover the region from
// its first unit to top without a gap. Beyond top lies memory that was never
// used.
//
// Holes are the free runs. Two holes are never neighbours, unless together they
// were longer than maxRun. Each hole is in the list of its size class, and the
// run after it has the flag afterHole, so that freeing a run joins it with the
// holes on either side without a search (boundary tags: Knuth, The Art of
// Computer Programming, vol. 1, 2.5).
//
// While a cap shrinks, the runs that reach beyond retired are emptied and not used
// again (resize.go). A search for a hole removes those that it meets there from the
// lists. They are not put back.
type arena struct {
	memory []byte

	top ref // where the memory never used begins
	end ref // where it ends; at top or behind it is the edge, the last run

	touched ref // the greatest top there was; memory beyond it is not resident

	retired ref // while the cap shrinks, where the last run must end; else 0

	holeUnits int64 // in listed holes and beyond top
	units     int64 // in the whole arena

	work   int32 // about how many entries were evicted or moved since a step set it to 0
	gaveUp bool  // a search met too many retired holes; the next one may find something

	nonEmpty [classWords]uint64 // the classes that have holes, a bit for each
	holes    []ref              // the first hole of each class

	// A lookup needs this. It comes last, beside the shard's lock.
	base unsafe.Pointer // of memory
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
	protected  run = 1 << 28 // of a record: it is in the protected list
	unlisted   run = 1 << 28 // of a hole: it is in no list, since it is retired
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
	isEdge         // the first and the last run of the arena
	isClaimed      // reserved by a compaction or by a Set that takes several steps
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
	run   run
	next  ref    // in the list of its class
	prev  ref    // likewise; of the first hole it is the last one
	given uint32 // of a long hole: so many units were given back to the system (see giveback.go)
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

// init makes an arena of memory, whose length is a multiple of unit.
func (a *arena) init(memory []byte) {
	*a = arena{holes: make([]ref, holeClasses(int64(len(memory))))}
	a.setMemory(memory)
	*a.run(0) = run(isEdge)<<kindShift | firstUnits
	a.top, a.end, a.touched = firstUnits, firstUnits, firstUnits
	a.endAtTop()
	a.units = firstUnits + 1
	a.extend()
}

// setMemory makes memory the region of the arena. It has the same contents.
func (a *arena) setMemory(memory []byte) {
	a.memory, a.base = memory, unsafe.Pointer(unsafe.SliceData(memory))
}

// holeClasses is how many classes the holes in so many bytes can be in.
func holeClasses(memory int64) int { return classOf(uint32(min(maxRun, memory/unit))) + 1 }

// extend lets the arena use all of its memory.
func (a *arena) extend() {
	units := int64(len(a.memory) / unit)
	a.holeUnits += units - a.units
	a.units, a.end = units, ref(units-1)
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

// firstUnits is the length of the edge at the start of the arena. It is such that
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
// the memory beyond top.
func (a *arena) free(r ref) {
	h := a.run(r)
	units := h.units()
	retired := a.isRetired(r, units)
	if !retired {
		a.holeUnits += int64(units)
	}
	if next := r + ref(units); a.run(next).kind() == isHole {
		if more := a.run(next).units(); units+more <= maxRun && a.isRetired(next, more) == retired {
			a.unlist(next)
			units += more
		}
	}
	if h.is(afterHole) {
		before := *a.lastWord(r-1, 1)
		if units+before <= maxRun && a.isRetired(r-ref(before), before) == retired {
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
	if retired {
		h.set(unlisted)
		return
	}
	a.list(r)
}

// isRetired reports whether the run at r reaches into the retired memory.
func (a *arena) isRetired(r ref, units uint32) bool {
	return a.retired != 0 && r+ref(units) > a.retired
}

// list puts the hole at r in front of the list of its class.
func (a *arena) list(r ref) {
	h := a.hole(r)
	c := classOf(h.run.units())
	first := a.holes[c]
	h.next, h.prev = first, r
	if h.run.units() >= giveBackUnits {
		h.given = 0
	}
	if first != 0 {
		h.prev = a.hole(first).prev
		a.hole(first).prev = r
	}
	a.holes[c] = r
	a.nonEmpty[c/64] |= 1 << (c % 64)
}

// unlist takes the hole at r out of the list of its class. One that was retired
// may not be in it any more, and does not count as free.
func (a *arena) unlist(r ref) {
	h := a.hole(r)
	checkPoison(a, r)
	if h.run.is(unlisted) {
		return
	}
	if a.isRetired(r, h.run.units()) {
		a.holeUnits -= int64(h.run.units())
	}
	c := classOf(h.run.units())
	first := a.holes[c]
	if r == first {
		a.holes[c] = h.next
		if h.next == 0 {
			a.nonEmpty[c/64] &^= 1 << (c % 64)
			return
		}
		a.hole(h.next).prev = h.prev
		return
	}
	a.hole(h.prev).next = h.next
	if h.next == 0 {
		a.hole(first).prev = h.prev
	} else {
		a.hole(h.next).prev = h.prev
	}
}

// toBack moves the hole at r, the first of its class, to the end of the list.
func (a *arena) toBack(r ref) {
	h := a.hole(r)
	if h.next == 0 {
		return
	}
	c, last := classOf(h.run.units()), h.prev
	a.holes[c] = h.next // whose prev becomes the last: the first's, in a ring
	a.hole(h.next).prev = r
	a.hole(last).next = r
	h.next = 0 // prev is last already
}

// firstOf returns the first hole of the class that is not retired, or 0. It
// takes those that are retired out of the list. If there are too many of them for
// one search it returns 0 and false.
func (a *arena) firstOf(c int) (r ref, ok bool) {
	r = a.holes[c]
	for n := 0; r != 0 && a.isRetired(r, a.run(r).units()); n++ {
		if n == retireMost {
			a.gaveUp = true
			return 0, false
		}
		if n%4 == 0 {
			a.work++
		}
		a.unlist(r)
		a.run(r).set(unlisted)
		r = a.holes[c]
	}
	return r, true
}

// retireMost bounds the work of one search for a hole while the cap shrinks.
const retireMost = 64

// findHole returns a hole of at least units, or 0.
func (a *arena) findHole(units uint32) ref {
	c := classOf(units)
	if c >= len(a.holes) {
		return 0
	}
	r, ok := a.firstOf(c)
	for try := 0; r != 0 && try < classTries; try++ {
		h := a.hole(r)
		if n := h.run.units(); n >= units && !a.isRetired(r, n) {
			return r
		}
		r = h.next
	}
	for c = a.nextClass(c + 1); ok && c >= 0; c = a.nextClass(c + 1) {
		if r, ok = a.firstOf(c); r != 0 {
			return r
		}
	}
	return 0
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
		for set := a.nonEmpty[w]; set != 0; {
			bit := 63 - bits.LeadingZeros64(set)
			if r, ok := a.firstOf(w*64 + bit); r != 0 || !ok {
				return r
			}
			set &^= 1 << bit
		}
	}
	return 0
}

// takeUpTo returns a run of units, which are at least minRun, or else of about the
// longest hole's length, or of what lies beyond top if that is longer; or 0 if
// neither has least units. The caller sets the slack.
func (a *arena) takeUpTo(units, least uint32, k kind) ref {
	r, n := a.longHole(), min(units, uint32(a.end-a.top), maxRun)
	if n >= max(least, minRun) && (r == 0 || a.run(r).units() < n) {
		r = a.carve(n)
		a.run(r).setKind(k)
		a.run(r).setSlack(0)
		return r
	}
	if r == 0 || a.run(r).units() < least {
		return 0
	}
	a.useHole(r, k)
	a.trim(r, units)
	return r
}

// usedBytes is how many bytes are in use, the edges included.
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
