package holdfast

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/holdfast-go/holdfast/internal/record"
)

// Session is the session of one request: the values that the server keeps for
// one client. Manager.Session finds it. Get, Set and Update read and change its
// values.
//
// Its methods are safe for concurrent use. So are concurrent requests of one
// client: each stores only the keys that it changed.
//
// A Session prints as its type alone, with every verb of fmt and in every log.
// Use it through its pointer. The zero Session cannot be used.
type Session struct {
	// fmt does not call Format for an unexported field, so secrets are behind a
	// pointer.
	*requestState
}

// Set stores value under key. It encodes the value at once, so a later change
// of the value changes nothing stored. If it cannot encode the value, Err
// returns the error and the ErrorHandler answers. A value that the session has
// already is not stored again.
//
// A change before the first byte of the response is stored before that byte is
// sent. A later one is stored when the handler returns, and one after that, by
// a goroutine, at once; Err returns its error. If the session is new, its first
// value must be set before the first byte. Otherwise no cookie can be sent, and
// Err returns ErrHeaderSent.
func (s *Session) Set(key string, value any) {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	encoded, err := s.encode(key, value)
	if err != nil {
		s.setErr(err)
		return
	}
	s.addChange(key, record.SetValue(key, encoded))
}

// Delete removes the value under key, if there is one.
func (s *Session) Delete(key string) {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	s.addChange(key, record.DeleteValue(key))
}

// Clear removes all values. The session goes on, and so does a login; use
// Destroy for a logout.
func (s *Session) Clear() {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	s.addChange("", record.ClearValues())
}

// Keys returns the keys of all values, in no particular order.
func (s *Session) Keys() []string {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	var keys []string
	for key := range s.values().All() {
		if _, _, decided := s.changes.Lookup(string(key)); !decided {
			keys = append(keys, string(key))
		}
	}
	for key := range s.changes.Keys() {
		keys = append(keys, key)
	}
	return keys
}

// ID returns the session's ID, the secret that identifies the client. Treat it
// like a password. A new session has the ID under which its first value will be
// stored. It is "" if Options.NewID failed; then Err returns the error.
func (s *Session) ID() string {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	s.setErr(s.needID())
	return s.id
}

// Token returns the token that the client sends: the ID, signed if Options.Keys
// are set. Only the carriers Form and Query need it, for pages to contain it.
// The others send it themselves.
func (s *Session) Token() string {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	if s.setErr(s.needID()); s.id == "" {
		return ""
	}
	return s.manager.signer.sign(s.id)
}

// IsNew reports whether the session began with this request.
func (s *Session) IsNew() bool {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	return s.isNew
}

// Created returns when the session began, or when its user logged in. For a new
// session that is now.
func (s *Session) Created() time.Time {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	return s.manager.wallTime(s.changes.ApplyHeader(s.record()).Created)
}

// SetIdleTimeout gives this session an idle timeout of its own, in place of
// Options.IdleTimeout, and its cookie the same Max-Age, so that it outlives the
// browser session. Options.AbsoluteLifetime bounds both. A timeout of 0
// restores the default. Any other timeout below a second is an error: Err
// returns it, and the ErrorHandler answers. Setting the timeout that the
// session has already changes nothing.
//
// Call it before the first byte, or the cookie does not change. The browser
// counts from the response that sets the cookie; with Cookie.Rolling, from the
// latest one.
func (s *Session) SetIdleTimeout(timeout time.Duration) {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	if timeout != 0 && timeout < time.Second {
		s.setErr(fmt.Errorf("%w: an idle timeout of %v; it must be 0 or at least a second", ErrValue, timeout))
		return
	}
	s.addChange("", record.SetIdle(timeout))
}

// IdleTimeout returns how long the session lasts without a request: the timeout
// of SetIdleTimeout, or Options.IdleTimeout.
func (s *Session) IdleTimeout() time.Duration {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	return s.manager.idleTimeout(s.changes.ApplyHeader(s.record()))
}

// SetExpires ends this session when the wall clock of this process shows t,
// also if the Store has another clock, unless its idle timeout or
// Options.AbsoluteLifetime ends it before. The zero time removes that end. With
// a time in the past, the session ends and its cookie is removed when the
// change is stored.
func (s *Session) SetExpires(t time.Time) {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	s.addChange("", record.SetExpires(s.manager.instantAt(t)))
}

