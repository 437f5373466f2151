package stat

import (
	"math/bits"
	"time"
)

const (
	// Each power of two is divided into so many buckets, so a quantile is
	// exact to 1/subBuckets.
	subBucketBits = 5
	subBuckets    = 1 << subBucketBits
	buckets       = (64 - subBucketBits + 1) * subBuckets
)

// Latencies is a histogram of durations whose buckets grow with what they
// hold: 3 % wide at any size. The zero value is empty and ready to use. It is
// not safe for concurrent use; give each goroutine its own and Merge them.
type Latencies struct {
	count [buckets]uint64
	total uint64
	max   time.Duration
}

// Record adds one duration; a negative one counts as 0.
func (l *Latencies) Record(d time.Duration) {
	d = max(d, 0)
	l.count[bucketOf(uint64(d))]++
	l.total++
	l.max = max(l.max, d)
}

// Merge adds all that other holds.
func (l *Latencies) Merge(other *Latencies) {
	for i, n := range other.count {
		l.count[i] += n
	}
	l.total += other.total
	l.max = max(l.max, other.max)
}

// Max returns the longest duration recorded, exactly.
func (l *Latencies) Max() time.Duration { return l.max }

// Quantile returns a duration that a share q of those recorded do not exceed,
// rounded up to its bucket; 0 if there are none.
func (l *Latencies) Quantile(q float64) time.Duration {
	rank := uint64(q * float64(l.total))
	var seen uint64
	for i, n := range l.count {
		seen += n
		if n > 0 && seen >= rank {
			return min(time.Duration(bucketEnd(i)), l.max)
		}
	}
	return 0
}

// bucketOf keeps the subBucketBits bits after the leading one, and counts the
// rest into the exponent. Values below subBuckets have a bucket each.
func bucketOf(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - subBucketBits - 1
	return shift*subBuckets + int(v>>shift)
}

// bucketEnd returns the largest value that falls into the bucket.
func bucketEnd(bucket int) uint64 {
	if bucket < 2*subBuckets {
		return uint64(bucket)
	}
	shift := bucket/subBuckets - 1
	return (uint64(bucket%subBuckets+subBuckets)+1)<<shift - 1
}
