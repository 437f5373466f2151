package plug

import (
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug/internal/space"
)

// ErrEnded reports that a session was not saved, because it was destroyed or
// moved to another ID. FastHTTPProvider.Save returns it.
var ErrEnded = space.ErrEnded

// FastHTTPProvider keeps the sessions of fasthttp/session v2 in a cache. It
// implements session.Provider. FastHTTP makes one; the zero value panics. It is
// safe for concurrent use.
//
// It copies the IDs and data that it is given and returns copies of the data
// that it keeps, so the server may reuse its buffers.
//
// The interface of fasthttp/session leaves these limits:
//
//   - Concurrent requests of one session lose updates: each saves the whole
//     session as it read and changed it, and the last save wins.
//   - The provider cannot refuse an ID that the client invented. The manager
//     saves a session under any ID in its cookie, header or query, and the
//     provider cannot tell such an ID from a new one. Call Regenerate when a
//     user logs in, before Get. A client that invents IDs still chooses no keys
//     in the cache, since those are hashes.
//   - If memory is so short that the cache evicts a tombstone, a request that
//     was under way can bring a destroyed session back.
type FastHTTPProvider struct {
	sessions *space.Space
}

// FastHTTP returns a provider for session.Session.SetProvider that keeps its
// sessions in c, apart from those of any other prefix and adapter. The caller
// keeps ownership of c and closes it. FastHTTP panics if c is nil.
func FastHTTP(c *cache.Cache, prefix string) *FastHTTPProvider {
	return &FastHTTPProvider{space.New(c, "fasthttp", prefix)}
}

// Get returns a copy, owned by the caller, of the data saved under id. Without
// a live session under id it returns nil. The error is always nil.
func (p *FastHTTPProvider) Get(id []byte) ([]byte, error) {
	data, _ := p.sessions.Get(string(id))
	return data, nil
}

// Save stores a copy of data under id for expiration. An expiration of 0 never
// ends; a negative expiration has passed, and Save removes the session.
//
// If the session was destroyed or regenerated within the last ten minutes, Save
// stores nothing and returns ErrEnded. This happens to a request that was under
// way meanwhile. Without the error, the manager would send the client the ID of
// a session that has ended, and save under it again. Any other error wraps
// cache.ErrInvalid for an empty id, cache.ErrTooLarge or cache.ErrClosed.
func (p *FastHTTPProvider) Save(id, data []byte, expiration time.Duration) error {
	return p.sessions.Put(string(id), data, zeroIsForever(expiration))
}

// Destroy ends the session under id and leaves a tombstone, even if there is no
// such session. In a closed cache it does nothing and returns nil.
func (p *FastHTTPProvider) Destroy(id []byte) error {
	_, err := p.sessions.End(string(id))
	return err
}

// Regenerate moves the session under id to newID and leaves a tombstone under
// id. It treats expiration, and fails, as Save does. Without a session under id
// it stores nothing and returns nil. An empty newID, or a newID equal to id, is
// an error that wraps cache.ErrInvalid.
func (p *FastHTTPProvider) Regenerate(id, newID []byte, expiration time.Duration) error {
	return p.sessions.Move(string(id), string(newID), zeroIsForever(expiration))
}

// Count returns the number of live sessions of this prefix. It walks and copies
// the whole cache; if nothing else is in the cache, its Stats are cheaper.
func (p *FastHTTPProvider) Count() int { return p.sessions.Len() }

// NeedGC returns false: the cache removes expired sessions by itself.
func (p *FastHTTPProvider) NeedGC() bool { return false }

// GC does nothing and returns nil.
func (p *FastHTTPProvider) GC() error { return nil }
