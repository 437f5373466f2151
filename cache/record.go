package cache

import (
	"bytes"
	"unsafe"

	"github.com/holdfast-go/holdfast/cache/internal/arena"
)

// records is a shard's arena, whose blocks are entries and the parts of the
// index. Its methods give blocks their layout. Like those of arena.Arena, they
// are called with the shard's lock held, and the pointers that they return are
// valid as long.
type records struct{ arena.Arena }

type (
	ref    = arena.Ref
	header = arena.Header
	kind   = arena.Kind
)

const (
	granule      = arena.Granule
	lineBytes    = arena.LineBytes
	lineGranules = arena.LineGranules
	maxBlock     = arena.MaxBlock
	minBlock     = arena.MinBlock
)

// The kinds of a shard's blocks.
const (
	isRecord   = arena.KindOwner + iota // an entry in one block
	isChain                             // the first block of an entry in several
	isFragment                          // one of the other blocks
	isSegment                           // of the index
	isOverflow                          // an overflow bucket of the index
	isReserved = arena.KindReserved     // by a compaction, or by a Set that takes several steps
)

// protected is the mark of an entry in the protected segment of the eviction
// order.
const protected = arena.Mark

// record is the beginning of an entry. The bytes of its ID and then of its
// value follow: in the same block, or in a chain of blocks if no free block is
// long enough.
//
//	isRecord:   │ header older deadline use+len newer │ ID │ value │ slack │
//
//	isChain:    │ header older deadline use+len newer next length │ ID, value …
//	isFragment: │ header next │ … more of ID and value │ slack │
type record struct {
	header   header
	older    ref    // in its list; of the oldest it means nothing
	deadline int64  // reading of the clock at which it has expired
	useLen   uint64 // lastUse, 47 bits; usedAgain, 1; length of the ID, 16
	newer    ref    // 0 for the newest
	next     ref    // of an isChain: its second block; the ID of an isRecord begins here
}

// chainHeader is the record of an entry in several blocks.
type chainHeader struct {
	record
	length uint32 // of the value
}

// fragment is the beginning of a block of a chain after the first.
type fragment struct {
	header header
	next   ref // 0 for the last
}

const (
	recordHeaderBytes   = 28 // all of record but next
	chainHeaderBytes    = 36
	fragmentHeaderBytes = 8

	minChainGranules = (chainHeaderBytes + granule - 1) / granule

	// maxValueBytes bounds MaxValue, so that the lengths of an entry and of a
	// snapshot's frame are numbers of 32 bits.
	maxValueBytes = 1 << 30

	maxLength = maxValueBytes + MaxIDLen
)

// The casts below rely on the invariants of package arena, and on these: a
// block of the named kind is at least as long as its type, except that a record
// of kind isRecord may end before next; no type has a Go pointer; and each is
// aligned to a granule.

// record returns the record of the entry at r, an isRecord or isChain.
func (a *records) record(r ref) *record { return (*record)(a.At(r)) }

// chainHeader returns the header of the isChain at r.
func (a *records) chainHeader(r ref) *chainHeader { return (*chainHeader)(a.At(r)) }

// fragment returns the fragment at r, an isFragment.
func (a *records) fragment(r ref) *fragment { return (*fragment)(a.At(r)) }

// label returns the label of the index memory at r, an isSegment or isOverflow.
func (a *records) label(r ref) *label { return (*label)(a.At(r)) }

// bucket returns the i-th bucket after the label of the index memory at r.
func (a *records) bucket(r ref, i uint32) *bucket {
	return (*bucket)(unsafe.Add(a.At(r), labelBytes+uintptr(i)*lineBytes))
}

// usedAgain is in useLen of an entry that was used after it was stored, which
// brought it to protected. A snapshot marks only entries that are still there.
const (
	usedAgain = 1 << 16
	tickStart = 17
)

func (r *record) idLen() uint32   { return idLen(r.useLen) }
func (r *record) lastUse() uint64 { return lastUse(r.useLen) }

func idLen(useLen uint64) uint32   { return uint32(useLen & 0xffff) }
func lastUse(useLen uint64) uint64 { return useLen >> tickStart } // a tick: the latest move to the front

func (r *record) setLastUse(tick uint64) { r.useLen = tick<<tickStart | r.useLen&(1<<tickStart-1) }

func (r *record) usedAgain() bool { return r.useLen&usedAgain != 0 }
func (r *record) setUsedAgain()   { r.useLen |= usedAgain }

func granulesFor(bytes uint32) uint32 { return uint32((uint64(bytes) + granule - 1) / granule) }

// valueLen returns the length of the value of the entry at r.
func (a *records) valueLen(r ref) uint32 {
	h := a.record(r)
	if h.header.Kind() == isRecord {
		return h.header.End() - recordHeaderBytes - h.idLen()
	}
	return a.chainHeader(r).length
}

