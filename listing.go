package holdfast

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/record"
)

// SessionInfo describes a stored session. It prints as its type alone.
type SessionInfo struct {
	// Handle names the session for Manager.End. It is not an ID, and identifies
	// no client. A page may show it to the session's user.
	Handle string

	UserID   string    // "" if nobody is logged in
	Created  time.Time // when it began, or its user logged in
	LastSeen time.Time // when it was last used
	Expires  time.Time // when it ends, however active it is

	// stored is a function because fmt prints no function's contents, but
	// prints a struct's even behind a pointer.
	stored func() storedSession
}

type storedSession struct {
	manager *Manager
	key     string
	record  record.Record
}

// Format prints the type alone, with every verb.
func (i SessionInfo) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "holdfast.SessionInfo") }

// LogValue returns the type alone, for log/slog.
func (i SessionInfo) LogValue() slog.Value { return slog.StringValue("holdfast.SessionInfo") }

// Value decodes the session's value under key into into, a non-nil pointer. It
// reports whether there is one of that type. An application that shows where a
// user is logged in sets the address and the browser at login, and reads them
// here.
func (i SessionInfo) Value(key string, into any) bool {
	s := i.stored()
	encoded, ok := s.record.Values.Get(key)
	return ok && s.manager.decode(s.key, key, encoded, into) == nil
}

// Is reports whether i describes s.
func (i SessionInfo) Is(s *Session) bool {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	return i.stored().key == s.key
}

// Sessions returns the sessions of a user, the last seen first. A cache reads
// the first bytes of every session for it; a Store may have an index. A visit
// does not count as a use. The user "" has no sessions. A Store has time until
// ctx is done. The error wraps ErrUnsupported if the Store cannot list, or is
// the store's.
func (m *Manager) Sessions(ctx context.Context, userID string) ([]SessionInfo, error) {
	var infos []SessionInfo
	if userID == "" {
		return nil, nil
	}
	for info, err := range m.scan(ctx, m.namespace.AppendUserPrefix(nil, []byte(userID))) {
		if err != nil {
			return nil, err
		}
		if info.UserID == userID {
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b SessionInfo) int { return b.LastSeen.Compare(a.LastSeen) })
	return infos, nil
}

// All iterates over all sessions, in no particular order. After an error, which
// is one of Sessions, the iteration ends.
func (m *Manager) All(ctx context.Context) iter.Seq2[SessionInfo, error] {
	return m.scan(ctx, m.namespace.AppendPrefix(nil))
}

