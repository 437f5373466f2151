package cache

import "bytes"

// record is the head of an entry. The bytes of its ID and then of its value
// follow, in the same run where there is one long enough.
//
//	isRecord:  │ run older deadline use+len newer │ ID │ value │ slack │
//
//	isHead:    │ run older deadline use+len newer next length │ ID, value …
//	isPiece:   │ run next prev │ … more of it │ slack │
type record struct {
	run      run
	older    ref    // in its list; of the oldest it means nothing
	deadline int64  // reading of the clock at which it has expired
	useLen   uint64 // when it was last put in front of its list, a tick of 47 bits; usedAgain; length of its ID, 16
	newer    ref    // 0 for the newest
	next     ref    // of an isHead: its second run. The ID of an isRecord begins here
}

// head is a record whose entry lies in several runs. Fragmentation makes them:
// when the free memory would do, but no hole is long enough.
type head struct {
	record
	length uint32 // of the value
}

// piece is a run of an entry after its first.
type piece struct {
	run  run
	next ref // 0 for the last
}

const (
	recordHeadBytes = 28 // all of record but next
	headHeadBytes   = 36
	pieceHeadBytes  = 8

	minHeadUnits = (headHeadBytes + unit - 1) / unit

	// maxValueBytes bounds MaxValue, so that the lengths of an entry and of a
	// snapshot's frame are numbers of 32 bits.
	maxValueBytes = 1 << 30

	maxLength = maxValueBytes + MaxIDLen
)

func (r *record) idLen() uint32   { return uint32(r.useLen & 0xffff) }
func (r *record) lastUse() uint64 { return r.useLen >> tickStart }

func (r *record) setLastUse(tick uint64) { r.useLen = tick<<tickStart | r.useLen&(1<<tickStart-1) }

// usedAgain is in useLen of an entry that was used after it was stored, and has
// been in protected therefore. A snapshot tells only of those that still are.
const (
	usedAgain = 1 << 16
	tickStart = 17
)

func (r *record) usedAgain() bool { return r.useLen&usedAgain != 0 }
func (r *record) setUsedAgain()   { r.useLen |= usedAgain }

func unitsFor(bytes uint32) uint32 { return uint32((uint64(bytes) + unit - 1) / unit) }

// end is where the bytes of the run at r end and its slack begins.
func (r run) end() uint32 { return r.units()*unit - r.slack() }

func (a *arena) valueLen(r ref) uint32 {
	h := a.record(r)
	if h.run.kind() == isRecord {
		return h.run.end() - recordHeadBytes - h.idLen()
	}
	return a.head(r).length
}

// isFor reports whether the entry at r has that ID.
func (a *arena) isFor(r ref, id string) bool {
	h := a.record(r)
	if int(h.idLen()) != len(id) {
		return false
	}
	if h.run.kind() == isRecord {
		return a.holds(r, recordHeadBytes, id)
	}
	for p := a.spans(r); ; p = p.following() {
		if len(id) <= len(p.bytes) {
			return string(p.bytes[:len(id)]) == id
		}
		if string(p.bytes) != id[:len(p.bytes)] {
			return false
		}
		id = id[len(p.bytes):]
	}
}

// appendID appends the ID of the entry at r to dst.
func (a *arena) appendID(dst []byte, r ref) []byte {
	h := a.record(r)
	rest := h.idLen()
	if h.run.kind() == isRecord {
		return append(dst, a.bytes(r, recordHeadBytes, recordHeadBytes+rest)...)
	}
	for p := a.spans(r); rest > 0; p = p.following() {
		n := min(rest, uint32(len(p.bytes)))
		dst = append(dst, p.bytes[:n]...)
		rest -= n
	}
	return dst
}

// appendValue appends the value of the entry at r, whose ID has skip bytes, to
// dst.
func (a *arena) appendValue(dst []byte, r ref, skip uint32) []byte {
	h := a.record(r)
	if h.run.kind() == isRecord {
		return append(dst, a.bytes(r, recordHeadBytes+skip, h.run.end())...)
	}
	for p := a.spans(r); p.r != 0; p = p.following() {
		n := min(skip, uint32(len(p.bytes)))
		dst = append(dst, p.bytes[n:]...)
		skip -= n
	}
	return dst
}

// valueHasPrefix reports whether the value of the entry at r begins with prefix.
func (a *arena) valueHasPrefix(r ref, prefix []byte) bool {
	h := a.record(r)
	if int(a.valueLen(r)) < len(prefix) {
		return false
	}
	if h.run.kind() == isRecord {
		start := recordHeadBytes + h.idLen()
		return string(a.bytes(r, start, start+uint32(len(prefix)))) == string(prefix)
	}
	skip := h.idLen()
	for p := a.spans(r); ; p = p.following() {
		n := min(skip, uint32(len(p.bytes)))
		part := p.bytes[n:]
		skip -= n
		if len(prefix) <= len(part) {
			return bytes.HasPrefix(part, prefix)
		}
		if !bytes.HasPrefix(prefix, part) {
			return false
		}
		prefix = prefix[len(part):]
	}
}

