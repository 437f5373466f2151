package holdfast

import "time"

// All functions in this file are called with the session's lock held, except
// readable, which runs before anybody else knows the session.

const (
	// maxTokens is how many tokens of one request are tried. A browser sends
	// several cookies of one name if they were set with different Domains or
	// Paths.
	maxTokens = 4

	// clockTolerance is how far in the future a session may have been created:
	// the clocks of several instances differ a little.
	clockTolerance = instant(time.Minute)
)

// readable reads the session before the handler runs, if reading can fail. It
// reports false if reading failed: then the handler must not run.
func (s *Session) readable() bool {
	if s.manager.loader == nil || s.err != nil {
		return true
	}
	s.begin(s.manager.now())
	err := s.find()
	s.preread = true
	s.loaded = err != nil
	s.fail(err)
	return err == nil
}

// load reads the session that the request presents, once, and restarts its idle
// timeout. If there is none, the session is new; the store does not know it.
func (s *Session) load() {
	if s.loaded {
		return
	}
	now := s.manager.now()
	if !s.preread {
		s.begin(now)
		if s.err == nil {
			s.fail(s.find())
		}
	}
	if s.raw != nil && !s.adopt(now) {
		s.begin(now)
	}
	s.loaded = true
}

// find reads the session that the request presents: the first of its tokens
// that has one.
func (s *Session) find() error {
	isPassive := s.manager.options.Passive
	s.passive = isPassive != nil && isPassive(&s.request)
	for n := range maxTokens {
		token, ok := s.carrier().presented(&s.request, s.tls, n)
		if !ok {
			return nil
		}
		id := s.manager.signer.verify(token)
		if !s.manager.mayBeID(id) {
			continue
		}
		if err := s.read(id); err != nil || s.raw != nil {
			return err
		}
	}
	return nil
}

// read sets raw to the record of the session with that ID, if there is one. It
// sets ended if the session was given another ID a moment ago.
func (s *Session) read(id string) error {
	key := s.manager.storeKey(id)
	raw, found, err := s.manager.read(s.request.Context(), key, s.passive)
	if err == nil && !found {
		return nil
	}
	if err == nil && isReplaced(raw) {
		s.ended = s.ended || replacedLately(raw, s.manager.now())
		return nil
	}
	if err == nil {
		_, err = parseRecord(raw)
	}
	s.id, s.key = id, key
	if s.unread = err != nil; s.unread {
		return err
	}
	s.raw, s.ended = raw, false
	return nil
}

// adopt makes this the session that raw holds, and restarts its idle timeout. A
// request that comes in time keeps its session however long it takes. It
// reports false if the session has ended.
func (s *Session) adopt(now instant) bool {
	r := s.record()
	wrongClock := r.created > now+clockTolerance
	if wrongClock {
		r.created = now
	}
	ttl := s.manager.ttl(r, now)
	if s.passive && ttl <= 0 || !s.passive && !s.manager.touch(s.key, ttl) {
		return false
	}
	s.touched = now
	s.stored, s.isNew = true, false
	if wrongClock {
		// The absolute lifetime would not begin before that time.
		s.changes = s.changes.plus(change{what: createdSet, created: now})
	}
	return true
}

// reload drops the changes not stored yet, and reads what others have stored.
func (s *Session) reload() error {
	s.changes = nil
	switch {
	case s.ended:
		return ErrEnded
	case s.unread:
		s.err = nil
	case !s.stored:
		return nil
	}
	wasStored, isNew, raw := s.stored, s.isNew, s.raw
	s.stored, s.raw = false, nil
	if err := s.read(s.id); err != nil {
		s.stored, s.raw = wasStored, raw
		s.fail(err)
		return err
	}
	now, ended := s.manager.now(), s.ended
	switch {
	case s.raw != nil && s.adopt(now):
		s.isNew = wasStored && isNew
		return nil
	case wasStored:
		s.stored, s.ended, s.raw = true, true, raw
		return ErrEnded
	}
	s.begin(now)
	s.ended = ended
	return nil
}

// begin makes this a new session, of which nothing is known to anyone.
func (s *Session) begin(now instant) {
	s.id, s.key, s.unread = "", "", false
	s.raw, s.touched = nil, now
	s.changes = nil
	s.stored, s.ended, s.isNew = false, false, true
}