// Expires returns the latest time at which the session can end.
func (s *Session) Expires() time.Time {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	return s.manager.wallTime(s.manager.end(s.changes.ApplyHeader(s.record())))
}

// Touch restarts the idle timeout. Each request that uses its session does so
// by itself. Call Touch in a handler that runs longer than the timeout. It
// returns ErrEnded if the session has ended, and nil if it is new.
func (s *Session) Touch() error {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	return s.touch(s.manager.now())
}

// Save stores the changes now, not when the response begins. Without changes it
// does nothing and returns nil. It returns ErrEnded if the session has ended,
// ErrHeaderSent if the session is new and its cookie can no longer be sent, or
// the error of the codec or the store.
func (s *Session) Save() error {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	return s.commit()
}

// Reload drops the changes not stored yet, and reads the session again, past
// any local copy. A new session loses its values. Reload returns ErrEnded if
// the session has ended, or the error of the store.
func (s *Session) Reload() error {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	return s.reload()
}

// Err returns the first error of a method that returns none: an unusable
// argument, a session that cannot be read, an Options.NewID or CookieFunc that
// failed, a Pop that could not be stored, or a change after the handler
// returned. It is nil if there was none. Before the first byte, such an error
// makes the ErrorHandler answer. An error of storing changes when the handler
// returns is logged.
//
// Destroy clears the error. So does a Reload that returns nil. A
// session that cannot be read (ErrRecord) has no values; Destroy or Login
// removes its record.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.unlock()
	return s.err
}

// Regenerate gives the session a new ID and keeps its values. The old ID ends
// in the same step. Call it when a user gains rights; Login does it for a
// login.
//
// For a minute, a request with the old ID is taken for late: it begins no
// session and sets no cookie, unless it logs in, since the client has the new
// cookie or is about to get it. Its changes are dropped.
//
// Regenerate returns ErrEnded if the session has ended, ErrHeaderSent if the
// new cookie can no longer be sent, or the error of the store. Then the old ID
// is unchanged; after ErrUnavailable it may have ended.
func (s *Session) Regenerate() error {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	return s.regenerate()
}

// Destroy ends the session, also one that cannot be read: it deletes the
// values, the ID identifies nobody in any request, and the client forgets it.
// Values set afterwards begin a new session with a new ID.
//
// It returns ErrEnded if another request has just given the session a new ID:
// the session lives on under that, and Manager.EndUser can end it. Any other
// error is the store's. Then the session still exists; after ErrUnavailable it
// may have ended. Destroy also ends the sessions of further cookies that the
// request presents.
func (s *Session) Destroy() error {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	_, err := s.destroy()
	return err
}

// Format prints the type alone, with every verb: sessions end up in logs.
func (s Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "holdfast.Session") }

// LogValue returns the type alone, for log/slog.
func (s *Session) LogValue() slog.Value { return slog.StringValue("holdfast.Session") }

// record returns the stored session, or an empty record if it is new.
func (s *Session) record() record.Record {
	if s.raw == nil {
		return record.Record{Created: s.touched}
	}
	return record.View(s.raw)
}

// values returns the stored values.
func (s *Session) values() record.Values {
	if s.raw == nil {
		return nil
	}
	return record.ViewValues(s.raw)
}

// addChange keeps a change until the next commit, or commits it if none
// follows. key is for an error.
func (s *Session) addChange(key string, c record.Change) {
	s.changes = s.changes.Plus(c)
	if s.headerSent() && !s.stored && !s.ended && s.changes.WorthStoring() {
		s.setErr(fmt.Errorf("%w: the session is new, so its value under %q cannot be stored any more", ErrHeaderSent, key))
	}
	if s.phase == afterHandler {
		err := s.commit()
		if errors.Is(err, ErrEnded) {
			s.manager.counts.changesDropped.Add(1)
		}
		s.setErr(err)
	}
}

// needID gives a new session the ID under which it will be stored.
func (s *Session) needID() error {
	if s.id != "" {
		return nil
	}
	id, err := s.newID()
	if err != nil {
		return err
	}
	s.id, s.key = id, s.manager.storeKey(id)
	return nil
}
