package holdfast

import "time"

// One response gives the client the new ID of a session. Requests with the old ID
// may still be under way, or arrive late. If one of them began a session, its cookie
// would replace the newer one and log the user out. So a mark stays under the old key
// for a while. It is no session and recognises nobody. It only shows that a request
// with this ID is late. Such a request gets an empty session that has ended: its
// changes are dropped, and its response sets no cookie. If it logs somebody in, that
// begins a session.

// replacedFor is how long the mark stays: longer than a response is under way.
const replacedFor = time.Minute

// replacedMark differs from every record in its first byte.
const replacedMark = "r"

func isReplaced(raw []byte) bool { return string(raw) == replacedMark }
