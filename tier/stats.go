package tier

import (
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// Stats are figures of a Store since it was made. All counts only grow.
type Stats struct {
	Hits     uint64 // reads that a local copy has answered
	Verified uint64 // reads for which the database has confirmed the local copy
	Misses   uint64 // reads for which the database has sent the value, or that there is none

	Changed   uint64 // notifications of writes by other processes
	Lost      uint64 // times that all local copies were dropped: a lost connection, a flushed database
	OwnWrites uint64 // writes of this process
	Voided    uint64 // reads that left no copy, because of another command or a notification meanwhile
	Conflicts uint64 // tries of Update that met another write

	Touches      uint64 // touches that were sent to the database
	TouchesSaved uint64 // touches that needed no command

	Unavailable uint64 // commands that failed because the database did not answer
	Refused     uint64 // commands that the database refused

	// Mismatches counts local copies that answered reads although the database
	// had a newer value or none, and had not notified of it. One hit in 4,096
	// is compared. More than 0 means a fault in the database, its proxy or its
	// client.
	Mismatches uint64

	// Purged counts the expired entries that the Store has removed from the
	// database, and PurgeErrors the attempts that failed. Both are 0 for a
	// database that removes them itself, such as Redis.
	Purged, PurgeErrors uint64

	Latency Latencies // of the commands to the database

	// ProofAge is how long ago the database last proved that local copies are
	// current; before the first proof it is at least MaxStale. In the mode
	// Cached copies answer no read once it reaches MaxStale.
	ProofAge time.Duration

	Mode     Mode        // of the options
	Notifies bool        // the database notifies; if not, Cached works as Verified
	Away     bool        // commands fail at once, because the database did not answer
	Local    cache.Stats // of the local copies
}

type counts struct {
	hits, verified, misses, changed, lost, ownWrites, voided, conflicts,
	touches, touchesSaved, unavailable, refused, mismatches atomic.Uint64
}

// Stats returns the figures of now. They are read one after the other.
func (s *Store) Stats() Stats {
	c := &s.counts
	return Stats{
		Hits: c.hits.Load(), Verified: c.verified.Load(), Misses: c.misses.Load(),
		Changed: c.changed.Load(), Lost: c.lost.Load(), OwnWrites: c.ownWrites.Load(),
		Voided: c.voided.Load(), Conflicts: c.conflicts.Load(),
		Touches: c.touches.Load(), TouchesSaved: c.touchesSaved.Load(),
		Unavailable: c.unavailable.Load(), Refused: c.refused.Load(), Mismatches: c.mismatches.Load(),
		Latency:  s.database.latencies(),
		ProofAge: s.proofAge(), Mode: s.options.Mode, Notifies: !s.silent.Load(), Away: s.away.Load() != nil,
		Local: s.local.Stats(),
	}
}
