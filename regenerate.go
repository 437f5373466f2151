package holdfast

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/record"
)

// The session's lock is held in all functions of this file.

// regenerate gives the session a new ID.
func (s *Session) regenerate() error {
	switch {
	case s.err != nil:
		return s.err
	case s.ended:
		return ErrEnded
	case s.headerSent():
		return ErrHeaderSent
	}
	id, key, err := s.otherID()
	if err != nil {
		return err
	}
	if !s.stored {
		return s.rename(id, key)
	}
	old := s.key
	if err := s.moveTo(id, key, keepValues); err != nil {
		return err
	}
	s.note(note{kind: EventRegenerated, key: key, previous: old, user: s.record().User})
	return nil
}

// startOver stores a new session with a new ID, the changes that this request
// made and also, and makes this that session. It removes a record that cannot
// be read. If it fails or panics, this session is as before.
func (s *Session) startOver(also ...record.Change) error {
	id, key, err := s.otherID()
	if err != nil {
		return err
	}
	changes, err := s.rebindChanges(key)
	if err != nil {
		return err
	}
	now := s.manager.now()
	changes = changes.With(also...)
	raw, ttl := s.encodeRecord(record.Record{Created: now}, changes)
	if ttl <= 0 {
		return ErrEnded
	}
	if err := s.manager.storeNew(s.request.Context(), key, raw, ttl); err != nil {
		return err
	}
	if s.unread {
		removed, err := s.manager.remove(s.request.Context(), s.key)
		if err != nil {
			_, failed := s.manager.remove(s.request.Context(), key)
			return errors.Join(err, failed)
		}
		if removed.session {
			s.noteEnd(ReasonDamaged, s.key, nil, record.View(raw).User)
		}
		s.err = nil
	}
	s.id, s.key = id, key
	s.ended, s.late, s.isNew, s.unread = false, false, true, false
	s.token = sendToken
	s.committed(raw)
	s.protect()
	user := s.record().User
	s.note(note{kind: EventCreated, key: key, user: user})
	s.note(note{kind: EventLoggedIn, key: key, user: user})
	return nil
}

// otherID returns a new ID that differs from the session's, and its store key.
func (s *Session) otherID() (id, key string, err error) {
	id, err = s.newID()
	if err == nil && id == s.id {
		err = fmt.Errorf("%w: Options.NewID returned the ID that the session has", ErrID)
	}
	return id, s.manager.storeKey(id), err
}

// lostValues decides about values that the codec cannot bind to a new ID, since
// their key was lost.
type lostValues bool

const (
	keepValues lostValues = false // the move fails
	dropValues lostValues = true  // the move drops them
)

// moveTo stores the session under a new ID, after the changes and also. If it
// fails, the session stays under its old ID.
func (s *Session) moveTo(id, key string, lost lostValues, also ...record.Change) error {
	raw, err := s.move(key, lost, also)
	if err != nil {
		return err
	}
	s.manager.watchers.notify(s.key)
	s.id, s.key = id, key
	s.token = sendToken
	s.committed(raw)
	s.protect()
	return nil
}

