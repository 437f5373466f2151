package metrics

import (
	"maps"
	"slices"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

// sessionTable is read from a Manager.
var sessionTable = []row[holdfast.Stats]{
	{Metric{"holdfast.sessions.created", "{session}", Counter, "Sessions that were stored for the first time.", nil},
		func(s *holdfast.Stats, emit emitter) { emit(s.Created) }},
	{Metric{"holdfast.sessions.logins", "{login}", Counter, "Logins.", nil},
		func(s *holdfast.Stats, emit emitter) { emit(s.LoggedIn) }},
	{Metric{"holdfast.sessions.regenerated", "{session}", Counter, "Sessions that got a new ID without a login.", nil},
		func(s *holdfast.Stats, emit emitter) { emit(s.Regenerated) }},
	{Metric{"holdfast.sessions.ended", "{session}", Counter, "Sessions that ended, by the reason: logout, end, end_others, end_user, end_everyone, login (of another user), expired, evicted, damaged.", []string{"reason"}},
		func(s *holdfast.Stats, emit emitter) { emitReasons(s.Ended, emit) }},
	{Metric{"holdfast.sessions.refused", "{request}", Counter, "Requests with a token and without its session, by the reason: malformed, signature, unknown, replaced.", []string{"reason"}},
		func(s *holdfast.Stats, emit emitter) { emitReasons(s.Refused, emit) }},
	{Metric{"holdfast.sessions.dropped", "{request}", Counter, "Requests whose changes were not stored, since their session had ended meanwhile.", nil},
		func(s *holdfast.Stats, emit emitter) { emit(s.ChangesDropped) }},
	{Metric{"holdfast.sessions.conflicts", "{change}", Counter, "Changes that were made again, since another request had changed the session meanwhile.", nil},
		func(s *holdfast.Stats, emit emitter) { emit(s.Conflicts) }},
	{Metric{"holdfast.sessions.store.errors", "{call}", Counter, "Failed calls of the store: unavailable (no answer), refused (by the store).", []string{"reason"}},
		func(s *holdfast.Stats, emit emitter) {
			emit(s.StoreUnavailable, "unavailable")
			emit(s.StoreRefused, "refused")
		}},
	{Metric{"holdfast.sessions.damaged", "{read}", Counter, "Reads of a session record that could not be decoded.", nil},
		func(s *holdfast.Stats, emit emitter) { emit(s.Damaged) }},
	{Metric{"holdfast.sessions.observer.panics", "{panic}", Counter, "Panics of Options.Observer and Options.ClientAddr that the Manager recovered.", nil},
		func(s *holdfast.Stats, emit emitter) { emit(s.ObserverPanics) }},
}

func emitReasons(counts map[holdfast.Reason]uint64, emit emitter) {
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		emit(counts[reason], string(reason))
	}
}

