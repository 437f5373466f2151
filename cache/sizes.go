package cache

import (
	"math/bits"
	"unsafe"

	"github.com/holdfast-go/holdfast/cache/internal/arena"
)

const (
	segmentBytes  = int64(unsafe.Sizeof(ref(0)) + unsafe.Sizeof(int64(0))) // one segment in the tables
	shardBytes    = int64(unsafe.Sizeof(shard{}))
	viewBytes     = int64(unsafe.Sizeof(view{}))
	bytesPerIndex = 512 // the table of segments allows one bucket for so many bytes
)

// arenaBytes returns the bytes that a shard has for its records and index: its
// part of the cap without the tables outside the arena. A segment of the index
// has 1<<shift buckets.
func (o Options) arenaBytes(shift uint8) int64 {
	share := o.MaxBytes / int64(o.Shards)
	tables := shardBytes + arena.TableBytes(share) + mostSegments(share, shift)*segmentBytes + readersShare(o.Shards)
	if o.isOptimistic() {
		tables += viewBytes
	}
	return (share - tables - ghostBytes(o.ghostsOfEachKind()) - o.curveShare()) &^ (granule - 1)
}

// isOptimistic reports whether reads try without the lock. Smaller shards have
// few entries, and most hits would have to move one.
func (o Options) isOptimistic() bool {
	return canReadOptimistically && o.MaxBytes/int64(o.Shards) >= 32<<10
}

// readersShare returns a shard's part of the readers' stripes. A cache keeps
// them while its cap changes.
func readersShare(shards int) int64 {
	if !canReadOptimistically {
		return 0
	}
	return (lineBytes*int64(stripesFor(shards)) + int64(shards) - 1) / int64(shards)
}

// segmentShift returns the binary logarithm of the buckets in a segment. A
// segment has 64 buckets, which is a page, or fewer if that were a large share
// of memory.
func segmentShift(memory int64) uint8 {
	return uint8(min(6, max(0, bits.Len64(uint64(memory/(lineBytes*64)))-1)))
}

// mostSegments returns the capacity of the table of segments.
func mostSegments(memory int64, shift uint8) int64 {
	return memory/bytesPerIndex>>shift + 1
}

// largestEntry returns the bytes of the longest ID and value together that fit
// in an otherwise empty arena.
func largestEntry(memory int64, segmentGranules uint32) int64 {
	overhead := int64(arena.SentinelGranules+segmentGranules+1)*granule + recordHeaderBytes
	if fragments := memory / (maxBlock * granule); fragments > 0 {
		overhead += chainHeaderBytes + (fragments+1)*2*granule
	}
	return min(maxLength, memory-overhead)
}

func (o Options) segmentShift() uint8 { return segmentShift(o.MaxBytes / int64(o.Shards)) }

// usedBytes returns the bytes of the cap that the shard uses now.
func (s *shard) usedBytes() int64 { return s.arena.UsedBytes() + s.besideArena() }

// memoryUse returns the same bytes by purpose.
func (s *shard) memoryUse() MemoryUse {
	if s.closed {
		return MemoryUse{}
	}
	use := MemoryUse{IDs: s.idBytes, Values: s.valueBytes, Index: s.indexBytes()}
	use.Fixed = s.besideArena() + arena.SentinelGranules*granule
	use.Headers = s.usedBytes() - use.Total()
	return use
}

// indexBytes returns the bytes of the index in the arena. If a block has a
// granule more than it needs, the granule is not counted.
func (s *shard) indexBytes() int64 {
	x := &s.index
	return (int64(len(x.segments))*int64(s.segmentGranules()) + int64(x.overflows)*overflowGranules) * granule
}

// besideArena returns the bytes that the shard uses outside its arena.
func (s *shard) besideArena() int64 {
	tables := s.arena.TableBytes() + int64(cap(s.index.segments))*segmentBytes + readersShare(len(s.owner.shards))
	if s.optimistic {
		tables += viewBytes
	}
	return shardBytes + tables + ghostBytes(s.ghosts.ofEachKind())
}
