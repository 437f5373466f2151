package inspect

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// shards are the columns of the shards and their summary.
type shards struct {
	Columns            []column
	Width              int // of the picture
	Each               int64
	Fewest, Most, Mean uint64 // entries
}

type column struct {
	X         int
	Y, Height string // of 100
}

// surveyed adds the results of a survey.
func (v *view) surveyed(s *cache.Survey, limit int64) {
	most := 1
	for _, c := range s.Lifetimes {
		most = max(most, c.Entries)
	}
	for _, c := range s.Lifetimes {
		name := "up to " + showSpan(c.UpTo)
		if c.UpTo == cache.NoExpiry {
			name = "never"
		}
		v.Lifetimes = append(v.Lifetimes, entriesBar(name, c.Entries, most))
	}
	most = 1
	for _, c := range s.Sizes {
		most = max(most, c.Entries)
	}
	for i, c := range s.Sizes {
		name := "up to " + showBytes(c.UpTo)
		if i == len(s.Sizes)-1 {
			name = "more"
		}
		v.Sizes = append(v.Sizes, entriesBar(name, c.Entries, most))
	}
	v.Lifetimes, v.Sizes = trimmed(v.Lifetimes), trimmed(v.Sizes)

	n := len(s.Shards)
	v.Shards = shards{Width: 4 * n, Each: limit / int64(max(1, n)), Mean: uint64(s.Entries / max(1, n))}
	for i, shard := range s.Shards {
		height := 100 * min(1, float64(shard.Bytes)/float64(max(1, v.Shards.Each)))
		v.Shards.Columns = append(v.Shards.Columns, column{4 * i, fixed(100 - height), fixed(height)})
		if entries := uint64(shard.Entries); i == 0 {
			v.Shards.Fewest, v.Shards.Most = entries, entries
		} else {
			v.Shards.Fewest, v.Shards.Most = min(v.Shards.Fewest, entries), max(v.Shards.Most, entries)
		}
	}
}

func fixed(n float64) string { return strconv.FormatFloat(n, 'f', 1, 64) }

func entriesBar(name string, n, most int) bar {
	return newBar(name, float64(n)/float64(most), showCount(uint64(n)))
}

// trimmed returns the bars without the empty ones at both ends.
func trimmed(bars []bar) []bar {
	for len(bars) > 0 && bars[0].Value == "0" {
		bars = bars[1:]
	}
	for len(bars) > 0 && bars[len(bars)-1].Value == "0" {
		bars = bars[:len(bars)-1]
	}
	return bars
}

// hold is the time for which an operation held a lock.
type hold struct {
	Name    string
	Longest time.Duration
	Slow    uint64
}

var holdNames = map[string]string{
	"store": "a stored session", "large": "room for a large session", "expire": "the removal of expired sessions",
	"scan": "a list of sessions", "sort": "the sorting after a load", "resize": "a change of the cap",
}

func holds(all []cache.LockHolds) (shown []hold) {
	for _, h := range all {
		if h.Longest > 0 || h.Slow > 0 {
			shown = append(shown, hold{cmp.Or(holdNames[h.Operation], h.Operation), h.Longest, h.Slow})
		}
	}
	return shown
}

// operation is a long operation under way.
type operation struct {
	Name, Done string
	Value      string // from 0 to 1; "" if the end is unknown
}

var operationNames = map[string]string{
	"load": "Loading a snapshot", "sort": "Sorting after a load", "save": "Saving a snapshot",
	"scan": "Listing sessions", "resize": "Changing the cap",
}

// longOperation is shown. Shorter ones would only flicker, such as the page's
// own counts.
const longOperation = time.Second

func running(all []cache.Progress, now time.Time) (shown []operation) {
	for _, p := range all {
		took := now.Sub(p.Started)
		if took < longOperation {
			continue
		}
		number := showBytes
		if p.Unit != "bytes" {
			number = func(n int64) string { return plural(uint64(n), "session", "sessions") }
		}
		o := operation{Name: cmp.Or(operationNames[p.Operation], p.Operation)}
		o.Done = fmt.Sprintf("%s, for %s", number(p.Done), showSpan(took.Truncate(time.Second)))
		if p.Total > 0 {
			o.Value = strconv.FormatFloat(float64(p.Done)/float64(p.Total), 'f', 3, 64)
			o.Done = fmt.Sprintf("%s of %s, for %s", showPercent(float64(p.Done)/float64(p.Total)), number(p.Total), showSpan(took.Truncate(time.Second)))
		}
		shown = append(shown, o)
	}
	return shown
}