// cacheTable is read from a cache of sessions, and from the local copies of a
// store. The label "holds" says which: an evicted session logs a user out, an
// evicted copy costs a round trip.
var cacheTable = []row[cache.Stats]{
	{Metric{"holdfast.cache.entries", "{entry}", UpDownCounter, "Entries that have not expired.", holds()},
		func(s *cache.Stats, emit emitter) { emit(s.Entries) }},
	{Metric{"holdfast.cache.limit", "By", UpDownCounter, "The cap on the memory of the cache.", holds()},
		func(s *cache.Stats, emit emitter) { emit(s.MaxBytes) }},
	{Metric{"holdfast.cache.usage", "By", UpDownCounter, "Memory in use under the cap, by its part: ids, values, headers of entries, index, fixed tables.", holds("part")},
		func(s *cache.Stats, emit emitter) {
			emit(s.Bytes.IDs, "ids")
			emit(s.Bytes.Values, "values")
			emit(s.Bytes.Headers, "headers")
			emit(s.Bytes.Index, "index")
			emit(s.Bytes.Fixed, "fixed")
		}},
	{Metric{"holdfast.cache.segment.entries", "{entry}", UpDownCounter, "Entries by their part of the order of eviction: probation (used once), protected (used again).", holds("segment")},
		func(s *cache.Stats, emit emitter) {
			emit(s.Probation.Entries, "probation")
			emit(s.Protected.Entries, "protected")
		}},
	{Metric{"holdfast.cache.segment.usage", "By", UpDownCounter, "Memory of entries by their part of the order of eviction: probation, protected.", holds("segment")},
		func(s *cache.Stats, emit emitter) {
			emit(s.Probation.Bytes, "probation")
			emit(s.Protected.Bytes, "protected")
		}},
	{Metric{"holdfast.cache.protected.limit", "By", UpDownCounter, "Memory that protected entries may have before the longest idle of them become victims too.", holds()},
		func(s *cache.Stats, emit emitter) { emit(s.ProtectedLimit) }},
	{Metric{"holdfast.cache.lookups", "{lookup}", Counter, "Lookups of an ID, by their result: hit, miss.", holds("result")},
		func(s *cache.Stats, emit emitter) {
			emit(s.Hits, "hit")
			emit(s.Misses, "miss")
		}},
	{Metric{"holdfast.cache.sets", "{set}", Counter, "Values that were stored.", holds()},
		func(s *cache.Stats, emit emitter) { emit(s.Sets) }},
	{Metric{"holdfast.cache.evictions", "{entry}", Counter, "Entries that the cache removed, by the reason: capacity (a live entry, for room), expired.", holds("reason")},
		func(s *cache.Stats, emit emitter) {
			emit(s.EvictedForCapacity, cache.Capacity.String())
			emit(s.EvictedExpired, cache.Expired.String())
		}},
	{Metric{"holdfast.cache.victim.age", "s", Gauge, "Idle time of the next entry to evict; 0 if there is none.", holds()},
		func(s *cache.Stats, emit emitter) { emit(s.VictimAge) }},
	{Metric{"holdfast.cache.protected.age", "s", Gauge, "Idle time of the longest idle entry that was used again; 0 if there is none.", holds()},
		func(s *cache.Stats, emit emitter) { emit(s.ProtectedAge) }},
	{Metric{"holdfast.cache.predicted.hit", "1", Gauge, "Share of lookups that would find an entry with the cap times 0.25, 0.5, 1, 2 or 4; no series while there is no estimate.", holds("cap")},
		func(s *cache.Stats, emit emitter) {
			for i, times := range [len(s.Curve)]string{"0.25", "0.5", "1", "2", "4"} {
				if s.Curve[i] != (cache.CurvePoint{}) {
					emit(s.Curve[i].HitRatio, times)
				}
			}
		}},
	{Metric{"holdfast.cache.lock.longest", "s", Gauge, "Longest hold of a shard's lock in the latest one to two minutes, by operation: store, large (a value), expire, scan, sort, resize.", holds("operation")},
		func(s *cache.Stats, emit emitter) {
			for _, h := range named(s.LockHolds[:]) {
				emit(h.Longest, h.Operation)
			}
		}},
	{Metric{"holdfast.cache.lock.slow", "{hold}", Counter, "Holds of a shard's lock for more than a millisecond, by operation: store, large (a value), expire, scan, sort, resize.", holds("operation")},
		func(s *cache.Stats, emit emitter) {
			for _, h := range named(s.LockHolds[:]) {
				emit(h.Slow, h.Operation)
			}
		}},
	{Metric{"holdfast.cache.operations", "{operation}", UpDownCounter, "Long operations under way: load, sort, save, scan, resize.", holds("operation")},
		func(s *cache.Stats, emit emitter) {
			running := map[string]int{"load": 0, "sort": 0, "save": 0, "scan": 0, "resize": 0}
			for _, p := range s.Running {
				running[p.Operation]++
			}
			for _, operation := range slices.Sorted(maps.Keys(running)) {
				emit(running[operation], operation)
			}
		}},
	{Metric{"holdfast.cache.operation.done", "1", Gauge, "Share of the first long operation of its kind that is done: load, sort, save, scan, resize; no series while there is none.", holds("operation")},
		func(s *cache.Stats, emit emitter) {
			seen := make(map[string]bool)
			for _, p := range s.Running {
				if !seen[p.Operation] && p.Total > 0 {
					emit(float64(p.Done)/float64(p.Total), p.Operation)
				}
				seen[p.Operation] = true
			}
		}},
	{Metric{"holdfast.cache.callback.panics", "{panic}", Counter, "Panics of Options.OnEvict that the cache recovered.", holds()},
		func(s *cache.Stats, emit emitter) { emit(s.CallbackPanics) }},
}

// named returns the lock holds that a cache has filled in. The zero Stats,
// which a Store of a test may return, have none.
func named(all []cache.LockHolds) (filled []cache.LockHolds) {
	for _, h := range all {
		if h.Operation != "" {
			filled = append(filled, h)
		}
	}
	return filled
}