// move stores the new record first. Then it puts a tombstone in place of the
// old record, if that is still the one from which it made the new record. So it
// loses no change stored meanwhile, and a session destroyed meanwhile stays
// destroyed.
func (s *Session) move(key string, lost lostValues, also []record.Change) (raw []byte, err error) {
	ctx, call := s.manager.forWrite(s.request.Context())
	defer call.release()
	store, copied, panics, calls := s.manager.storeNew, false, true, 0
	var tombstone []byte // put in place of the old record; nil if it stays
	var why Reason       // the session is removed; "" if it is not
	var inner error      // of the function, and counted already
	defer func() {
		if panics && copied { // nobody would know the copy's ID
			s.manager.remove(s.request.Context(), key)
		}
	}()
	err = unanswered(s.manager.store.Update(ctx, s.key, func(old []byte, found bool) (cache.Change, error) {
		raw, tombstone, why, inner = nil, nil, "", nil
		calls++
		if !found || isTombstone(old) {
			return cache.Keep(), nil
		}
		moved, ttl, err := s.movedTo(key, old, lost, also)
		if err != nil {
			return cache.Keep(), err
		}
		if ttl <= 0 {
			why = ReasonExpired
			return cache.Remove(), nil
		}
		if inner = store(ctx, key, moved, ttl); inner != nil {
			return cache.Keep(), inner
		}
		store, copied = s.manager.set, true // another call replaces the copy of this one
		if why, inner = s.manager.revoked(ctx, moved); inner != nil {
			return cache.Keep(), inner
		}
		if why != "" {
			return cache.Remove(), nil
		}
		raw, tombstone = moved, newTombstone(s.manager.now())
		s.manager.markers.add(s.key)
		return cache.Put(tombstone, tombstoneTTL), nil
	}))
	panics = false
	s.manager.counts.calls(calls)
	if inner == nil {
		s.manager.counts.storeFailed(ctx, err)
	}
	if tombstone != nil && errors.Is(err, ErrUnavailable) {
		// Perhaps the store has put the tombstone, and only its reply was lost.
		ctx, call := s.manager.forWrite(s.request.Context())
		defer call.release()
		old, _, failed := s.manager.read(ctx, s.key, ReadFresh)
		switch {
		case failed != nil:
			return nil, errors.Join(err, failed) // the copy may be the only one, so it stays
		case bytes.Equal(old, tombstone):
			return raw, nil
		}
	}
	if err != nil || raw == nil {
		s.manager.markers.take(s.key)
	}
	if err == nil && raw == nil {
		s.ended = true
		if why != "" {
			s.noteEnd(why, s.key, s.record().User, revokedBy(why, s.record().User))
		}
		if why == ReasonExpired {
			s.token = clearToken
		}
		s.manager.watchers.notify(s.key)
		err = ErrEnded
	}
	if err != nil && copied {
		_, failed := s.manager.remove(s.request.Context(), key)
		err = errors.Join(err, failed)
	}
	return raw, err
}

// movedTo returns the record old for another key, after the changes and also.
func (s *Session) movedTo(key string, old []byte, lost lostValues, also []record.Change) (raw []byte, ttl time.Duration, err error) {
	r, err := record.Parse(old)
	s.manager.counts.parsed(err)
	if err != nil {
		return nil, 0, err
	}
	if r.Values, err = s.rebindValues(r, key, lost); err != nil {
		return nil, 0, err
	}
	cs, err := s.rebindChanges(key)
	if err != nil {
		return nil, 0, err
	}
	raw, ttl = s.encodeRecord(r, cs.With(also...))
	return raw, ttl, nil
}

// rename gives a new ID to a session that is not stored.
func (s *Session) rename(id, key string) error {
	cs, err := s.rebindChanges(key)
	if err != nil {
		return err
	}
	s.id, s.key, s.changes = id, key, cs
	return nil
}

// rebindValues returns the values of r for a new store key. They differ only if
// the codec binds values to their place. Values that the changes replace or
// delete are left out.
func (s *Session) rebindValues(r record.Record, newKey string, lost lostValues) (record.Values, error) {
	if s.manager.binder == nil {
		return r.Values, nil
	}
	var values record.Values
	for key, encoded := range r.Values.All() {
		if _, _, decided := s.changes.Lookup(string(key)); decided {
			continue
		}
		rebound, err := s.rebind(string(key), encoded, newKey)
		if err != nil && lost == dropValues {
			continue
		}
		if err != nil {
			return nil, err
		}
		values = values.Append(string(key), rebound)
	}
	return values, nil
}

// rebindChanges returns the changes not stored yet for a new store key.
func (s *Session) rebindChanges(newKey string) (*record.Changes, error) {
	if s.manager.binder == nil {
		return s.changes, nil
	}
	return s.changes.Recode(func(key string, encoded []byte) ([]byte, error) {
		return s.rebind(key, encoded, newKey)
	})
}

func (s *Session) rebind(key string, encoded []byte, newKey string) ([]byte, error) {
	rebound, err := s.manager.binder.Rebind(encoded, place(s.key, key), place(newKey, key))
	if err != nil {
		return nil, fmt.Errorf("%w under %q cannot be bound to a new ID: %w", ErrValue, key, err)
	}
	return rebound, nil
}
