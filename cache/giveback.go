package cache

// A cache that has emptied gives memory back to the system: what lies beyond
// top, and the inside of long holes. One that is in use would only have to take
// it again. So it happens where, after the expired have gone, most of the memory
// that a shard has touched is free.

const (
	giveBackUnits = 16 << 10 / unit // holes shorter than that stay
	giveBackMost  = 4 << 20 / unit  // in one hold of the lock: some 0.2 ms
)

// emptied reports whether less than half of the memory touched is in use.
func (a *arena) emptied() bool {
	untouched := int64(a.end - a.touched)
	return a.units-a.holeUnits < (a.units-untouched)/2
}

// giveBack gives memory back, and reports whether there is more.
func (s *shard) giveBack() bool {
	a := &s.arena
	if s.closed || !a.emptied() {
		return false
	}
	if a.giveBackTop() {
		s.planAhead()
		return true
	}
	return a.giveBackHoles()
}

// giveBackTop gives back the end of what was touched beyond top.
func (a *arena) giveBackTop() bool {
	const edge = 1 // it is there already when top comes to lie before it
	if a.touched < a.top+edge+giveBackUnits {
		return false
	}
	from := max(a.top+edge, a.touched-min(a.touched, giveBackMost))
	discard(a.part(from, a.touched))
	a.touched = from
	return true
}

// giveBackHoles gives back the first part of a long hole that is still resident.
// In each list those come first that have not been given back: a new hole comes
// in front, and one that was given back goes to the end. So the work is in
// proportion to the memory given back.
func (a *arena) giveBackHoles() bool {
	for class := classOf(giveBackUnits); class < len(a.holes) && !guarded; class++ {
		r, _ := a.firstOf(class)
		if r == 0 {
			continue
		}
		h := a.hole(r)
		units := h.run.units()
		if h.given == units {
			continue
		}
		to := min(h.given+giveBackMost, units)
		discard(a.part(r+max(holeHeadUnits, ref(h.given)), r+ref(to)-1))
		if h.given = to; to == units {
			a.toBack(r)
		}
		return true
	}
	return false
}

// part returns the memory of the units from from to to.
func (a *arena) part(from, to ref) []byte {
	return a.memory[int64(from)*unit : int64(to)*unit]
}
