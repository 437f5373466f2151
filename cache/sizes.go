package cache

import (
	"math/bits"
	"unsafe"
)

const (
	segmentBytes  = int64(unsafe.Sizeof(ref(0)) + unsafe.Sizeof(int64(0))) // in the tables
	shardBytes    = int64(unsafe.Sizeof(shard{}))
	holeRefBytes  = int64(unsafe.Sizeof(ref(0)))
	bytesPerIndex = 512 // of the arena for which the table of segments can have a bucket
)

// arenaBytes returns how much memory a shard of a cache with o has for its
// records and index: its part of the cap less the tables beside it. A segment of
// the index has 1<<shift buckets.
func (o Options) arenaBytes(shift uint8) int64 {
	share := o.MaxBytes / int64(o.Shards)
	tables := shardBytes + int64(holeClasses(share))*holeRefBytes + mostSegments(share, shift)*segmentBytes
	return (share - tables - ghostBytes(o.ghostsOfEachKind())) &^ (unit - 1)
}

// segmentShift is the binary logarithm of the buckets in a segment: 64, a page,
// where that is no more than a small share of the memory.
func segmentShift(memory int64) uint8 {
	return uint8(min(6, max(0, bits.Len64(uint64(memory/(lineBytes*64)))-1)))
}

// mostSegments is how many segments the index can have.
func mostSegments(memory int64, shift uint8) int64 {
	return memory/bytesPerIndex>>shift + 1
}

// largestEntry is how many bytes the ID and the value of an entry may have to
// fit in an arena in which there is nothing else.
func largestEntry(memory int64, segmentUnits uint32) int64 {
	overhead := int64(firstUnits+segmentUnits+1+1)*unit + recordHeadBytes
	if pieces := memory / (maxRun * unit); pieces > 0 {
		overhead += headHeadBytes + (pieces+1)*2*unit
	}
	return min(maxLength, memory-overhead)
}

func (o Options) segmentShift() uint8 { return segmentShift(o.MaxBytes / int64(o.Shards)) }

// wantsLargePages reports whether a shard with so much memory is to have it in
// large pages. One that it fills, and one that was touched ahead, are resident as
// a whole.
func wantsLargePages(memory int64) bool { return memory >= 8*largePageBytes }

const largePageBytes = 2 << 20

// usedBytes is all that the shard takes of the cap at the moment.
func (s *shard) usedBytes() int64 { return s.arena.usedBytes() + s.besideArena() }

// besideArena is what it takes beside the arena.
func (s *shard) besideArena() int64 {
	tables := int64(cap(s.arena.holes))*holeRefBytes + int64(cap(s.index.segments))*segmentBytes
	return shardBytes + tables + ghostBytes(s.ghosts.ofEachKind())
}