// Len counts the sessions. It reads each of them; a gauge should use the
// cache's Stats. The error is one of Sessions.
func (m *Manager) Len(ctx context.Context) (n int, err error) {
	for _, err := range m.All(ctx) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// EndEveryone ends all sessions of all users and visitors, and returns how
// many. A session that begins or gets a new ID meanwhile may live on. The error
// is one of EndUser.
func (m *Manager) EndEveryone(ctx context.Context) (int, error) {
	return m.endEach(ctx, m.All(ctx), m.ending(ctx, ReasonEndEveryone))
}

// EndUser ends all sessions of a user who logged in before the call, and
// returns how many it found. It also ends a session that gets a new ID
// meanwhile. A login meanwhile may or may not be ended, so make sure first that
// the old password is not accepted any more. The error is one of Sessions.
// Sessions that were ended before the error stay ended and are counted.
func (m *Manager) EndUser(ctx context.Context, userID string) (int, error) {
	return m.endWhere(ctx, userID, 0, m.ending(ctx, ReasonEndUser), func(infos []SessionInfo) ([]SessionInfo, error) { return infos, nil })
}

// End ends one session of a user, given its SessionInfo.Handle, and reports
// whether there was one. It ends no session of another user, so the handle may
// come from a form. The user "" is a visitor who has not logged in. The error
// is the store's.
func (m *Manager) End(ctx context.Context, userID, handle string) (bool, error) {
	key, err := hex.DecodeString(handle)
	if err != nil || len(key) != storeKeyLen {
		return false, nil
	}
	return m.endIfUser(ctx, string(key), userID, m.ending(ctx, ReasonEnd))
}

// endWhere ends those of a user's sessions that choose returns. The listing may
// miss a session that gets a new ID meanwhile, so a revocation is stored first,
// which ends it (see revoke.go). The session that was created at spared stays.
func (m *Manager) endWhere(ctx context.Context, userID string, spared record.Instant, end ending, choose func([]SessionInfo) ([]SessionInfo, error)) (n int, err error) {
	if err := m.revoke(ctx, userID, spared); err != nil {
		return 0, err
	}
	infos, err := m.Sessions(ctx, userID)
	if err != nil {
		return 0, err
	}
	chosen, err := choose(infos)
	if err != nil {
		return 0, err
	}
	return m.endEach(ctx, func(yield func(SessionInfo, error) bool) {
		for _, info := range chosen {
			if !yield(info, nil) {
				return
			}
		}
	}, end)
}

// endEach goes on after a session that it could not end, until ctx is done.
func (m *Manager) endEach(ctx context.Context, infos iter.Seq2[SessionInfo, error], end ending) (n int, first error) {
	for info, err := range infos {
		if done := ctx.Err(); done != nil {
			return n, cmp.Or(first, err, unanswered(done))
		}
		ended := false
		if err == nil {
			ended, err = m.endIfUser(ctx, info.stored().key, info.UserID, end)
		}
		if ended {
			n++
		}
		first = cmp.Or(first, err)
	}
	return n, first
}

// endIfUser ends the session under key if it is the user's and of this
// Manager's namespace.
func (m *Manager) endIfUser(ctx context.Context, key, userID string, end ending) (ended bool, err error) {
	err = m.update(ctx, key, func(old []byte, found bool) (cache.Change, error) {
		r, err := record.Parse(old)
		ended = found && err == nil && string(r.User) == userID && bytes.HasPrefix(old, m.namespace.AppendPrefix(nil))
		if !ended {
			return cache.Keep(), nil
		}
		return cache.Remove(), nil
	})
	if err != nil {
		return false, err
	}
	if ended {
		m.watchers.notify(key)
		m.noteEnd(end, key, userID)
	}
	return ended, nil
}

// scan iterates over the sessions whose record begins with prefix. It skips
// entries that are no session, and sessions that have ended.
func (m *Manager) scan(ctx context.Context, prefix []byte) iter.Seq2[SessionInfo, error] {
	return func(yield func(SessionInfo, error) bool) {
		for entry, err := range m.store.ScanValues(ctx, prefix) {
			if err != nil {
				yield(SessionInfo{}, m.storeError(ctx, err))
				return
			}
			r, err := record.Parse(entry.Value)
			if err != nil || len(entry.ID) != storeKeyLen || m.ttl(r, m.now()) <= 0 {
				continue
			}
			if !yield(m.info(entry, r), nil) {
				return
			}
		}
	}
}

// lastSeen returns when a request last used the session. The use restarted the
// idle timeout, so the rest of that is exact. If the session ends before for
// another reason, the store's idle time is used.
func (m *Manager) lastSeen(r record.Record, entry cache.Entry) record.Instant {
	now := m.now()
	if end := now.Plus(entry.TTL); end < m.end(r) {
		return min(now, end-record.Instant(m.idleTimeout(r)))
	}
	return now - record.Instant(entry.Idle)
}

func (m *Manager) info(entry cache.Entry, r record.Record) SessionInfo {
	return SessionInfo{
		Handle:   handle(entry.ID),
		UserID:   string(r.User),
		Created:  m.wallTime(r.Created),
		LastSeen: m.wallTime(m.lastSeen(r, entry)),
		Expires:  m.wallTime(m.end(r)),
		stored:   func() storedSession { return storedSession{m, entry.ID, r} },
	}
}
