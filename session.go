package holdfast

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/codec"
)

// Session is the session of one request: the values that the server keeps for
// one client. Manager.Session finds it; Get, Set and Update read and change its
// values.
//
// Its methods are safe for concurrent use, as are requests of the same client
// at the same time: each stores only the values that it changed.
//
// A Session prints as its type alone, with every verb of fmt and in every log. Use
// it through its pointer: of a copy in an unexported field fmt prints what it finds.
type Session struct {
	// In an unexported field of something else fmt prints a session without asking
	// Format, and what its pointers point to as addresses. So nothing that is secret
	// may lie before the first pointer.
	*state
}

// state is all that there is to a session.
type state struct {
	manager *Manager
	request http.Request // as the handler gets it
	cookie  *Cookie      // the carrier, if a CookieFunc chose it

	tls     bool // the client came over TLS, so far as a proxy can be trusted
	encoded bool // a handler above had set Content-Encoding
	passive bool // the request does not keep the session alive
	preread bool // find was called before the handler ran
	loaded  bool // the handler has looked, so the response depends on the cookie
	stored  bool // the store has it, as far as this request knows
	ended   bool // it was stored when the request began and is no more
	unread  bool // id is presented, and its record could not be read
	isNew   bool
	phase   phase // written by the handler's goroutine alone, which reads it without the lock
	token   tokenTask
	remark  remark

	mu      sync.Mutex // guards what follows, and what comes before from passive on
	id      string     // "" until one is presented that the store knows, or one is needed
	key     string     // storeKey(id)
	raw     []byte     // the record that the store is known to have, checked; nil if there is none
	touched instant    // when this request last set the store's TTL; without a record, when the session began
	changes *changes   // not stored yet; nil if there are none
	err     error      // the first that must not be lost: it fails the commit
	watch   *watch     // for Ended; nil until it is called

	varyLine [1]string // memory for a header that nearly every response needs
}

// phase is how far the response has come.
type phase uint8

const (
	beforeTheHeader phase = iota // the client can still be handed a token
	afterTheHeader               // what is changed now is stored when the handler returns
	afterTheHandler              // changes are stored at once: nothing else would
)

func (s *Session) headerSent() bool { return s.phase != beforeTheHeader }

// tokenTask is what the response has to do about the client's token.
type tokenTask uint8

const (
	tokenKept tokenTask = iota
	tokenIssued
	tokenWithdrawn
)

// Set stores value under key, in place of what was there. The value is encoded
// at once, so changing it afterwards changes nothing stored. If it cannot be
// encoded, Err says so and the response becomes the ErrorHandler's. A value that
// the session has already is not stored again.
//
// Like all changes it is stored before the first byte of the response, or when the
// handler returns. One that comes later still, from a goroutine of the handler's,
// is stored at once, and Err tells if it could not be. If the session is new, its
// first value must be set before the first byte; after that Err is ErrHeaderSent.
func (s *Session) Set(key string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	encoded, err := s.encode(key, value)
	if err != nil {
		s.fail(err)
		return
	}
	s.note(change{what: valueSet, key: key, encoded: encoded})
}

// Delete removes the value under key, if there is one.
func (s *Session) Delete(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	s.note(change{what: valueDeleted, key: key})
}

// Clear removes all values. The session itself goes on; see Destroy for a
// log-out.
func (s *Session) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	s.note(change{what: valuesCleared})
}

// Keys returns the keys of all values, in no particular order.
func (s *Session) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	var keys []string
	for key := range s.values().all() {
		if _, _, decided := s.changes.lookup(string(key)); !decided {
			keys = append(keys, string(key))
		}
	}
	for _, v := range s.changes.list() {
		if !v.deleted {
			keys = append(keys, v.key)
		}
	}
	return keys
}

// ID returns the session's ID: the secret by which the client is recognised.
// Treat it like a password. For a session that is new it is the ID under which
// the first value will be stored; "" if Options.NewID failed, which Err tells.
func (s *Session) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	s.fail(s.needID())
	return s.id
}

// Token returns what the client presents to be recognised: the ID, signed if
// Options.Keys are set. Only the Form and Query carriers need it, to be put
// into the pages; with the others it travels by itself.
func (s *Session) Token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	if s.fail(s.needID()); s.id == "" {
		return ""
	}
	return s.manager.signer.sign(s.id)
}

// IsNew reports whether the session began with this request.
func (s *Session) IsNew() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	return s.isNew
}

// Created returns when the session began, or its user logged in; for a new one
// that is now.
func (s *Session) Created() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	return s.manager.wallTime(s.changes.applyHeader(s.record()).created)
}

// SetIdleTimeout gives this session an idle timeout of its own, in place of
// Options.IdleTimeout, and its cookie the same Max-Age, so that it outlives the
// browser session. Options.AbsoluteLifetime still bounds both. An age of 0 takes
// that back; any other of less than a second is an error, which Err reports and
// which makes the response the ErrorHandler's. An age that the session has
// already changes nothing.
//
// Call it before the first byte, or the cookie stays as it was. The browser
// counts from the response that sets the cookie; with Cookie.Rolling, from the
// latest one.
func (s *Session) SetIdleTimeout(age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	if age != 0 && age < time.Second {
		s.fail(fmt.Errorf("%w: a Max-Age of %v, it must be 0 or at least a second", ErrValue, age))
		return
	}
	s.note(change{what: idleSet, idle: age})
}

// IdleTimeout returns how long the session lasts without a request: what
// SetIdleTimeout gave it, or Options.IdleTimeout.
func (s *Session) IdleTimeout() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	return s.manager.idleTimeout(s.changes.applyHeader(s.record()))
}

