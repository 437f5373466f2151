package holdfast

import (
	"encoding/binary"
	"time"
)

// One response gives the client the new ID of a session. Requests with the old ID
// may still be under way, or arrive late. If one of them began a session, its cookie
// would replace the newer one and log the user out. So a mark stays under the old key
// for a while. It is no session and recognises nobody. It only shows that a request
// with this ID is late. Such a request gets an empty session that has ended: its
// changes are dropped, and its response sets no cookie. If it logs somebody in, that
// begins a session.
//
//	'r', until 8 bytes
//
// The mark holds its own end, since a request that read the session before it
// moved may touch the mark.

// replacedFor is how long the mark counts: longer than a response is under way.
const replacedFor = time.Minute

const replacedLen = 1 + 8

func replacedMark(now instant) []byte {
	return binary.LittleEndian.AppendUint64([]byte{'r'}, uint64(now+instant(replacedFor)))
}

// isReplaced reports whether raw is a mark. A record is longer.
func isReplaced(raw []byte) bool { return len(raw) == replacedLen && raw[0] == 'r' }

// replacedLately reports whether a mark still counts.
func replacedLately(mark []byte, now instant) bool { return now < instantIn(mark[1:]) }
