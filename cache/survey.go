package cache

import "time"

// Survey is a count of the entries by properties that only a visit to each
// entry shows.
type Survey struct {
	Entries int // entries visited, without those that have expired

	// Lifetimes counts the entries by the time until their deadlines. The
	// bounds are 1, 5, 15 and 30 minutes, 1, 2, 6, 12 and 24 hours, 7, 30 and
	// 365 days, and NoExpiry.
	Lifetimes [13]LifetimeCount

	// Sizes counts the entries by the length of their values. The bounds are
	// 64, 128, 256 and 512 bytes, 1, 2, 4, 8, 16, 64 and 256 KiB, 1 MiB, and 1
	// GiB.
	Sizes [13]SizeCount

	// Shards are the parts of the cache; see Options.Shards. Each has the same
	// part of the cap. A hash spreads the entries over them, so they should
	// have about the same number. One with many more bytes than the others has
	// large values, and evicts earlier.
	Shards []ShardUse
}

// LifetimeCount is a number of entries whose deadlines come within UpTo, but
// not within the UpTo of the LifetimeCount before.
type LifetimeCount struct {
	UpTo    time.Duration
	Entries int
}

// SizeCount is a number of entries whose values have up to UpTo bytes, but more
// than the UpTo of the SizeCount before.
type SizeCount struct {
	UpTo    int64
	Entries int
}

// ShardUse is a shard's number of entries, and the bytes that it uses of its
// part of the cap.
type ShardUse struct {
	Entries int
	Bytes   int64
}

var lifetimeBounds = [...]time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
	7 * 24 * time.Hour, 30 * 24 * time.Hour, 365 * 24 * time.Hour, NoExpiry,
}

var sizeBounds = [...]int64{
	64, 128, 256, 512,
	1 << 10, 2 << 10, 4 << 10, 8 << 10, 16 << 10, 64 << 10, 256 << 10,
	1 << 20, maxValueBytes,
}

// Survey visits all entries, in short lock holds and under the rules of All. A
// visit is not a use. The numbers of a shard that others change meanwhile are
// not those of one instant. Survey takes about 0.1 s for a million entries, so a
// page can call it every few seconds. For a closed cache all numbers are 0.
func (c *Cache) Survey() Survey {
	all := Survey{Shards: make([]ShardUse, len(c.shards))}
	for i, bound := range lifetimeBounds {
		all.Lifetimes[i].UpTo = bound
	}
	for i, bound := range sizeBounds {
		all.Sizes[i].UpTo = bound
	}
	batch := make([]slot, 0, walkBatchCap)
	for i := range c.shards {
		for w := (walk{shard: &c.shards[i]}); !w.done; {
			c.surveySome(&w, batch, &all)
		}
		all.Entries += all.Shards[i].Entries
	}
	return all
}

// surveyVisits is how many entries one lock hold visits, plus the rest of a
// batch.
const surveyVisits = 1024

// surveySome adds the next entries of w to all, in one lock hold.
func (c *Cache) surveySome(w *walk, batch []slot, all *Survey) {
	s := w.shard
	c.lockUnchanged(s)
	defer c.unlock(s)
	s.timeHold(holdScan)
	w.done = w.done || s.closed
	use := &all.Shards[s.number]
	for w.visited = 0; w.visited < surveyVisits && !w.done; {
		batch = s.nextBatch(w, batch)
		for _, v := range batch {
			left := ttlUntil(s.arena.record(v.ref()).deadline, s.now)
			if left <= 0 {
				continue
			}
			use.Entries++
			all.Lifetimes[boundOf(lifetimeBounds[:], left)].Entries++
			all.Sizes[boundOf(sizeBounds[:], int64(s.arena.valueLen(v.ref())))].Entries++
		}
	}
	if !s.closed {
		use.Bytes = s.usedBytes()
	}
}

// boundOf returns the index of the first bound that n does not exceed.
func boundOf[T int64 | time.Duration](bounds []T, n T) int {
	i := 0
	for n > bounds[i] {
		i++
	}
	return i
}