// SetExpires ends this session when the wall clock shows t, if neither its idle
// timeout nor Options.AbsoluteLifetime does so before. The zero time takes that
// back. A time that has passed ends the session now, and its cookie.
func (s *Session) SetExpires(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	s.note(change{what: expiresSet, expires: s.manager.instantAt(t)})
}

// Expires returns when the session ends whatever its activity.
func (s *Session) Expires() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	return s.manager.wallTime(s.manager.expires(s.changes.applyHeader(s.record())))
}

// Touch restarts the idle timeout. Every request that looks at its session
// does so by itself; a handler that runs for longer than the timeout can do it
// in between. It returns ErrEnded if the session is no more.
func (s *Session) Touch() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	return s.touch(s.manager.now())
}

// Save stores the changes made so far, rather than when the response begins or
// the handler returns. Without changes it does nothing and returns nil. It
// returns ErrEnded if the session has ended meanwhile,
// ErrHeaderSent if it is new and its cookie can no longer be sent, or the error
// of the codec or the store.
func (s *Session) Save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	return s.commit()
}

// Reload drops the changes not stored yet, and sees what other requests have
// stored since this one first looked. It returns ErrEnded if the session has
// ended meanwhile, or the error of the store.
func (s *Session) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	return s.reload()
}

// Err returns the first error of a method that could not return it: an argument
// that cannot be used, a session that cannot be read, an Options.NewID or a
// CookieFunc that failed, what Pop or a late change could not store; nil if there
// is none. Unless the header has left, the response becomes the ErrorHandler's.
// Destroy clears the error, and so does a Reload of what could not be read. Of a
// session that cannot be read (ErrRecord) there are no values: Destroy or Login
// removes the record.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Regenerate gives the session a new ID, keeping its values, and ends the old
// one in the same step: whoever knows it is a stranger from now on. Call it
// when a user gains rights; Login does the same for a log-in.
//
// For a minute, a request that presents the old ID begins no session and its
// response sets no cookie, unless it logs in: it is late, and the client has a newer
// cookie already, or is about to get it. Its changes are dropped.
//
// It returns ErrEnded if the session has ended meanwhile, ErrHeaderSent if the
// new cookie can no longer be sent, or the error of the store; then the old ID
// is as it was.
func (s *Session) Regenerate() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	return s.regenerate()
}

// Destroy ends the session, also one that cannot be read: its values are gone, its ID is dead for every
// request, also those under way, and the client is told to forget it. Values
// set afterwards begin a new session with a new ID. If another request has just
// given the session a new ID, it lives on under that: Manager.EndUser ends it.
//
// An error is the store's, and then the session is still there.
func (s *Session) Destroy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	_, err := s.destroy()
	return err
}

// chooseCarrier reports whether the request can have a session at all. outer is
// the request as it came, without the session.
func (s *Session) chooseCarrier(outer *http.Request) bool {
	s.tls = s.manager.proxies.cameOverTLS(outer)
	if choose, ok := s.manager.options.Carrier.(CookieFunc); ok {
		var err error
		if s.cookie, err = choose(outer).complete(); err != nil {
			s.fail(err)
			return true
		}
	}
	return s.carrier().admits(&s.request)
}

// carrier is nil only if it could not be chosen, which err tells.
func (s *Session) carrier() carrier {
	if s.cookie != nil {
		return s.cookie
	}
	return s.manager.carrier
}

// record returns the session as the store is known to have it.
func (s *Session) record() record {
	if s.raw == nil {
		return record{created: s.touched}
	}
	r, _ := viewRecord(s.raw)
	return r
}

// values returns those that the store is known to have.
func (s *Session) values() values {
	if s.raw == nil {
		return nil
	}
	_, valuesAt, _ := fieldAt(s.raw, fixedLen)
	return s.raw[valuesAt:]
}

// fail keeps the first error for Err and the commit.
func (s *Session) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// note keeps a change until the next commit, or commits itself if none follows.
func (s *Session) note(c change) {
	s.changes = s.changes.plus(c)
	if s.headerSent() && !s.stored && !s.ended && s.changes.worthStoring() {
		s.fail(fmt.Errorf("%w: the session is new, so its value under %q cannot be stored any more", ErrHeaderSent, c.key))
	}
	if s.phase == afterTheHandler {
		s.fail(s.commit())
	}
}

// needID gives a new session the ID that it will be stored under.
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

func (s *Session) encode(key string, value any) ([]byte, error) {
	if s.manager.binder != nil {
		if err := s.needID(); err != nil {
			return nil, err
		}
	}
	encoded, err := s.manager.codecAt(s.key, key).Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("%w under %q, of type %T, cannot be encoded: %w", ErrValue, key, value, err)
	}
	return encoded, nil
}

func (m *Manager) decode(storeKey, key string, encoded []byte, into any) error {
	if err := m.codecAt(storeKey, key).Unmarshal(encoded, into); err != nil {
		return fmt.Errorf("%w under %q is not a %T: %w", ErrValue, key, into, err)
	}
	return nil
}

// codecAt returns the codec for one value, bound to its place where the codec
// can be.
func (m *Manager) codecAt(storeKey, key string) codec.Codec {
	if m.binder != nil {
		return m.binder.Bind(place(storeKey, key))
	}
	return m.options.Codec
}

// place names one value of one session. A store key has a fixed length, so no
// two places are named alike.
func place(storeKey, key string) string { return storeKey + key }

// Format prints the type alone, whatever the verb: a session in a log line
// gives nobody away.
func (s Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "holdfast.Session") }

// LogValue does the same for log/slog.
func (s *Session) LogValue() slog.Value { return slog.StringValue("holdfast.Session") }
