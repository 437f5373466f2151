package holdfast

import "github.com/holdfast-go/holdfast/internal/record"

// The session's lock is held in all functions of this file, except in readable,
// which runs before anyone else can use the session.

// maxTokens is how many tokens of one request are tried. A browser sends several
// cookies of one name if they were set with different Domains or Paths.
const maxTokens = 4

// readable reads the session before the handler runs, if reads of the store can
// fail. It reports false if the read failed. Then the handler must not run.
func (s *Session) readable() bool {
	if s.manager.loader == nil || s.err != nil {
		return true
	}
	s.begin(s.manager.now())
	err := s.find()
	s.found = true
	s.loaded = err != nil
	s.fail(err)
	return err == nil
}

// load reads the session that the request presents, once, and restarts its idle
// timeout. Without a stored session, the session is new, and the store does not
// know it.
func (s *Session) load() {
	if s.loaded {
		return
	}
	now := s.manager.now()
	if !s.found {
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

// find reads the session that the request presents: the first of its tokens that
// has one.
func (s *Session) find() error {
	isPassive := s.manager.options.Passive
	s.passive = isPassive != nil && isPassive(&s.request)
	for n := range maxTokens {
		token, ok := s.carrier().extract(&s.request, s.tls, n)
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
// sets ended if there is a tombstone.
func (s *Session) read(id string) error {
	key := s.manager.storeKey(id)
	raw, found, err := s.manager.read(s.request.Context(), key, s.passive)
	if err == nil && !found {
		return nil
	}
	if err == nil && isTombstone(raw) {
		s.ended = s.ended || tombstoneCounts(raw, s.manager.now())
		return nil
	}
	if err == nil {
		_, err = record.Parse(raw)
	}
	s.id, s.key = id, key
	if s.unread = err != nil; s.unread {
		return err
	}
	s.raw, s.ended = raw, false
	return nil
}

// adopt makes this the session of raw, and restarts its idle timeout. So a
// request that comes in time keeps its session however long it takes. It reports
// false if the session has ended.
func (s *Session) adopt(now record.Instant) bool {
	r := s.record()
	fromTheFuture := r.Created > now+clockTolerance
	if fromTheFuture {
		r.Created = now
	}
	ttl := s.manager.ttl(r, now)
	if s.passive && ttl <= 0 || !s.passive && !s.manager.touch(s.key, ttl) {
		return false
	}
	s.touched = now
	s.stored, s.isNew = true, false
	if fromTheFuture {
		// A clock was wrong when the session began. Its absolute lifetime must not
		// wait for that time.
		s.changes = s.changes.Plus(record.SetCreated(now))
	}
	return true
}

// reload drops the changes not stored yet, and reads the session again.
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
	s.begin(now) // the presented ID has no session, so it is not adopted
	s.ended = ended
	return nil
}

// begin makes this a new session that nobody knows.
func (s *Session) begin(now record.Instant) {
	s.id, s.key, s.unread = "", "", false
	s.raw, s.touched = nil, now
	s.changes = nil
	s.stored, s.ended, s.isNew = false, false, true
}
