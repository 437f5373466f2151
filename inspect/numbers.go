package inspect

import (
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

// numbers are a copy of the numbers of all sources. Copying them is cheap.
type numbers struct {
	Time     time.Time       `json:"time"`
	Cache    cache.Stats     `json:"cache"` // of the local copies if there is a database
	Database *tier.Stats     `json:"database,omitempty"`
	Sessions *holdfast.Stats `json:"sessions,omitempty"` // if there is a Manager
}

func (p *Page) read() numbers {
	n := numbers{Time: time.Now()}
	if m := p.options.Manager; m != nil {
		stats := m.Stats()
		n.Sessions = &stats
	}
	if p.options.Cache != nil {
		n.Cache = p.options.Cache.Stats()
		return n
	}
	stats := p.options.Store.Stats()
	n.Cache, n.Database = stats.Local, &stats
	return n
}

func (n numbers) point() point {
	p := point{
		at:      n.Time.UnixMilli(),
		entries: int64(n.Cache.Entries), bytes: n.Cache.Bytes.Total(), limit: n.Cache.MaxBytes,
		hits: n.Cache.Hits, misses: n.Cache.Misses,
		evicted: n.Cache.EvictedForCapacity, expired: n.Cache.EvictedExpired,
	}
	if d := n.Database; d != nil {
		p.hits, p.misses = d.Hits, d.Misses+d.Verified
		p.dbUnavailable, p.dbRefused = d.Unavailable, d.Refused
		for _, h := range []tier.Histogram{d.Latency.Read, d.Latency.Swap, d.Latency.Set, d.Latency.Touch} {
			p.dbRun += h.Count()
			p.dbTime += h.Sum
		}
	}
	if s := n.Sessions; s != nil {
		p.errors = s.StoreRefused + s.Damaged
		for i, row := range eventRows {
			p.events[i] = row.read(s)
		}
	}
	return p
}

// watched is the memory of events that may be older than the history.
type watched struct {
	first   point
	evicted uint64    // the latest total
	since   time.Time // of the latest eviction, or when the page began
}

func (w *watched) begin(n numbers) {
	*w = watched{first: n.point(), evicted: n.Cache.EvictedForCapacity, since: n.Time}
}

func (w *watched) notice(n numbers) {
	if n.Cache.EvictedForCapacity != w.evicted {
		w.evicted, w.since = n.Cache.EvictedForCapacity, n.Time
	}
}

// facts returns the input of the verdict.
func (p *Page) facts(n numbers) facts {
	// The point before the window, or the first one.
	before, now := p.watched.first, n.point()
	if all := p.history.all(); len(all) == points {
		before = all[0]
	}
	f := facts{
		Window: min(window, time.Duration(now.at-before.at)*time.Millisecond),
		Copies: n.Database != nil,
		Cap:    n.Cache.MaxBytes, Used: n.Cache.Bytes.Total(),
		Evicted: now.evicted - before.evicted, EvictedEver: now.evicted > 0, Quiet: n.Time.Sub(p.watched.since),
		VictimAge: n.Cache.VictimAge, ProtectedAge: n.Cache.ProtectedAge,
		Returned: returned(&n.Cache),
		Panics:   n.Cache.CallbackPanics,
		Errors:   now.errors - before.errors,
	}
	if s := p.counted.Survey; s != nil {
		for _, shard := range s.Shards {
			f.Shards = append(f.Shards, uint64(shard.Entries))
		}
	}
	if n.Cache.Curve[0].MaxBytes > 0 {
		f.Curve = n.Cache.Curve[:]
	}
	if d := n.Database; d != nil {
		f.Database = &databaseFacts{
			Name: p.options.StoreName, Away: d.Away, Notifies: d.Notifies, Cached: d.Mode == tier.Cached, ProofAge: d.ProofAge,
			Unavailable: now.dbUnavailable - before.dbUnavailable, Refused: now.dbRefused - before.dbRefused,
			Mismatches: d.Mismatches,
		}
	}
	return f
}

// returned reports whether entries that were used again are among the next
// victims: probation is empty, or protected has reached its limit and gives its
// longest idle entries to probation.
func returned(c *cache.Stats) bool {
	return c.Probation.Entries == 0 || c.VictimAge == c.ProtectedAge || c.Protected.Bytes >= c.ProtectedLimit/100*98
}
