package holdfast

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Event is one step in the life of a session, or a refused request, for an
// audit log. It has no ID and no value, so it may be printed and stored.
type Event struct {
	Kind   EventKind
	Reason Reason    // of an EventEnded or an EventRefused; otherwise ""
	Time   time.Time // on the wall clock of this process, in UTC

	// UserID is the user of the session, or "" if nobody is logged in. It is
	// also "" if the cache evicted the session, or if its record is damaged.
	UserID string

	// By is the user whose request ended the session: the user who logged out,
	// or the administrator whose request called Manager.EndUser with its
	// context. It is "" if the session ended by itself, or if nobody is known.
	By string

	// Handle is the SessionInfo.Handle of the session. A refused request has
	// the handle of the last ID that it presented, or "" if it presented none.
	// A handle identifies no client, and is the same in all processes.
	Handle string

	// Previous is the handle that the session had before an EventRegenerated or
	// an EventLoggedIn, or "" if the login began the session.
	Previous string

	// Addr is the result of Options.ClientAddr for the request that caused the
	// event. It is "" if the option is not set, or if no request did.
	Addr string
}

// EventKind is the kind of an Event. Its text suits as a label of a metric.
type EventKind string

const (
	// EventCreated: a session was stored for the first time.
	EventCreated EventKind = "created"

	// EventLoggedIn: Session.Login succeeded. If it began a session, an
	// EventCreated comes first. If another user was logged in, the EventEnded
	// of that user's session comes first, with ReasonLogin.
	EventLoggedIn EventKind = "logged_in"

	// EventRegenerated: Session.Regenerate gave a stored session a new ID.
	EventRegenerated EventKind = "regenerated"

	// EventEnded: a session has ended.
	EventEnded EventKind = "ended"

	// EventRefused: a request presented a token, and has no session by it.
	EventRefused EventKind = "refused"
)

// Reason is why a session ended, or why a request was refused. Its text suits
// as a label of a metric.
type Reason string

// The reasons why a session ends.
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

// The reasons why a request is refused. If it presents several tokens, an ID
// counts more than a token that is none.
const (
	ReasonMalformed Reason = "malformed" // no token has the form of one
	ReasonSignature Reason = "signature" // no key of Options.Keys has signed it
	ReasonUnknown   Reason = "unknown"   // the ID was never issued, or its session has ended; with Options.Keys, the latter
	ReasonReplaced  Reason = "replaced"  // the session got a new ID within the last minute; usual among concurrent requests
)

var (
	endReasons     = []Reason{ReasonLogout, ReasonEndOthers, ReasonEnd, ReasonEndUser, ReasonEndEveryone, ReasonLogin, ReasonExpired, ReasonEvicted, ReasonDamaged}
	refusalReasons = []Reason{ReasonMalformed, ReasonSignature, ReasonUnknown, ReasonReplaced}
)

// LogValue returns a group of the fields that are not empty, except Time, which
// the log's record has.
func (e Event) LogValue() slog.Value {
	attrs := make([]slog.Attr, 0, 7)
	for name, value := range e.fields {
		attrs = append(attrs, slog.String(name, value))
	}
	return slog.GroupValue(attrs...)
}

// String returns the fields that are not empty in one line, except Time. A user
// or an address cannot add a line or a field, since it is quoted.
func (e Event) String() string {
	var line strings.Builder
	for name, value := range e.fields {
		if name == "kind" {
			line.WriteString(value)
		} else {
			fmt.Fprintf(&line, " %s=%q", name, value)
		}
	}
	return line.String()
}

// fields iterates over the names and texts of the fields that are not empty.
func (e Event) fields(yield func(name, value string) bool) {
	for _, f := range [...]struct{ name, value string }{
		{"kind", string(e.Kind)}, {"reason", string(e.Reason)}, {"user", e.UserID}, {"by", e.By},
		{"handle", e.Handle}, {"previous", e.Previous}, {"addr", e.Addr},
	} {
		if f.value != "" && !yield(f.name, f.value) {
			return
		}
	}
}

// note is an Event in the making. Without an Observer nothing else is made of
// it, so making a note allocates nothing.
type note struct {
	kind          EventKind
	why           Reason
	key, previous string // store keys
	user, by      []byte
}

func (n note) event() Event {
	return Event{Kind: n.kind, Reason: n.why, Time: time.Now().UTC(), UserID: string(n.user), By: string(n.by),
		Handle: handle(n.key), Previous: handle(n.previous)}
}

// handle returns the handle of the session under key, or "" for "".
func handle(key string) string { return hex.EncodeToString([]byte(key)) }
