package plug

import (
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug/internal/space"
)

// ErrEnded: the session was destroyed, or given another ID, so it was not
// saved. FastHTTPProvider.Save explains.
var ErrEnded = space.ErrEnded

// FastHTTPProvider keeps the sessions of fasthttp/session v2: it is a
// session.Provider. Make one with FastHTTP. It is safe for concurrent use.
//
// It keeps no ID and no data that it is given, and returns none that it keeps,
// so the server may reuse its buffers.
//
// What that manager's interface makes impossible:
//
//   - Two requests of one session at a time: each saves the whole session as it
//     read it and changed it, so of their changes, one's are lost.
//   - Refusing an ID that the client made up. The manager saves a session under
//     whatever ID its cookie, header or query holds, and the provider cannot
//     tell that from a new one: call Regenerate when a user logs in, before
//     Get. A client that makes up IDs chooses no keys in the cache, since those
//     are hashes.
//   - Where memory is so short that even the mark of a destroyed session was
//     evicted, a request that was under way can bring the session back.
type FastHTTPProvider struct {
	sessions *space.Space
}

// FastHTTP returns a provider for session.Session.SetProvider that keeps its
// sessions in c, apart from those of any other prefix and adapter. The cache
// remains the caller's to close. It panics if c is nil.
func FastHTTP(c *cache.Cache, prefix string) *FastHTTPProvider {
	return &FastHTTPProvider{space.New(c, "fasthttp", prefix)}
}

// Get returns a copy of the data saved under id, which the caller owns, and nil
// if there is none. The error is always nil.
func (p *FastHTTPProvider) Get(id []byte) ([]byte, error) {
	data, _ := p.sessions.Get(string(id))
	return data, nil
}

// Save stores a copy of data under id for expiration. An expiration of 0 means
// for ever; a negative one has already passed, and removes what is there.
//
// If the session was destroyed or regenerated within the last ten minutes, as
// happens to a request that was under way meanwhile, nothing is stored and the
// error is ErrEnded. It is an error, rather than nothing, because the manager
// would otherwise send the client back to the ID that has ended, and save under
// it again. Any other error wraps cache.ErrInvalid for an empty id,
// cache.ErrTooLarge or cache.ErrClosed.
func (p *FastHTTPProvider) Save(id, data []byte, expiration time.Duration) error {
	return p.sessions.Put(string(id), data, zeroIsForever(expiration))
}

// Destroy ends the session under id, whether or not it is there.
func (p *FastHTTPProvider) Destroy(id []byte) error {
	_, err := p.sessions.End(string(id))
	return err
}

// Regenerate moves the session under id to newID, with a new expiration on the
// terms of Save, and ends it under id. If there is no session under id, it does
// nothing. A newID that is empty, or id again, is an error that wraps
// cache.ErrInvalid.
func (p *FastHTTPProvider) Regenerate(id, newID []byte, expiration time.Duration) error {
	return p.sessions.Move(string(id), string(newID), zeroIsForever(expiration))
}

// Count returns the number of sessions of this prefix. It walks the whole
// cache and copies it: ask the cache's Stats instead if it is not shared.
func (p *FastHTTPProvider) Count() int { return p.sessions.Len() }

// NeedGC returns false: the cache drops what has expired by itself.
func (p *FastHTTPProvider) NeedGC() bool { return false }

// GC does nothing and returns nil.
func (p *FastHTTPProvider) GC() error { return nil }
