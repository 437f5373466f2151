package gorilla

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug/internal/space"
)

var (
	// ErrKeys: the keys given to NewStore cannot sign or encrypt a cookie. The
	// error that wraps it says which pair is wrong, and never contains a key.
	ErrKeys = errors.New("gorilla: unusable keys")

	// ErrTooLong: the values given to Save are longer than MaxLength allows.
	// The error that wraps it contains both lengths, and no value.
	ErrTooLong = errors.New("gorilla: session too long")
)

const defaultMaxAge = 30 * 24 * 60 * 60 // seconds; as in gorilla's own stores

// Store keeps sessions in a cache, and their IDs in signed cookies. Make one
// with NewStore. It is safe for concurrent use, but its fields are to be set
// before its first use.
//
// The session's Options.MaxAge decides what Save does:
//
//   - Above 0, the session and its cookie live for that many seconds from now.
//   - Below 0, the session ends. Save removes it and its cookie.
//   - 0 ends the session too, as it does in FilesystemStore. If
//     BrowserSessionTTL is set, 0 makes a browser session instead.
//
// A Save that ends a session also empties its Values, so the rest of the
// request finds nobody logged in. To use a value after this Save, read it
// before. The next Save with a MaxAge above 0 starts a new session under
// another ID.
//
// A session that has ended while a request was under way, by a logout, by its
// TTL or by eviction, is not brought back by that request: Save then stores
// nothing, sets no cookie, and returns nil.
//
// To give a session another ID, as is right when a user logs in, empty its ID
// field and save it:
//
//	session.ID = ""
//	session.Values["user"] = user
//	err := session.Save(r, w)
//
// The session under the ID that the request came with has then ended.
//
// What gorilla's interface makes impossible:
//
//   - Two requests of one session at a time: each saves all values as it read
//     them and changed them, so of their changes, one's are lost.
//   - A request that gives its session another ID more than ten minutes after
//     the session was ended: by then the mark of its end is gone, as it is
//     earlier where memory was so short that it was evicted. The session then
//     goes on under the other ID.
type Store struct {
	// Codecs sign the cookie, and encrypt it if they have a key for that. The
	// first one encodes; all of them are tried to decode, so that keys can be
	// rotated. NewStore makes them from its keys. They do not limit the age of
	// a cookie: the session's TTL in the cache does.
	Codecs []securecookie.Codec

	// Options are those that each new session starts with. NewStore sets
	// gorilla's: Path "/" and MaxAge 30 days. A site on TLS will want to set
	// Secure, HttpOnly and SameSite. Options without a MaxAge have MaxAge 0,
	// which stores no session unless BrowserSessionTTL is set.
	Options *sessions.Options

	// Serializer encodes the values of sessions, a
	// map[interface{}]interface{}. nil means securecookie.GobEncoder. Sessions
	// stored with another one cannot be read.
	Serializer securecookie.Serializer

	// BrowserSessionTTL allows browser sessions. With a TTL above 0, a session
	// with MaxAge 0 has a cookie that the browser drops when it closes, and the
	// server keeps the session for this TTL after its last Save. A negative
	// MaxAge is then the only one that ends a session. With a TTL of 0 or less,
	// there are no browser sessions and MaxAge 0 ends a session.
	BrowserSessionTTL time.Duration

	maxLength int // 0 means no limit
	sessions  *space.Space
}

var _ sessions.Store = (*Store)(nil)

// NewStore returns a store that keeps its sessions in c, apart from those of
// any other prefix and of adapters to other middlewares. The cache remains the
// caller's to close.
//
// Keys come in pairs, of which the first signs and the second encrypts, as for
// sessions.NewCookieStore. The first should have 32 or 64 bytes; the second has
// 16, 24 or 32, or is nil, or is left out of the last pair. The first pair
// writes cookies; those after it are read too, so that keys can be rotated.
//
// The error wraps ErrKeys. NewStore panics if c is nil.
func NewStore(c *cache.Cache, prefix string, keyPairs ...[]byte) (*Store, error) {
	codecs := securecookie.CodecsFromPairs(keyPairs...)
	if err := check(codecs); err != nil {
		return nil, err
	}
	for _, codec := range codecs {
		codec.(*securecookie.SecureCookie).MaxAge(0)
	}
	return &Store{
		Codecs:   codecs,
		Options:  &sessions.Options{Path: "/", MaxAge: defaultMaxAge},
		sessions: space.New(c, "gorilla", prefix),
	}, nil
}

// check finds out by a trial what securecookie would only say at the first
// request.
func check(codecs []securecookie.Codec) error {
	if len(codecs) == 0 {
		return fmt.Errorf("%w: there are none; give one of 32 or 64 bytes, and keep it secret", ErrKeys)
	}
	for i, codec := range codecs {
		if _, err := codec.Encode("name", "value"); err != nil {
			return fmt.Errorf("%w: pair %d: %w", ErrKeys, i+1, err)
		}
	}
	return nil
}

// MaxAge sets the MaxAge, in seconds, that each new session starts with. Like
// the fields, it is to be set before the store's first use.
func (s *Store) MaxAge(age int) { s.Options.MaxAge = age }

