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
	// ErrKeys reports that the keys given to NewStore cannot sign or encrypt a
	// cookie. The error that wraps it gives the number of the wrong pair and
	// never contains a key.
	ErrKeys = errors.New("gorilla: unusable keys")

	// ErrTooLong reports that the values given to Save are longer than
	// MaxLength allows. The error that wraps it contains both lengths and no
	// value.
	ErrTooLong = errors.New("gorilla: session too long")
)

const defaultMaxAge = 30 * 24 * 60 * 60 // seconds; as in gorilla's own stores

// Store keeps sessions in a cache and their IDs in signed cookies. NewStore
// makes one; the zero value panics. It is safe for concurrent use, but set its
// fields before its first use.
//
// The session's Options.MaxAge decides what Save does:
//
//   - Above 0, the session and its cookie live for that many seconds from now.
//   - Below 0, the session ends. Save removes it and its cookie.
//   - 0 ends the session too, as it does in FilesystemStore. If
//     BrowserSessionTTL is set, 0 makes a browser session instead.
//
// A Save that ends a session also empties its Values, so the rest of the
// request finds no user logged in. To use a value after this Save, read it
// before. The next Save with a MaxAge above 0 starts a new session under
// another ID.
//
// A session can end while a request is under way, by a logout, by its TTL or by
// eviction. That request cannot bring the session back: its Save stores
// nothing, sets no cookie and returns nil.
//
// To give a session another ID, which protects a login from session fixation,
// empty its ID field and save it:
//
//	session.ID = ""
//	session.Values["user"] = user
//	err := session.Save(r, w)
//
// This Save ends the session under the old ID.
//
// gorilla's interface leaves these limits:
//
//   - Concurrent requests of one session lose updates: each saves all values as
//     it read and changed them, and the last save wins.
//   - A request that gives its session another ID more than ten minutes after
//     the session ended brings the session back under the other ID. The
//     tombstone of the session has expired after that time. If memory is very
//     short, the cache may evict the tombstone earlier.
type Store struct {
	// Codecs sign the cookie, and encrypt it if they have an encryption key.
	// The first codec encodes. Each codec is tried in turn to decode, so that
	// keys can be rotated. NewStore makes the codecs from its keys. They do not
	// limit the age of a cookie: the session's TTL in the cache does.
	Codecs []securecookie.Codec

	// Options are the options of each new session. NewStore sets gorilla's
	// defaults: Path "/" and MaxAge 30 days. A site on TLS sets Secure,
	// HttpOnly and SameSite too. Options without a MaxAge have MaxAge 0, which
	// stores no session unless BrowserSessionTTL is set. nil makes New panic.
	Options *sessions.Options

	// Serializer encodes the values of sessions, a map[any]any. nil means
	// securecookie.GobEncoder. A store cannot read sessions that were stored
	// with another serializer.
	Serializer securecookie.Serializer

	// BrowserSessionTTL allows browser sessions. With a TTL above 0, a session
	// with MaxAge 0 has a cookie that the browser drops when it closes, and the
	// server keeps the session for this TTL after its last Save. Only a
	// negative MaxAge then ends a session. With a TTL of 0 or less, there are
	// no browser sessions and MaxAge 0 ends a session.
	BrowserSessionTTL time.Duration

	maxLength int // 0 means no limit
	sessions  *space.Space
}

var _ sessions.Store = (*Store)(nil)

// NewStore returns a store that keeps its sessions in c, apart from those of
// any other prefix and of adapters to other middlewares. The caller keeps
// ownership of c and closes it.
//
// Keys come in pairs, as for sessions.NewCookieStore. The first key of a pair
// signs the cookie and should have 32 or 64 bytes. The second key encrypts it
// and has 16, 24 or 32 bytes, or is nil for no encryption. The last pair may
// omit it. The first pair writes cookies. All pairs read cookies, so that keys
// can be rotated.
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

// check encodes a value with each codec. Otherwise securecookie would report an
// unusable key only at the first request.
func check(codecs []securecookie.Codec) error {
	if len(codecs) == 0 {
		return fmt.Errorf("%w: there are none: pass a secret key of 32 or 64 bytes", ErrKeys)
	}
	for i, codec := range codecs {
		if _, err := codec.Encode("name", "value"); err != nil {
			return fmt.Errorf("%w: pair %d: the first key of a pair signs and must not be empty, the second encrypts and has 16, 24 or 32 bytes or is nil: %w", ErrKeys, i+1, err)
		}
	}
	return nil
}

// MaxAge sets the MaxAge, in seconds, of each new session. Call it before the
// store's first use.
func (s *Store) MaxAge(age int) { s.Options.MaxAge = age }

// MaxLength limits a session to l bytes of encoded values. Save refuses a
// longer one with ErrTooLong and leaves the stored session as it was. New still
// reads sessions that were stored under a higher limit. 0, the default, sets no
// limit, so only cache.Options.MaxValue applies. A negative l refuses every
// session. Call MaxLength before the store's first use.
//
// FilesystemStore counts the bytes after encryption and base64, which nearly
// double them, and has a default of 4096. A session that fits in l bytes there
// fits here too.
func (s *Store) MaxLength(l int) { s.maxLength = l }

// Get returns the session called name of this request. It calls New once for
// each request and name and returns the same session at every call.
func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New reads the session called name from the cache at each call. It never
// returns a nil session. Without a cookie, or if the session has ended, it
// returns a new session. If the store did not sign the cookie, or if the values
// cannot be decoded, it returns a new session and an error, which contains
// neither the ID nor a value. A new session has no ID until Save gives it one,
// and never takes an ID from the client.
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
// before the first write to w. It returns an error if it cannot encode the
// values or the cookie, and otherwise an error that wraps ErrTooLong,
// cache.ErrTooLarge or cache.ErrClosed. With an error it stores nothing.
func (s *Store) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	if s.ends(session.Options.MaxAge) {
		return s.end(r, w, session)
	}
	data, err := s.serializer().Serialize(session.Values)
	if err != nil {
		return err
	}
	if s.maxLength != 0 && len(data) > s.maxLength {
		return fmt.Errorf("%w: its values take %d bytes, MaxLength is %d: store less in the session or raise MaxLength",
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

// store writes data under id, which is the session's ID or, if it has none, a
// new one. The error is space.ErrEnded if the session has ended.
func (s *Store) store(r *http.Request, session *sessions.Session, id string, data []byte) error {
	ttl := s.ttl(session.Options.MaxAge)
	if session.ID != "" {
		if session.IsNew {
			return s.sessions.Put(id, data, ttl)
		}
		return s.sessions.Replace(id, data, ttl)
	}
	// The new session is stored first: if it does not fit, the old session
	// remains.
	if err := s.sessions.Put(id, data, ttl); err != nil {
		return err
	}
	old, err := s.cookieID(r, session.Name())
	if err != nil || old == "" {
		return nil // no cookie, or a forged one: there is no session to end
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

// end ends the session in the cache and turns the Session into a new one
// without values. Another Save with another MaxAge gives it another ID.
func (s *Store) end(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	id := session.ID
	if id == "" {
		id, _ = s.cookieID(r, session.Name()) // "" ends nothing
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

// cookieID returns the ID in the request's cookie called name, or "" without a
// cookie. The error reports a cookie that this store did not sign.
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

// ttl returns the TTL of a session with maxAge, which does not end it.
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

// newID returns 256 random bits in characters that are valid in a cookie.
func newID() string {
	var random [32]byte
	rand.Read(random[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(random[:])
}
