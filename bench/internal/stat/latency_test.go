package stat

import (
	"math"
	"testing"
	"time"
)

func TestBucketsCoverEveryValueOnce(t *testing.T) {
	for v := range uint64(1 << 12) {
		checkBucket(t, v)
	}
	for shift := range 64 {
		v := uint64(1) << shift
		checkBucket(t, v-1)
		checkBucket(t, v)
		checkBucket(t, v+v/3)
	}
	checkBucket(t, math.MaxUint64)
}

func checkBucket(t *testing.T, v uint64) {
	t.Helper()
	b := bucketOf(v)
	if b < 0 || b >= buckets {
		t.Fatalf("%d falls into bucket %d of %d", v, b, buckets)
	}
	if v > bucketEnd(b) || b > 0 && v <= bucketEnd(b-1) {
		t.Fatalf("%d falls into bucket %d, which ends at %d after %d", v, b, bucketEnd(b), bucketEnd(b-1))
	}
}

func TestQuantiles(t *testing.T) {
	var even, odd, l Latencies
	for i := 1; i <= 1000; i++ {
		half := &even
		if i%2 == 1 {
			half = &odd
		}
		half.Record(time.Duration(i) * time.Microsecond)
	}
	l.Merge(&even)
	l.Merge(&odd)

	for q, want := range map[float64]time.Duration{0.5: 500 * time.Microsecond, 0.99: 990 * time.Microsecond} {
		got := l.Quantile(q)
		if got < want || float64(got) > 1.04*float64(want) {
			t.Errorf("Quantile(%v) = %v, want %v or up to 4 %% more", q, got, want)
		}
	}
	if l.Max() != time.Millisecond || l.Quantile(1) != time.Millisecond {
		t.Errorf("Max = %v, Quantile(1) = %v, want both 1ms", l.Max(), l.Quantile(1))
	}
}

func TestNoLatencies(t *testing.T) {
	var l Latencies
	if l.Quantile(0.5) != 0 || l.Max() != 0 {
		t.Error("an empty histogram has a quantile or a maximum above 0")
	}
	l.Record(-1)
	if l.Max() != 0 {
		t.Error("a negative duration did not count as 0")
	}
}