// MaxLength limits a session to l bytes of encoded values. Save refuses a
// longer one with ErrTooLong and leaves the stored session as it was. New still
// reads sessions that were stored under a higher limit. 0, the default, sets no
// limit, so cache.Options.MaxValue is the only one. A negative l refuses every
// session. Like the fields, the limit is to be set before the store's first
// use.
//
// FilesystemStore counts the bytes after encryption and base64, which nearly
// double them, and has a default of 4096. Each session that fits in l bytes
// there fits here too.
func (s *Store) MaxLength(l int) { s.maxLength = l }

// Get returns the session called name of this request, the same one each time.
// See New for what it returns.
func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New reads the session called name, anew at each call. It never returns nil:
// without a cookie, or where the session has ended, it returns a new session.
// If the cookie is not one that this store signed, or the values cannot be
// decoded, it returns a new session and the error, which contains neither the
// ID nor a value. A new session has no ID until it is saved, and never one that
// the client sent.
func (s *Store) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	options := *s.Options
	session.Options = &options
	session.IsNew = true

	id, err := s.cookieID(r, name)
	if err != nil {
		return session, err
	}
	data, found := s.sessions.Get(id)
	if !found {
		return session, nil
	}
	values := make(map[any]any)
	if err := s.serializer().Deserialize(data, &values); err != nil {
		return session, err
	}
	session.ID = id
	session.Values = values
	session.IsNew = false
	return session, nil
}

// Save stores the session and sets its cookie, or ends both; see Store. Call it
// before anything is written to w. The error is of encoding the values or the
// cookie, or wraps ErrTooLong, cache.ErrTooLarge or cache.ErrClosed; nothing
// has been stored then.
func (s *Store) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	if s.ends(session.Options.MaxAge) {
		return s.end(r, w, session)
	}
	data, err := s.serializer().Serialize(session.Values)
	if err != nil {
		return err
	}
	if s.maxLength != 0 && len(data) > s.maxLength {
		return fmt.Errorf("%w: its values take %d bytes, MaxLength allows %d: store less in it or raise the limit",
			ErrTooLong, len(data), s.maxLength)
	}
	id := session.ID
	if id == "" {
		id = newID()
	}
	cookie, err := securecookie.EncodeMulti(session.Name(), id, s.Codecs...)
	if err != nil {
		return err
	}
	switch err := s.store(r, session, id, data); {
	case errors.Is(err, space.ErrEnded):
		return nil
	case err != nil:
		return err
	}
	session.ID = id
	http.SetCookie(w, sessions.NewCookie(session.Name(), cookie, session.Options))
	return nil
}

// store writes data under id, which is the session's or, if it has none, a new
// one. The error is space.ErrEnded if the session is over.
func (s *Store) store(r *http.Request, session *sessions.Session, id string, data []byte) error {
	ttl := s.ttl(session.Options.MaxAge)
	if session.ID != "" {
		if session.IsNew {
			return s.sessions.Put(id, data, ttl)
		}
		return s.sessions.Replace(id, data, ttl)
	}
	// The new session is stored first: if it does not fit, the old one is kept.
	if err := s.sessions.Put(id, data, ttl); err != nil {
		return err
	}
	old, err := s.cookieID(r, session.Name())
	if err != nil || old == "" {
		return nil // a cookie that is not ours names no session to end
	}
	first, err := s.sessions.End(old)
	if err == nil && !first && !session.IsNew {
		err = space.ErrEnded
	}
	if err != nil {
		_, failed := s.sessions.End(id)
		return errors.Join(err, failed)
	}
	return nil
}

// ends reports whether a Save with maxAge ends the session.
func (s *Store) ends(maxAge int) bool {
	return maxAge < 0 || maxAge == 0 && s.BrowserSessionTTL <= 0
}

// end removes the session and makes the Session a new one, without values. If
// the Session is saved again with another MaxAge, it gets another ID.
func (s *Store) end(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	id := session.ID
	if id == "" {
		id, _ = s.cookieID(r, session.Name()) // a cookie that is not ours names nothing to end
	}
	if _, err := s.sessions.End(id); err != nil {
		return err
	}
	session.ID = ""
	session.IsNew = true
	clear(session.Values)
	options := *session.Options
	options.MaxAge = -1 // at 0 the browser would keep an empty cookie
	http.SetCookie(w, sessions.NewCookie(session.Name(), "", &options))
	return nil
}

// cookieID returns the ID in the request's cookie called name, which this store
// signed; "" if there is no cookie.
func (s *Store) cookieID(r *http.Request, name string) (id string, err error) {
	cookie, err := r.Cookie(name)
	if err != nil {
		return "", nil
	}
	if err := securecookie.DecodeMulti(name, cookie.Value, &id, s.Codecs...); err != nil {
		return "", err
	}
	return id, nil
}

func (s *Store) serializer() securecookie.Serializer {
	if s.Serializer == nil {
		return securecookie.GobEncoder{}
	}
	return s.Serializer
}

// ttl returns how long a session with maxAge, which does not end it, is kept.
func (s *Store) ttl(maxAge int) time.Duration {
	switch {
	case maxAge == 0:
		return s.BrowserSessionTTL
	case int64(maxAge) > int64(math.MaxInt64/time.Second):
		return cache.NoExpiry
	default:
		return time.Duration(maxAge) * time.Second
	}
}

// newID returns 256 random bits in characters that a cookie may hold.
func newID() string {
	var random [32]byte
	rand.Read(random[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(random[:])
}
