package ginplug

import (
	"github.com/gin-contrib/sessions"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug/gorilla"
)

// ErrKeys: the keys given to NewStore cannot sign or encrypt a cookie.
var ErrKeys = gorilla.ErrKeys

// Store is a sessions.Store for sessions.Sessions and sessions.SessionsMany.
// Make one with NewStore. It is safe for concurrent use, but what configures it
// is to be called, or set, before its first use.
//
// All that is said of gorilla.Store holds for it, what the interface makes
// impossible included; only a session's ID is renewed with Renew.
type Store struct{ *gorilla.Store }

var _ sessions.Store = (*Store)(nil)

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
	return &Store{store}, nil
}

// Options sets the options that each new session starts with, in place of
// Path "/" and MaxAge 30 days. A MaxAge of 0, also one that was left out, makes
// a cookie that the browser drops when it is closed; the server keeps such a
// session for BrowserSessionTTL after its last Save.
func (s *Store) Options(options sessions.Options) {
	s.Store.Options = options.ToGorillaOptions()
}
