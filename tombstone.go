package holdfast

import (
	"time"

	"github.com/holdfast-go/holdfast/internal/record"
)

// A response gives the client the new ID of a session. Requests with the old ID
// may still be under way, or arrive late. If one of them began a session, its
// cookie would replace the newer one and log the user out. So a tombstone stays
// under the old key for a while. It is no session and identifies nobody. A
// request that finds it gets an empty session that has ended: its changes are
// dropped and its response sets no cookie. If the request logs in, that begins
// a session.
//
//	'r', until 8 bytes
//
// The tombstone contains its own end. A request that read the session before it
// moved may touch the tombstone, and so prolong its TTL.

// tombstoneTTL is assumed to be longer than a response is under way.
const tombstoneTTL = time.Minute

const tombstoneLen = 1 + 8

func newTombstone(now record.Instant) []byte {
	return now.Plus(tombstoneTTL).AppendTo([]byte{'r'})
}

// isTombstone reports whether raw is a tombstone. A record is longer.
func isTombstone(raw []byte) bool { return len(raw) == tombstoneLen && raw[0] == 'r' }

// tombstoneCounts reports whether a tombstone's end has not come.
func tombstoneCounts(tombstone []byte, now record.Instant) bool {
	return now < record.ReadInstant(tombstone[1:])
}
