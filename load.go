package holdfast

import (
	"cmp"
	"errors"
	"time"

	"github.com/holdfast-go/holdfast/internal/record"
)

// The session's lock is held in all functions of this file, except in readable,
// which takes it.

// maxTokens is how many tokens of one request are tried. A browser sends
// several cookies of one name if they were set with different Domains or Paths.
//
// maxPresented is how many tokens are examined at most.
const (
	maxTokens    = 4
	maxPresented = 16
)

// earlyReadLasts is how long load can use the session that readable has read.
// Later, another request may long have ended it.
const earlyReadLasts = record.Instant(100 * time.Millisecond)

// readable reads the session before the handler runs, if reads of the store can
// fail. It reports false if the read failed. Then the handler must not run,
// except with a damaged record: a login can replace that.
func (s *Session) readable() bool {
	if s.manager.cache != nil || s.err != nil {
		return true
	}
	s.mu.Lock()
	defer s.unlock()
	s.startNew(s.manager.now())
	switch err := s.find(); {
	case err == nil:
		s.absent = s.raw == nil
	case !errors.Is(err, ErrRecord):
		s.loaded = true
		s.setErr(err)
		return false
	}
	return true
}

// load reads the session that the request presents, once, and restarts its idle
// timeout. Without a stored session, the session is new, and the store does not
// know it.
func (s *Session) load() {
	if s.loaded {
		return
	}
	now := s.manager.now()
	age := now - s.touched // of readable's read; negative if the clock was set back
	if fresh := s.raw != nil && 0 <= age && age <= earlyReadLasts; !fresh && !s.absent {
		s.startNew(now)
		if s.err == nil {
			s.setErr(s.find())
		}
	}
	if s.raw != nil {
		adopted, err := s.adopt(now)
		if !adopted {
			s.startNew(now)
		}
		s.setErr(err)
	}
	s.late = s.ended
	s.loaded = true
}

// find reads the session that the request presents: the first of its tokens
// that has one.
func (s *Session) find() error {
	if isPassive := s.manager.options.Passive; isPassive != nil {
		s.passive = isPassive(&s.request)
	}
	how := ReadUse
	if s.passive {
		how = ReadPeek
	}
	tried, last := 0, ""
	var why Reason // an ID counts more than a token that is none
	for id, refused := range s.presented {
		if refused != "" {
			why = cmp.Or(why, refused)
			continue
		}
		if err := s.read(id, how); err != nil || s.raw != nil {
			return err
		}
		if why, last = ReasonUnknown, id; s.ended {
			why = ReasonReplaced
		}
		if tried++; tried == maxTokens {
			break
		}
	}
	if why != "" {
		s.noteRefusal(why, last)
	}
	return nil
}

// noteRefusal notes that the request has no session by its tokens. id is "" if
// none of them has an ID.
func (s *Session) noteRefusal(why Reason, id string) {
	n := note{kind: EventRefused, why: why}
	if id != "" && s.manager.observed() {
		n.key = s.manager.storeKey(id)
	}
	s.note(n)
}

// presented iterates over the presented tokens, except empty ones. It yields
// the ID of a token that has the form of one and a valid signature, and the
// reason why another is refused.
func (s *Session) presented(yield func(id string, refused Reason) bool) {
	from := 0
	for range maxPresented {
		token, next, ok := s.carrier().extract(&s.request, s.tls, from)
		if !ok {
			return
		}
		from = next
		if token == "" {
			continue
		}
		id, refused := s.manager.signer.verify(token)
		if refused == "" && !s.manager.mayBeID(id) {
			refused = ReasonMalformed
		}
		if !yield(id, refused) {
			return
		}
	}
}

// read sets raw to the record of the session with that ID, if there is one. It
// sets ended if there is a tombstone.
func (s *Session) read(id string, how ReadMode) error {
	key := s.manager.storeKey(id)
	raw, found, err := s.manager.read(s.request.Context(), key, how)
	if err == nil && !found {
		return nil
	}
	if err == nil && isTombstone(raw) {
		s.ended = s.ended || tombstoneCounts(raw, s.manager.now())
		return nil
	}
	if err == nil {
		_, err = record.Parse(raw)
		s.manager.counts.parsed(err)
	}
	s.id, s.key = id, key
	if s.unread = err != nil; s.unread {
		return err
	}
	s.raw, s.ended = raw, false
	return nil
}

// adopt makes this the session of raw, and restarts its idle timeout. So a
// request that comes in time keeps its session however long it takes. It
// reports false if the session has ended. The error is that of restarting the
// timeout: the session has been read, and may still exist.
func (s *Session) adopt(now record.Instant) (adopted bool, err error) {
	r := s.record()
	fromTheFuture := r.Created > now+clockTolerance
	if fromTheFuture {
		r.Created = now
	}
	ttl, lives := s.manager.ttl(r, now), true
	if ttl <= 0 {
		return false, s.expire(s.request.Context(), s.raw)
	}
	if !s.passive {
		lives, err = s.manager.touch(s.request.Context(), s.key, ttl)
	}
	if err == nil && !lives {
		return false, nil
	}
	s.touched = now
	s.stored, s.isNew = true, false
	if fromTheFuture && !s.passive {
		// A clock was wrong when the session began. Its absolute lifetime must
		// not wait for that time.
		s.changes = s.changes.Plus(record.SetCreated(now))
	}
	return true, err
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
	wasStored, isNew, raw, panics := s.stored, s.isNew, s.raw, true
	defer func() {
		if panics { // else a later commit would store the session anew
			s.stored, s.raw = wasStored, raw
		}
	}()
	s.stored, s.raw = false, nil
	err, now, adopted := s.read(s.id, ReadFresh), s.manager.now(), false
	ended := s.ended
	if s.raw != nil {
		adopted, err = s.adopt(now)
	}
	panics = false
	switch {
	case errors.Is(err, ErrRecord): // a damaged session has no values
		s.setErr(err)
		return err
	case err != nil:
		s.stored, s.raw = wasStored, raw
		s.setErr(err)
		return err
	case adopted:
		s.err, s.isNew = nil, wasStored && isNew
		return nil
	case wasStored:
		s.stored, s.ended, s.raw = true, true, raw
		return ErrEnded
	}
	s.startNew(now) // the presented ID has no session, so it is not adopted
	s.ended, s.late = ended, ended
	return nil
}

// startNew makes this a new session that nobody knows.
func (s *Session) startNew(now record.Instant) {
	s.id, s.key, s.unread = "", "", false
	s.raw, s.touched = nil, now
	s.changes = nil
	s.stored, s.ended, s.late, s.isNew = false, false, false, true
}
