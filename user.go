package holdfast

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// Login makes this the session of a user: it gets a new ID, keeps its values,
// and the old ID is dead, all in one step. Its absolute lifetime begins anew.
// Call it once the user's password, or whatever proves who they are, has been
// checked. The user's sessions can then be listed and ended together.
//
// If another user was logged in, their values and lifetime are dropped, also
// those set by this request: set the new user's after Login. If the session has
// ended meanwhile, because the user pressed the button twice, say, they are
// logged in to a new one, with no more than what this request has set. The same
// holds if its record is damaged (ErrRecord): the record is removed. Values that
// codec.Sealed cannot open any more, since their key was lost, are dropped.
//
// The error wraps ErrValue if userID is empty, ErrHeaderSent if the new cookie
// can no longer be sent, or is the store's; then nobody is logged in.
func (s *Session) Login(userID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	if userID == "" {
		return fmt.Errorf("%w: the user ID is empty", ErrValue)
	}
	if s.unread && errors.Is(s.err, ErrRecord) {
		if _, err := s.manager.remove(s.key); err != nil {
			return err
		}
		s.unread, s.err = false, nil
	}
	switch {
	case s.err != nil:
		return s.err
	case s.headerSent():
		return ErrHeaderSent
	}
	login := []change{{what: userSet, user: userID}, {what: createdSet, created: s.manager.now()}}
	if user := s.user(); user != "" && user != userID {
		login = append(login, change{what: valuesCleared}, change{what: idleSet}, change{what: expiresSet})
	}
	if s.stored && !s.ended {
		id, key, err := s.otherID()
		if err == nil {
			err = s.moveTo(id, key, dropValues, login...)
		}
		if !errors.Is(err, ErrEnded) {
			return err
		}
	}
	if err := s.startOver(); err != nil {
		return err
	}
	before := s.changes
	s.changes = before.with(login...)
	err := s.commit()
	if err != nil {
		s.changes = before // so that the login is not stored later
	}
	return err
}

// UserID returns who is logged in, or "" if nobody is.
func (s *Session) UserID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	return s.user()
}

func (s *Session) user() string { return string(s.changes.applyHeader(s.record()).user) }

// EndAll ends all sessions of the user who is logged in, this one too, and
// returns how many; without a user, this one alone. The errors are those of
// EndOthers and Destroy.
func (s *Session) EndAll() (int, error) {
	n, err := s.EndOthers()
	if err != nil {
		return n, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ended, err := s.destroy()
	if ended {
		n++
	}
	return n, err
}

// EndOthers ends all other sessions of the user who is logged in, and returns
// how many. Call it when they change their password, along with Regenerate.
// Without a user it does nothing. The error is one of Manager.EndUser, ErrEnded if
// this session is itself no more, or why it could not be read, so that nobody knows
// whose it is; those counted are ended all the same.
func (s *Session) EndOthers() (int, error) {
	user, this, began, err := s.userAndKey()
	if user == "" || err != nil {
		return 0, err
	}
	return s.manager.endWhere(user, began, func(infos []SessionInfo) ([]SessionInfo, error) {
		here := slices.IndexFunc(infos, func(i SessionInfo) bool { return i.found().key == this })
		if here < 0 {
			return nil, ErrEnded
		}
		return slices.Delete(infos, here, here+1), nil
	})
}

// userAndKey returns the user, the session's key, when it began, and the error if the
// session could not be read.
func (s *Session) userAndKey() (user, key string, began instant, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	if s.unread {
		return "", "", 0, s.err
	}
	return s.user(), s.key, s.changes.applyHeader(s.record()).created, nil
}

// SessionInfo tells of a stored session, of this request or another. It prints as its
// type alone.
type SessionInfo struct {
	// Handle names the session to Manager.End. It is no ID: whoever presents
	// it is a stranger. It may stand in a page for its user.
	Handle string

	UserID   string    // "" if nobody is logged in
	Created  time.Time // when it began
	LastSeen time.Time // when it was last used
	Expires  time.Time // when it ends whatever its activity

	// found is a function because fmt prints a struct within another one, and
	// even what a pointer there points to.
	found func() found
}

// found is the session that an SessionInfo tells of.
type found struct {
	manager *Manager
	key     string
	record  record
}

// Format prints the type alone, whatever the verb.
func (i SessionInfo) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "holdfast.SessionInfo") }

// LogValue does the same for log/slog.
func (i SessionInfo) LogValue() slog.Value { return slog.StringValue("holdfast.SessionInfo") }

// Value stores the session's value under key into into, a non-nil pointer, and
// reports whether there is one of that type. So an application that wants to
// show where a user is logged in sets the address and the user agent at log-in,
// and reads them here.
func (i SessionInfo) Value(key string, into any) bool {
	f := i.found()
	encoded, ok := f.record.values.value(key)
	return ok && f.manager.decode(f.key, key, encoded, into) == nil
}

// Is reports whether s is the session that i tells of.
func (i SessionInfo) Is(s *Session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	return i.found().key == s.key
}

