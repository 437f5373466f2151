package cache

import (
	"fmt"
	"math"
	"math/bits"
	"runtime"
)

const (
	// MaxIDLen is the length in bytes of the longest ID.
	MaxIDLen = 1<<16 - 1

	defaultMaxBytes  = 64 << 20
	defaultMaxValue  = 1 << 20
	defaultProtected = 0.8

	minMaxBytes = 4 << 10
	maxShards   = 256

	// A ref counts granules in 32 bits. Half of that range leaves room for
	// arithmetic.
	maxShardBytes = int64(granule) << 31

	// A smaller shard holds too few sessions for the hash to spread them
	// evenly: some shards would evict while others have room.
	minShardBytes = 256 << 10

	// About so many values of MaxValue fit in a shard before it evicts.
	largestPerShard = 4

	// With so many shards per processor, two concurrent operations seldom need
	// the same lock. Many more make a Set slower.
	shardsPerProcessor = 16
)

// Options configure a Cache. The zero value is a 64 MiB cache that suits most
// servers. Most programs set only MaxBytes.
type Options struct {
	// MaxBytes is the hard cap, in bytes, on the memory of the cache: IDs,
	// values, index and bookkeeping. 0 means 64 MiB. New refuses less than 4
	// KiB and more than 16 GiB per shard. SetMaxBytes changes it later. The
	// system provides memory as the cache fills. On Linux a cache of hundreds
	// of megabytes uses pages of 2 MiB; if a shard has 16 MiB or more, up to a
	// quarter of MaxBytes may be resident before it is in use.
	MaxBytes int64

	// MaxValue is the length in bytes of the largest value; Set refuses a
	// larger one with ErrTooLarge. 0 means 1 MiB, or a quarter of a shard if
	// that is less. A shard must have room for one such value. New refuses more
	// than 1 GiB.
	MaxValue int

	// Protected is the share of the memory for sessions that were used again,
	// which sessions used once cannot take. If many sessions are looked up soon
	// after their eviction, the cache lowers the share for a time, down to half
	// of it. 0 means 0.8. A negative share means plain LRU, in which a flood of
	// new sessions evicts all others. New refuses 1 or more, because no new
	// session could be stored.
	Protected float64

	// Shards is the number of independent parts, each with its own lock and its
	// own part of MaxBytes: a power of two, at most 256. 0 means sixteen per
	// processor; fewer if MaxBytes and MaxValue require it, more if a part
	// would exceed 16 GiB. With 1 the order of eviction is that of the whole
	// cache rather than per shard.
	Shards int

	// OnEvict, if not nil, is called once for each entry that expired or was
	// evicted for room; not for deleted entries and not by Close. It runs after
	// the lock is released, on the goroutine that made the room or on the
	// cache's own, and it may call the cache. An OnEvict that stores an entry
	// for each eviction may evict again and never end. A panic is recovered and
	// counted in Stats.CallbackPanics. If OnEvict ends its goroutine
	// (runtime.Goexit), the other evictions of the same moment are not
	// reported.
	OnEvict func(id string, reason EvictionReason)
}

// withDefaults returns o with defaults for the zero fields, or an error that
// names the invalid option.
func (o Options) withDefaults() (Options, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.MaxBytes < minMaxBytes {
		return o, fmt.Errorf("%w: MaxBytes is %d; the minimum is %d", ErrInvalid, o.MaxBytes, minMaxBytes)
	}
	if most := min(maxShards*maxShardBytes, math.MaxInt); o.MaxBytes > most {
		return o, fmt.Errorf("%w: MaxBytes is %d; the maximum is %d", ErrInvalid, o.MaxBytes, most)
	}

	if o.MaxValue == 0 {
		o.MaxValue = int(min(defaultMaxValue, o.MaxBytes/int64(max(1, o.Shards))/largestPerShard))
	}
	if o.MaxValue > maxValueBytes {
		return o, fmt.Errorf("%w: MaxValue is %d; the maximum is %d", ErrInvalid, o.MaxValue, maxValueBytes)
	}
	if o.MaxValue < 0 || int64(o.MaxValue) > o.MaxBytes {
		return o, fmt.Errorf("%w: MaxValue is %d; it must be positive and at most MaxBytes (%d)", ErrInvalid, o.MaxValue, o.MaxBytes)
	}

	if o.Protected == 0 {
		o.Protected = defaultProtected
	}
	if o.Protected >= 1 || math.IsNaN(o.Protected) {
		return o, fmt.Errorf("%w: Protected is %v; it must be below 1 (a negative share means plain LRU)", ErrInvalid, o.Protected)
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
		return o, fmt.Errorf("%w: Shards is %d; it must be a power of two, at most %d", ErrInvalid, o.Shards, maxShards)
	}
	if share := o.MaxBytes / int64(o.Shards); share > maxShardBytes {
		return o, fmt.Errorf("%w: Shards is %d and MaxBytes is %d, which gives shards of %d bytes; the maximum is %d (use more Shards)", ErrInvalid, o.Shards, o.MaxBytes, share, maxShardBytes)
	}
	return o, o.checkFit(o.segmentShift())
}

// idRoom is the length of the longest ID that always fits in a shard together
// with a value of MaxValue.
const idRoom = 16

// mostShards returns the number of shards that can each hold a few values of
// MaxValue.
func (o Options) mostShards() int64 {
	return min(maxShards, max(1, o.MaxBytes/largestPerShard/int64(max(1, o.MaxValue))))
}

// checkFit returns an error if a value of MaxValue might not fit in a shard
// whose index has segments of 1<<shift buckets.
func (o Options) checkFit(shift uint8) error {
	fits := largestEntry(o.arenaBytes(shift), labelBytes/granule+lineGranules<<shift) - idRoom
	if fits < int64(o.MaxValue) {
		return fmt.Errorf("%w: MaxValue is %d, but a shard has room for values of at most %d bytes; raise MaxBytes (%d) or lower Shards (%d)", ErrInvalid, o.MaxValue, max(0, fits), o.MaxBytes, o.Shards)
	}
	return nil
}
