package cache

import (
	"fmt"
	"math"
	"math/bits"
	"runtime"
)

const (
	// MaxIDLen is the length in bytes of the longest ID that a cache takes.
	MaxIDLen = 1<<16 - 1

	defaultMaxBytes  = 64 << 20
	defaultMaxValue  = 1 << 20
	defaultProtected = 0.8

	minMaxBytes = 4 << 10
	maxShards   = 256

	// A ref counts units in 32 bits; half of that leaves room for arithmetic.
	maxShardBytes = int64(unit) << 31

	// A shard smaller than this holds too few sessions for the hash to spread
	// them evenly: some shards would evict while others have room.
	minShardBytes = 256 << 10

	// About so many values of the largest size fit in a shard before it evicts.
	largestPerShard = 4

	// With so many shards for each processor, two operations at the same time
	// seldom need the same lock. Many more make a Set slower.
	shardsPerProcessor = 16
)

// Options configure a Cache. The zero value is a 64 MiB cache that is right
// for most servers; MaxBytes is the one field that most will set.
type Options struct {
	// MaxBytes is the hard cap, in bytes, on all that the cache holds: IDs,
	// values, index and bookkeeping. 0 means 64 MiB; less than 4 KiB, or more than
	// 16 GiB for each of Shards, is refused. SetMaxBytes changes it later. Memory is
	// taken as it is needed, in a cache of hundreds of megabytes on Linux in pages of
	// 2 MiB: then up to a quarter of MaxBytes may be resident before it is in use.
	MaxBytes int64

	// MaxValue is the length in bytes of the largest value; a larger one is
	// refused with ErrTooLarge. 0 means 1 MiB, or a quarter of a shard where
	// that is less. A shard must have room for one such value. More than 1 GiB is
	// refused.
	MaxValue int

	// Protected is the share of the memory that sessions seen only once cannot
	// push out: the room of the sessions that were used again. Where many
	// sessions are asked for soon after they were evicted, the cache makes that
	// room smaller for a time, down to half. 0 means 0.8; a negative share means
	// plain LRU, where a flood of new sessions evicts the others; 1 or more is
	// refused, since nothing new could be stored.
	Protected float64

	// Shards is the number of independent parts, each with its own lock and
	// its own part of MaxBytes: a power of two, 256 at most. 0 chooses sixteen
	// for each processor, or fewer where MaxBytes and MaxValue allow no more, or
	// more where a part would be larger than 16 GiB. With 1, eviction order is exact
	// over the whole cache rather than per shard.
	Shards int

	// OnEvict, if not nil, is called once for each entry that left without
	// being deleted: it expired, or room was needed. It runs after the lock is
	// released, on the goroutine that made the room or on the cache's own, and
	// may call the cache; but if it stores an entry for each one that left, the
	// next leaves for that, without end. One that ends its goroutine is not told of
	// the others that left at the same moment. A panic in it is recovered and
	// counted in Stats.CallbackPanics. Close does not call it.
	OnEvict func(id string, reason EvictionReason)
}

// withDefaults returns o with every field set to what the cache will use, or
// says which one it cannot use.
func (o Options) withDefaults() (Options, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.MaxBytes < minMaxBytes {
		return o, fmt.Errorf("%w: MaxBytes is %d, the least that can be worked with is %d", ErrInvalid, o.MaxBytes, minMaxBytes)
	}
	if most := min(maxShards*maxShardBytes, math.MaxInt); o.MaxBytes > most {
		return o, fmt.Errorf("%w: MaxBytes is %d, the most that can be worked with is %d", ErrInvalid, o.MaxBytes, most)
	}

	if o.MaxValue == 0 {
		o.MaxValue = int(min(defaultMaxValue, o.MaxBytes/int64(max(1, o.Shards))/largestPerShard))
	}
	if o.MaxValue > maxValueBytes {
		return o, fmt.Errorf("%w: MaxValue is %d, the most that can be worked with is %d", ErrInvalid, o.MaxValue, maxValueBytes)
	}
	if o.MaxValue < 0 || int64(o.MaxValue) > o.MaxBytes {
		return o, fmt.Errorf("%w: MaxValue is %d, it must be positive and fit in MaxBytes, %d", ErrInvalid, o.MaxValue, o.MaxBytes)
	}

	if o.Protected == 0 {
		o.Protected = defaultProtected
	}
	if o.Protected >= 1 || math.IsNaN(o.Protected) {
		return o, fmt.Errorf("%w: Protected is %v, it must be a share below 1, or negative for plain LRU", ErrInvalid, o.Protected)
	}

	most := o.mostShards()
	if o.Shards == 0 {
		useful := int64(shardsPerProcessor * runtime.GOMAXPROCS(0))
		o.Shards = int(min(most, useful, max(1, o.MaxBytes/minShardBytes)))
		o.Shards = 1 << (bits.Len(uint(o.Shards)) - 1)
		for o.MaxBytes/int64(o.Shards) > maxShardBytes {
			o.Shards *= 2
		}
	}
	if o.Shards < 0 || o.Shards > maxShards || o.Shards&(o.Shards-1) != 0 {
		return o, fmt.Errorf("%w: Shards is %d, it must be a power of two of at most %d", ErrInvalid, o.Shards, maxShards)
	}
	if share := o.MaxBytes / int64(o.Shards); share > maxShardBytes {
		return o, fmt.Errorf("%w: Shards is %d, which makes each %d bytes large, it can have %d", ErrInvalid, o.Shards, share, maxShardBytes)
	}
	return o, o.checkFit(o.segmentShift())
}

// idRoom is the length of the longest ID that is sure to fit in a shard together
// with a value of MaxValue.
const idRoom = 16

// mostShards is how many shards can each hold a few of the largest values.
func (o Options) mostShards() int64 {
	return min(maxShards, max(1, o.MaxBytes/largestPerShard/int64(max(1, o.MaxValue))))
}

// checkFit returns an error if a value of MaxValue might not fit in a shard,
// whose index has segments of 1<<shift buckets.
func (o Options) checkFit(shift uint8) error {
	fits := largestEntry(o.arenaBytes(shift), labelBytes/unit+lineUnits<<shift) - idRoom
	if fits < int64(o.MaxValue) {
		return fmt.Errorf("%w: a shard has room for values of %d bytes, and MaxValue is %d: MaxBytes, %d, is too small or Shards, %d, too many", ErrInvalid, fits, o.MaxValue, o.MaxBytes, o.Shards)
	}
	return nil
}
