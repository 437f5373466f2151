package holdfast

import (
	"bytes"
	"cmp"
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
	defer s.mu.Unlock()
	s.load()
	return i.stored().key == s.key
}

// Sessions returns the sessions of a user, the last seen first. It reads the
// first bytes of every session in the store, which does not count as a use. The
// user "" has no sessions. The error wraps ErrUnsupported if the store is no
// Scanner.
func (m *Manager) Sessions(userID string) ([]SessionInfo, error) {
	var infos []SessionInfo
	if userID == "" {
		return nil, nil
	}
	all, err := m.scan(m.namespace.AppendUserPrefix(nil, []byte(userID)))
	if err != nil {
		return nil, err
	}
	for entry, r := range all {
		if string(r.User) == userID {
			infos = append(infos, m.info(entry, r))
		}
	}
	slices.SortFunc(infos, func(a, b SessionInfo) int { return b.LastSeen.Compare(a.LastSeen) })
	return infos, nil
}

// All returns an iterator over all sessions, in no particular order. The error
// wraps ErrUnsupported if the store is no Scanner.
func (m *Manager) All() (iter.Seq[SessionInfo], error) {
	all, err := m.scan(m.namespace.AppendPrefix(nil))
	if err != nil {
		return nil, err
	}
	return func(yield func(SessionInfo) bool) {
		for entry, r := range all {
			if !yield(m.info(entry, r)) {
				return
			}
		}
	}, nil
}

// Len counts the sessions. It reads each of them; a gauge should use the
// cache's Stats. The error is one of All.
func (m *Manager) Len() (int, error) {
	all, err := m.scan(m.namespace.AppendPrefix(nil))
	if err != nil {
		return 0, err
	}
	n := 0
	for range all {
		n++
	}
	return n, nil
}

// EndEveryone ends all sessions of all users and visitors, and returns how
// many. A session that begins or gets a new ID meanwhile may live on. The error
// is one of EndUser.
func (m *Manager) EndEveryone() (int, error) {
	all, err := m.All()
	if err != nil {
		return 0, err
	}
	return m.endEach(all)
}

// EndUser ends all sessions of a user who logged in before the call, and
// returns how many it found. It also ends a session that gets a new ID
// meanwhile, if the clocks of all processes on the store agree. A login
// meanwhile may or may not be ended, so make sure first that the old password
// is not accepted any more. The error wraps ErrUnsupported if the store is no
// Scanner, or is the store's. Sessions that were ended before the error stay
// ended and are counted.
func (m *Manager) EndUser(userID string) (int, error) {
	return m.endWhere(userID, 0, func(infos []SessionInfo) ([]SessionInfo, error) { return infos, nil })
}

// End ends one session of a user, given its SessionInfo.Handle, and reports
// whether there was one. It ends no session of another user, so the handle may
// come from a form. The user "" is a visitor who has not logged in. The error
// is the store's.
func (m *Manager) End(userID, handle string) (bool, error) {
	key, err := hex.DecodeString(handle)
	if err != nil || len(key) != storeKeyLen {
		return false, nil
	}
	return m.endIfUser(string(key), userID)
}

// endWhere ends those of a user's sessions that choose returns. The listing may
// miss a session that gets a new ID meanwhile, so a revocation is stored first,
// which ends it (see revoke.go). The session that was created at spared stays.
func (m *Manager) endWhere(userID string, spared record.Instant, choose func([]SessionInfo) ([]SessionInfo, error)) (n int, err error) {
	if _, err := m.scan(nil); err != nil {
		return 0, err
	}
	if err := m.revoke(userID, spared); err != nil {
		return 0, err
	}
	infos, err := m.Sessions(userID)
	if err != nil {
		return 0, err
	}
	chosen, err := choose(infos)
	if err != nil {
		return 0, err
	}
	return m.endEach(slices.Values(chosen))
}

func (m *Manager) endEach(infos iter.Seq[SessionInfo]) (n int, first error) {
	for info := range infos {
		ended, err := m.endIfUser(info.stored().key, info.UserID)
		if ended {
			n++
		}
		first = cmp.Or(first, err)
	}
	return n, first
}

// endIfUser ends the session under key if it is the user's and of this
// Manager's namespace.
func (m *Manager) endIfUser(key, userID string) (ended bool, err error) {
	err = m.store.Update(key, func(old []byte, found bool) (cache.Change, error) {
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
	}
	return ended, nil
}

// scan returns the sessions whose record begins with prefix. It skips entries
// that are no session, and sessions that have ended.
func (m *Manager) scan(prefix []byte) (iter.Seq2[cache.Entry, record.Record], error) {
	scanner, ok := m.store.(Scanner)
	if !ok {
		return nil, fmt.Errorf("%w: %T has no method ScanValues", ErrUnsupported, m.store)
	}
	return func(yield func(cache.Entry, record.Record) bool) {
		for entry := range scanner.ScanValues(prefix) {
			r, err := record.Parse(entry.Value)
			if err != nil || len(entry.ID) != storeKeyLen || m.ttl(r, m.now()) <= 0 {
				continue
			}
			if !yield(entry, r) {
				return
			}
		}
	}, nil
}

// lastSeen returns when a request last used the session. The use restarted the
// idle timeout, so the rest of that is exact. If the session ends before for
// another reason, the store's idle time is used.
func (m *Manager) lastSeen(r record.Record, entry cache.Entry) record.Instant {
	now := m.now()
	if end := now.Plus(entry.TTL); end < m.end(r) {
		return end - record.Instant(m.idleTimeout(r))
	}
	return now - record.Instant(entry.Idle)
}

func (m *Manager) info(entry cache.Entry, r record.Record) SessionInfo {
	return SessionInfo{
		Handle:   hex.EncodeToString([]byte(entry.ID)),
		UserID:   string(r.User),
		Created:  m.wallTime(r.Created),
		LastSeen: m.wallTime(m.lastSeen(r, entry)),
		Expires:  m.wallTime(m.end(r)),
		stored:   func() storedSession { return storedSession{m, entry.ID, r} },
	}
}