// isFor reports whether the entry at r has that ID.
func (a *records) isFor(r ref, id string) bool {
	h := a.record(r)
	if int(h.idLen()) != len(id) {
		return false
	}
	if h.header.Kind() == isRecord {
		return a.Equal(r, recordHeaderBytes, id)
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
func (a *records) appendID(dst []byte, r ref) []byte {
	h := a.record(r)
	rest := h.idLen()
	if h.header.Kind() == isRecord {
		return append(dst, a.Bytes(r, recordHeaderBytes, recordHeaderBytes+rest)...)
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
func (a *records) appendValue(dst []byte, r ref, skip uint32) []byte {
	h := a.record(r)
	if h.header.Kind() == isRecord {
		return append(dst, a.Bytes(r, recordHeaderBytes+skip, h.header.End())...)
	}
	for p := a.spans(r); p.r != 0; p = p.following() {
		n := min(skip, uint32(len(p.bytes)))
		dst = append(dst, p.bytes[n:]...)
		skip -= n
	}
	return dst
}

// entryLen returns the length of the ID and the value of the entry at r.
func (a *records) entryLen(r ref) uint32 { return a.record(r).idLen() + a.valueLen(r) }

// valueHasPrefix reports whether the value of the entry at r begins with
// prefix.
func (a *records) valueHasPrefix(r ref, prefix []byte) bool {
	h := a.record(r)
	if int(a.valueLen(r)) < len(prefix) {
		return false
	}
	if h.header.Kind() == isRecord {
		start := recordHeaderBytes + h.idLen()
		return string(a.Bytes(r, start, start+uint32(len(prefix)))) == string(prefix)
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

// write fills the blocks of the entry at r, which are as long as needed, with
// id and value.
func (a *records) write(r ref, id string, value []byte) {
	fenceCopy(len(value))
	if h := a.record(r); h.header.Kind() == isRecord {
		copy(a.Bytes(r, recordHeaderBytes, h.header.End()), id)
		copy(a.Bytes(r, recordHeaderBytes+uint32(len(id)), h.header.End()), value)
		return
	}
	a.chainHeader(r).length = uint32(len(value))
	for p := a.spans(r); p.r != 0; p = p.following() {
		n := copy(p.bytes, id)
		id = id[n:]
		value = value[copy(p.bytes[n:], value):]
	}
}

// span is the bytes of an entry that lie in one of its blocks.
type span struct {
	a     *records
	r     ref // 0 after the last
	bytes []byte
}

// spans returns the first span of the entry at r.
func (a *records) spans(r ref) span {
	h := *a.Header(r)
	if h.Kind() == isRecord {
		return span{a, r, a.Bytes(r, recordHeaderBytes, h.End())}
	}
	return span{a, r, a.Bytes(r, chainHeaderBytes, h.End())}
}

func (s span) following() span {
	a, r := s.a, ref(0)
	switch a.Header(s.r).Kind() {
	case isChain:
		r = a.record(s.r).next
	case isFragment:
		r = a.fragment(s.r).next
	}
	if r == 0 {
		return span{}
	}
	return span{a, r, a.Bytes(r, fragmentHeaderBytes, a.Header(r).End())}
}

// fenceCopy comes before a copy of n bytes to the arena.
func fenceCopy(n int) {
	if n >= 1<<20 {
		fenceStores()
	}
}

// copyEntry copies the ID and the value of the entry at from to the blocks at
// to, which are as long together.
func (a *records) copyEntry(to, from ref) {
	fenceCopy(int(a.entryLen(from)))
	if a.Header(to).Kind() == isChain {
		a.chainHeader(to).length = a.valueLen(from)
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

// allocEntry returns memory for an entry of length bytes, ID and value: one
// block, or a chain if no free block is long enough. It returns 0 if there is
// no room.
func (a *records) allocEntry(length uint32) ref {
	if r := a.allocRecord(length); r != 0 {
		return r
	}
	return a.allocChain(length, leastFragment(length))
}

// allocRecord returns a block for an entry of length bytes, or 0.
func (a *records) allocRecord(length uint32) ref {
	granules := granulesFor(recordHeaderBytes + length)
	if granules > maxBlock {
		return 0
	}
	r := a.Alloc(granules, isRecord)
	if r != 0 {
		a.makeRecord(r, length)
	}
	return r
}

// makeRecord makes the block at r that of an entry of length bytes.
func (a *records) makeRecord(r ref, length uint32) {
	h := a.Header(r)
	h.SetKind(isRecord)
	h.Clear(protected)
	h.SetSlack(h.Granules()*granule - recordHeaderBytes - length)
}

// allocChain returns a chain of blocks for length bytes. Each block but the
// last has at least least granules. It returns 0 if the free blocks are too
// short or too few.
func (a *records) allocChain(length, least uint32) ref {
	first := a.AllocUpTo(granulesFor(chainHeaderBytes+length), max(least, minChainGranules), isChain)
	if first == 0 {
		return 0
	}
	a.Header(first).Clear(protected)
	rest := int64(length) - int64(a.Header(first).Granules()*granule-chainHeaderBytes)
	last, link := first, &a.chainHeader(first).next
	for ; rest > 0; rest -= int64(a.Header(last).Granules()*granule - fragmentHeaderBytes) {
		a.Header(last).SetSlack(0)
		granules := granulesFor(uint32(fragmentHeaderBytes + rest))
		r := a.AllocUpTo(granules, max(minBlock, min(least, granules)), isFragment)
		if r == 0 {
			*link = 0
			a.freeEntry(first)
			return 0
		}
		*link = r
		last, link = r, &a.fragment(r).next
	}
	*link = 0
	a.Header(last).SetSlack(uint32(-rest))
	return first
}

// freeEntry frees all blocks of the entry at r.
func (a *records) freeEntry(r ref) {
	next := ref(0)
	if h := a.record(r); h.header.Kind() == isChain {
		next = h.next
	}
	a.Free(r)
	for next != 0 {
		r, next = next, a.fragment(next).next
		a.Free(r)
	}
}

// resize makes the entry at r one of length bytes, if its block is long enough,
// and reports whether it could.
func (a *records) resize(r ref, length uint32) bool {
	h := a.Header(r)
	if h.Kind() != isRecord {
		return false
	}
	granules := granulesFor(recordHeaderBytes + length)
	if granules > h.Granules() {
		return false
	}
	a.Trim(r, granules)
	h.SetSlack(h.Granules()*granule - recordHeaderBytes - length)
	return true
}