// Sessions returns the sessions of a user, the last seen first. It looks at
// the first bytes of every session in the store, without counting as a use of
// any. The error wraps ErrUnsupported if the store is no Scanner.
func (m *Manager) Sessions(userID string) ([]SessionInfo, error) {
	var infos []SessionInfo
	if userID == "" {
		return nil, nil
	}
	all, err := m.scan(m.space.appendUserPrefix(nil, []byte(userID)))
	if err != nil {
		return nil, err
	}
	for entry, r := range all {
		if string(r.user) == userID {
			infos = append(infos, m.info(entry, r))
		}
	}
	slices.SortFunc(infos, func(a, b SessionInfo) int { return b.LastSeen.Compare(a.LastSeen) })
	return infos, nil
}

// All returns an iterator over all sessions, in no particular order. The error
// wraps ErrUnsupported if the store is no Scanner.
func (m *Manager) All() (iter.Seq[SessionInfo], error) {
	all, err := m.scan(m.space.appendPrefix(nil))
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

// Len returns the number of sessions. It looks at each of them; for a gauge ask
// the cache's Stats. The error is one of All.
func (m *Manager) Len() (int, error) {
	all, err := m.scan(m.space.appendPrefix(nil))
	if err != nil {
		return 0, err
	}
	n := 0
	for range all {
		n++
	}
	return n, nil
}

// EndEveryone ends all sessions and returns how many. One that begins or gets a new ID
// meanwhile may live on. The error is one of EndUser.
func (m *Manager) EndEveryone() (int, error) {
	all, err := m.All()
	if err != nil {
		return 0, err
	}
	return m.endAll(all)
}

// EndUser ends all sessions of a user that were logged in when it was called, and
// returns how many it found. One that gets a new ID meanwhile is ended too. A login
// that happens meanwhile may or may not be ended; make sure first that the old
// password is not accepted any more. The error wraps ErrUnsupported if the store
// is no Scanner, or is the store's; the sessions counted are ended all the same.
func (m *Manager) EndUser(userID string) (int, error) {
	return m.endWhere(userID, 0, func(infos []SessionInfo) ([]SessionInfo, error) { return infos, nil })
}

// End ends one session of a user, as named by its SessionInfo.Handle, and reports
// whether there was one. A session of another user is left alone, so the handle
// may come from a form. The user "" is whoever has not logged in. The error is
// the store's.
func (m *Manager) End(userID, handle string) (bool, error) {
	key, err := hex.DecodeString(handle)
	if err != nil || len(key) != storeKeyLen {
		return false, nil
	}
	return m.endIfUser(string(key), userID)
}

// endWhere ends those of a user's sessions that choose chooses. A session that
// gets a new ID meanwhile may be missing in the listing, so a revocation is stored
// first, which ends it (see revoke). The session that began at spared stays.
func (m *Manager) endWhere(userID string, spared instant, choose func([]SessionInfo) ([]SessionInfo, error)) (n int, err error) {
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
	return m.endAll(slices.Values(chosen))
}

func (m *Manager) endAll(infos iter.Seq[SessionInfo]) (n int, first error) {
	for info := range infos {
		ended, err := m.endIfUser(info.found().key, info.UserID)
		if ended {
			n++
		}
		first = cmp.Or(first, err)
	}
	return n, first
}

func (m *Manager) endIfUser(key, userID string) (ended bool, err error) {
	err = m.store.Update(key, func(old []byte, found bool) (cache.Change, error) {
		r, err := parseRecord(old)
		ended = found && err == nil && string(r.user) == userID && bytes.HasPrefix(old, m.space.appendPrefix(nil))
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

// scan returns the sessions whose record begins with prefix. What is no
// session, or one that is over, is passed over.
func (m *Manager) scan(prefix []byte) (iter.Seq2[cache.Entry, record], error) {
	scanner, ok := m.store.(Scanner)
	if !ok {
		return nil, fmt.Errorf("%w: %T has no method ScanValues", ErrUnsupported, m.store)
	}
	return func(yield func(cache.Entry, record) bool) {
		for entry := range scanner.ScanValues(prefix) {
			r, err := parseRecord(entry.Value)
			if err != nil || len(entry.ID) != storeKeyLen || m.ttl(r, m.now()) <= 0 {
				continue
			}
			if !yield(entry, r) {
				return
			}
		}
	}, nil
}

// lastSeen returns when the session was last looked at. That restarted its idle
// timeout, so what is left of that tells it exactly, unless the session ends
// before for another reason; then the store's own notes have to do.
func (m *Manager) lastSeen(r record, entry cache.Entry) instant {
	now := m.now()
	if end := now + instant(entry.TTL); end < m.expires(r) {
		return end - instant(m.idleTimeout(r))
	}
	return now - instant(entry.Idle)
}

func (m *Manager) info(entry cache.Entry, r record) SessionInfo {
	return SessionInfo{
		Handle:  hex.EncodeToString([]byte(entry.ID)),
		UserID:  string(r.user),
		Created: m.wallTime(r.created), LastSeen: m.wallTime(m.lastSeen(r, entry)), Expires: m.wallTime(m.expires(r)),
		found: func() found { return found{m, entry.ID, r} },
	}
}
