package holdfast

// Reason is why a session ended, or why a request was refused. Its text suits
// as a label of a metric.
type Reason string

// The reasons why a session ends. A session that was evicted, or whose store
// entry expired, is found by no request, so the Manager learns of it only from
// a cache: see Manager.OnEvict.
const (
	ReasonLogout      Reason = "logout"       // by Session.Destroy or EndAll, in the session itself
	ReasonEndOthers   Reason = "end_others"   // by Session.EndOthers or EndAll, in another session of the user
	ReasonEnd         Reason = "end"          // by Manager.End
	ReasonEndUser     Reason = "end_user"     // by Manager.EndUser
	ReasonEndEveryone Reason = "end_everyone" // by Manager.EndEveryone
	ReasonLogin       Reason = "login"        // another user logged in, in the same session
	ReasonExpired     Reason = "expired"      // past its idle timeout, its absolute lifetime or the time of SetExpires
	ReasonEvicted     Reason = "evicted"      // the cache needed its memory
	ReasonDamaged     Reason = "damaged"      // its record could not be read, and a login replaced it
)

// The reasons why a request is refused: it presented a token, and has no
// session by it.
const (
	ReasonMalformed Reason = "malformed" // no token has the form of one
	ReasonSignature Reason = "signature" // no key of Options.Keys has signed an ID
	ReasonUnknown   Reason = "unknown"   // nobody has issued the ID, or its session has ended; with Options.Keys, the latter
	ReasonReplaced  Reason = "replaced"  // the session got a new ID within the last minute; usual for concurrent requests
)

var (
	endReasons     = []Reason{ReasonLogout, ReasonEndOthers, ReasonEnd, ReasonEndUser, ReasonEndEveryone, ReasonLogin, ReasonExpired, ReasonEvicted, ReasonDamaged}
	refusalReasons = []Reason{ReasonMalformed, ReasonSignature, ReasonUnknown, ReasonReplaced}
)
