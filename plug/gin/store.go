package ginplug

import (
	"time"

	"github.com/gin-contrib/sessions"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug/gorilla"
)

var (
	// ErrKeys reports that the keys given to NewStore cannot sign or encrypt a
	// cookie. It is gorilla.ErrKeys.
	ErrKeys = gorilla.ErrKeys

	// ErrTooLong reports that the session's values are longer than MaxLength
	// allows. It is gorilla.ErrTooLong.
	ErrTooLong = gorilla.ErrTooLong
)

// Store is a sessions.Store for sessions.Sessions and sessions.SessionsMany.
// NewStore makes one; the zero value panics. It is safe for concurrent use, but
// set its fields and call Options, MaxAge and MaxLength before its first use.
//
// The documentation of gorilla.Store applies to it, with two exceptions. The
// function Renew gives a session another ID. And the default of
// BrowserSessionTTL is 24 hours, not 0: a session with MaxAge 0 is a browser
// session, as in gin-contrib's memstore, and a negative MaxAge ends a session.
//
// gin-contrib's redis store ends a session at MaxAge 0. An application that
// relies on this sets BrowserSessionTTL to 0.
type Store struct{ *gorilla.Store }

var _ sessions.Store = (*Store)(nil)

const defaultBrowserSessionTTL = 24 * time.Hour

// NewStore returns a store that keeps its sessions in c, apart from those of
// any other prefix. The caller keeps ownership of c and closes it. The keys are
// those of gorilla.NewStore: pairs of a key that signs the cookie and a key
// that encrypts it; the encryption key is optional. The error wraps ErrKeys.
// NewStore panics if c is nil.
//
// A gin store and a gorilla store with one prefix share their sessions.
func NewStore(c *cache.Cache, prefix string, keyPairs ...[]byte) (*Store, error) {
	store, err := gorilla.NewStore(c, prefix, keyPairs...)
	if err != nil {
		return nil, err
	}
	store.BrowserSessionTTL = defaultBrowserSessionTTL
	return &Store{store}, nil
}

// Options sets the options of each new session. The default is Path "/" and
// MaxAge 30 days. Options without a MaxAge have MaxAge 0. The browser drops the
// cookie of such a session when it closes, and the server keeps the session for
// BrowserSessionTTL after its last Save. Call it before the store's first use.
func (s *Store) Options(options sessions.Options) {
	s.Store.Options = options.ToGorillaOptions()
}
