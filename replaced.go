package holdfast

import "time"

// When a session gets a new ID, the client is told by one response, and requests
// with the old ID may still be under way or arrive late. If one of these began a
// session, its cookie would take the place of the newer one and log the user out.
// So under the old key a mark stays for a while. It is no session: nobody is
// recognised by it. It only tells that a request which presents this ID is late.
// Such a request sees an empty session that has ended: what it changes is dropped,
// and its response sets no cookie. If it logs somebody in, that begins a session.

// replacedFor is how long the mark stays: longer than a response is under way.
const replacedFor = time.Minute

// replacedMark differs from every record in its first byte.
const replacedMark = "r"

func isReplaced(raw []byte) bool { return string(raw) == replacedMark }
