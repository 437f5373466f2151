package ginplug

import (
	"time"

	"github.com/gin-contrib/sessions"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug/gorilla"
)

var (
	// ErrKeys: the keys given to NewStore cannot sign or encrypt a cookie.
	ErrKeys = gorilla.ErrKeys

	// ErrTooLong: the session's values are longer than MaxLength allows.
	ErrTooLong = gorilla.ErrTooLong
)

// Store is a sessions.Store for sessions.Sessions and sessions.SessionsMany.
// Make one with NewStore. It is safe for concurrent use, but what configures it
// is to be called, or set, before its first use.
//
// The documentation of gorilla.Store applies to it, with two exceptions. Renew
// gives a session another ID. And BrowserSessionTTL is 24 hours, not 0: in
// gin-contrib's memstore a session with MaxAge 0 is a browser session, and so
// it is here. The MaxAge that ends a session is a negative one.
//
// gin-contrib's redis store ends a session at MaxAge 0. An application that
// relies on this sets BrowserSessionTTL to 0.
type Store struct{ *gorilla.Store }

var _ sessions.Store = (*Store)(nil)

const defaultBrowserSessionTTL = 24 * time.Hour

// NewStore returns a store that keeps its sessions in c, apart from those of
// any other prefix. The keys are those of gorilla.NewStore: pairs of a key that
// signs the cookie and one that encrypts it, of which the latter may be left
// out. The error wraps ErrKeys. NewStore panics if c is nil.
//
// Sessions of gin and of gorilla under one prefix are the same sessions.
func NewStore(c *cache.Cache, prefix string, keyPairs ...[]byte) (*Store, error) {
	store, err := gorilla.NewStore(c, prefix, keyPairs...)
	if err != nil {
		return nil, err
	}
	store.BrowserSessionTTL = defaultBrowserSessionTTL
	return &Store{store}, nil
}

// Options sets the options that each new session starts with, in place of
// Path "/" and MaxAge 30 days. Options without a MaxAge have MaxAge 0. The
// browser drops the cookie of such a session when it closes, and the server
// keeps the session for BrowserSessionTTL after its last Save.
func (s *Store) Options(options sessions.Options) {
	s.Store.Options = options.ToGorillaOptions()
}