func holds(more ...string) []string { return append([]string{"holds"}, more...) }

var storeTable = []row[tier.Stats]{
	{Metric{"holdfast.store.available", "", Gauge, "1 if the database answered the latest sign of life, 0 if commands fail at once.", nil},
		func(s *tier.Stats, emit emitter) { emit(!s.Away) }},
	{Metric{"holdfast.store.notified", "", Gauge, "1 if the database notifies of changes by other instances, 0 if reads ask it.", nil},
		func(s *tier.Stats, emit emitter) { emit(s.Notifies) }},
	{Metric{"holdfast.store.mode", "", Gauge, "1 for the mode of the options: cached, verified, direct.", []string{"mode"}},
		func(s *tier.Stats, emit emitter) { emit(1, s.Mode.String()) }},
	{Metric{"holdfast.store.proof.age", "s", Gauge, "Time since the database last proved that the local copies are current.", nil},
		func(s *tier.Stats, emit emitter) { emit(s.ProofAge) }},
	{Metric{"holdfast.store.command.duration", "s", Histogram, "Time of a command to the database, failed ones included: read, swap, set, touch, scan, pulse.", []string{"command"}},
		func(s *tier.Stats, emit emitter) {
			emit(s.Latency.Read, "read")
			emit(s.Latency.Swap, "swap")
			emit(s.Latency.Set, "set")
			emit(s.Latency.Touch, "touch")
			emit(s.Latency.Scan, "scan")
			emit(s.Latency.Pulse, "pulse")
		}},
	{Metric{"holdfast.store.errors", "{command}", Counter, "Commands that failed: unavailable (no answer), refused (by the database).", []string{"reason"}},
		func(s *tier.Stats, emit emitter) {
			emit(s.Unavailable, "unavailable")
			emit(s.Refused, "refused")
		}},
	{Metric{"holdfast.store.reads", "{read}", Counter, "Reads by the source of the value: copy (no command), verified (a copy that the database confirmed), database.", []string{"source"}},
		func(s *tier.Stats, emit emitter) {
			emit(s.Hits, "copy")
			emit(s.Verified, "verified")
			emit(s.Misses, "database")
		}},
	{Metric{"holdfast.store.voided", "{read}", Counter, "Reads that left no local copy, since the entry changed meanwhile.", nil},
		func(s *tier.Stats, emit emitter) { emit(s.Voided) }},
	{Metric{"holdfast.store.writes", "{write}", Counter, "Writes of this instance.", nil},
		func(s *tier.Stats, emit emitter) { emit(s.OwnWrites) }},
	{Metric{"holdfast.store.conflicts", "{try}", Counter, "Tries of a change that met another write, and were repeated.", nil},
		func(s *tier.Stats, emit emitter) { emit(s.Conflicts) }},
	{Metric{"holdfast.store.touches", "{touch}", Counter, "Touches: sent to the database, or saved since the entry lasts long enough there.", []string{"outcome"}},
		func(s *tier.Stats, emit emitter) {
			emit(s.Touches, "sent")
			emit(s.TouchesSaved, "saved")
		}},
	{Metric{"holdfast.store.notifications", "{notification}", Counter, "Notifications of writes by other instances.", nil},
		func(s *tier.Stats, emit emitter) { emit(s.Changed) }},
	{Metric{"holdfast.store.losses", "{loss}", Counter, "Times that all local copies were dropped: a lost connection, a flushed database.", nil},
		func(s *tier.Stats, emit emitter) { emit(s.Lost) }},
	{Metric{"holdfast.store.mismatches", "{copy}", Counter, "Local copies that answered although the database had another value; one read in 4,096 is compared.", nil},
		func(s *tier.Stats, emit emitter) { emit(s.Mismatches) }},
	{Metric{"holdfast.store.purged", "{entry}", Counter, "Expired entries that this instance removed from an SQL database.", nil},
		func(s *tier.Stats, emit emitter) { emit(s.Purged) }},
	{Metric{"holdfast.store.purge.errors", "{purge}", Counter, "Purges of an SQL database that failed.", nil},
		func(s *tier.Stats, emit emitter) { emit(s.PurgeErrors) }},
}

// number returns a value in the unit of its metric.
func number(value any) float64 {
	switch v := value.(type) {
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	case float64:
		return v
	case time.Duration:
		return v.Seconds()
	case bool:
		if v {
			return 1
		}
		return 0
	}
	panic("metrics: a row of the table has a value of another type")
}