// write fills the runs at r, which are as long as needed, with id and value.
func (a *arena) write(r ref, id string, value []byte) {
	if h := a.record(r); h.run.kind() == isRecord {
		copy(a.bytes(r, recordHeadBytes, h.run.end()), id)
		copy(a.bytes(r, recordHeadBytes+uint32(len(id)), h.run.end()), value)
		return
	}
	a.head(r).length = uint32(len(value))
	for p := a.spans(r); p.r != 0; p = p.following() {
		n := copy(p.bytes, id)
		id = id[n:]
		value = value[copy(p.bytes[n:], value):]
	}
}

// span is the bytes of an entry that lie in one of its runs.
type span struct {
	a     *arena
	r     ref // 0 after the last
	bytes []byte
}

// spans returns the first span of the entry at r.
func (a *arena) spans(r ref) span {
	h := *a.run(r)
	if h.kind() == isRecord {
		return span{a, r, a.bytes(r, recordHeadBytes, h.end())}
	}
	return span{a, r, a.bytes(r, headHeadBytes, h.end())}
}

func (s span) following() span {
	a, r := s.a, ref(0)
	switch a.run(s.r).kind() {
	case isHead:
		r = a.record(s.r).next
	case isPiece:
		r = a.piece(s.r).next
	}
	if r == 0 {
		return span{}
	}
	return span{a, r, a.bytes(r, pieceHeadBytes, a.run(r).end())}
}

// copyEntry copies the ID and the value of the entry at from to the runs at to,
// which are as long together.
func (a *arena) copyEntry(to, from ref) {
	if a.run(to).kind() == isHead {
		a.head(to).length = a.valueLen(from)
	}
	target, source := a.spans(to), a.spans(from)
	for target.r != 0 && source.r != 0 {
		n := copy(target.bytes, source.bytes)
		target.bytes, source.bytes = target.bytes[n:], source.bytes[n:]
		if len(target.bytes) == 0 {
			target = target.following()
		}
		if len(source.bytes) == 0 {
			source = source.following()
		}
	}
}

// takeFor returns memory for an entry of length bytes: one run, or several if
// there is none so long, or 0 if there is no room.
func (a *arena) takeFor(length uint32) ref {
	if r := a.takeOne(length); r != 0 {
		return r
	}
	return a.takeSeveral(length, leastPart(length))
}

// takeOne returns a run for an entry of length bytes, ID and value, or 0.
func (a *arena) takeOne(length uint32) ref {
	units := unitsFor(recordHeadBytes + length)
	if units > maxRun {
		return 0
	}
	r := a.take(units, isRecord)
	if r != 0 {
		a.beRecord(r, length)
	}
	return r
}

// beRecord makes the run at r that of an entry of length bytes.
func (a *arena) beRecord(r ref, length uint32) {
	h := a.run(r)
	h.setKind(isRecord)
	h.clear(protected)
	h.setSlack(h.units()*unit - recordHeadBytes - length)
}

// takeSeveral returns a chain of runs for length bytes, each but the last of at
// least the given units, or 0 if the holes are too short or too few.
func (a *arena) takeSeveral(length, least uint32) ref {
	first := a.takeUpTo(unitsFor(headHeadBytes+length), max(least, minHeadUnits), isHead)
	if first == 0 {
		return 0
	}
	a.run(first).clear(protected)
	rest := int64(length) - int64(a.run(first).units()*unit-headHeadBytes)
	last, link := first, &a.head(first).next
	for ; rest > 0; rest -= int64(a.run(last).units()*unit - pieceHeadBytes) {
		a.run(last).setSlack(0)
		units := unitsFor(uint32(pieceHeadBytes + rest))
		r := a.takeUpTo(units, max(minRun, min(least, units)), isPiece)
		if r == 0 {
			*link = 0
			a.freeEntry(first)
			return 0
		}
		*link = r
		last, link = r, &a.piece(r).next
	}
	*link = 0
	a.run(last).setSlack(uint32(-rest))
	return first
}

// freeEntry gives back all runs of the entry at r.
func (a *arena) freeEntry(r ref) {
	next := ref(0)
	if h := a.record(r); h.run.kind() == isHead {
		next = h.next
	}
	a.free(r)
	for next != 0 {
		r, next = next, a.piece(next).next
		a.free(r)
	}
}

// resize makes the run of the entry at r as long as length bytes need, if that
// is possible where it is.
func (a *arena) resize(r ref, length uint32) bool {
	h := a.run(r)
	if h.kind() != isRecord {
		return false
	}
	units := unitsFor(recordHeadBytes + length)
	if units > h.units() {
		return false
	}
	a.trim(r, units)
	h.setSlack(h.units()*unit - recordHeadBytes - length)
	return true
}
