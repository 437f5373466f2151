package plug

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug/internal/space"
)

// SCSStore keeps the sessions of scs v2 in a cache. It implements scs.Store and
// scs.CtxStore. SCS makes one; the zero value panics. It is safe for concurrent
// use.
//
// scs computes each session's expiry from its Lifetime and IdleTimeout. The
// session ends at that expiry.
//
// It improves on scs's own memstore in two ways. Memory is bounded. And a
// session that was destroyed, or renewed under another token, stays ended. With
// memstore, a request that is under way during a logout can write the session
// back and log the user in again; with an IdleTimeout, each such request does.
// With SCSStore, a late commit of a token that was deleted within the last ten
// minutes does nothing and returns no error: the response goes out and the
// session stays ended. If memory is so short that the cache evicts the
// tombstone, the session can come back.
//
// scs's interface leaves these limits:
//
//   - Concurrent requests of one session lose updates: each commits the whole
//     session as it read and changed it, and the last commit wins.
//   - A request that calls RenewToken while another one calls Destroy keeps the
//     session: the store sees a deletion and a new session.
//   - scs.SessionManager.Iterate needs the tokens. This store does not have
//     them; IterableSCSStore does.
type SCSStore struct {
	sessions *space.Space
	// keepTokens puts each session's token in front of its data.
	keepTokens bool
}

// SCS returns a store for scs.SessionManager.Store that keeps its sessions in
// c, apart from those of any other prefix and adapter. The caller keeps
// ownership of c and closes it. SCS panics if c is nil.
func SCS(c *cache.Cache, prefix string) *SCSStore {
	return &SCSStore{sessions: space.New(c, "scs", prefix)}
}

// Find returns a copy, owned by the caller, of the data committed under token,
// and reports whether there is a live session. The error is always nil.
func (s *SCSStore) Find(token string) ([]byte, bool, error) {
	data, found := s.sessions.Get(token)
	if found && s.keepTokens {
		_, data, found = splitToken(data)
	}
	return data, found, nil
}

// Commit stores a copy of data under token until expiry and replaces the old
// data. An expiry that has passed removes the session. If token was deleted
// within the last ten minutes, Commit does nothing and returns nil. The error
// wraps cache.ErrInvalid for an empty token, cache.ErrTooLarge or
// cache.ErrClosed.
func (s *SCSStore) Commit(token string, data []byte, expiry time.Time) error {
	if s.keepTokens {
		data = joinToken(token, data)
	}
	err := s.sessions.Put(token, data, time.Until(expiry))
	if errors.Is(err, space.ErrEnded) {
		return nil
	}
	return err
}

// Delete ends the session under token and leaves a tombstone, even if there is
// no such session. In a closed cache it does nothing and returns nil.
func (s *SCSStore) Delete(token string) error {
	_, err := s.sessions.End(token)
	return err
}

// FindCtx is Find, unless ctx has ended: then it returns ctx's error.
func (s *SCSStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	return s.Find(token)
}

// CommitCtx is Commit, unless ctx has ended: then it does nothing and returns
// ctx's error.
func (s *SCSStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Commit(token, data, expiry)
}

// DeleteCtx is Delete, unless ctx has ended: then it does nothing and returns
// ctx's error.
func (s *SCSStore) DeleteCtx(ctx context.Context, token string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Delete(token)
}

// IterableSCSStore is an SCSStore that can list its sessions. It also
// implements scs.IterableStore and scs.IterableCtxStore, so that
// scs.SessionManager.Iterate works. IterableSCS makes one; the zero value
// panics. It is safe for concurrent use.
//
// Choose it only if the application calls Iterate, for example to log a user
// out everywhere. Iterate needs each session's token, so this store keeps the
// tokens beside the data. Anyone with a snapshot of the cache can log in as any
// user in it. An SCSStore keeps only hashes.
type IterableSCSStore struct{ SCSStore }

// IterableSCS is SCS for applications that call Iterate. It does not share
// sessions with SCS, even under the same prefix.
func IterableSCS(c *cache.Cache, prefix string) *IterableSCSStore {
	return &IterableSCSStore{SCSStore{sessions: space.New(c, "scs iterable", prefix), keepTokens: true}}
}

// All returns a copy, owned by the caller, of the data of each live session, by
// its token. The map is never nil. Sessions committed or deleted during the
// call may or may not be in it. All walks and copies the whole cache, which is
// too much for each request. The error is always nil.
func (s *IterableSCSStore) All() (map[string][]byte, error) {
	return s.AllCtx(context.Background())
}

// AllCtx is All, unless ctx ends during the call: then it returns ctx's error
// and an empty map.
func (s *IterableSCSStore) AllCtx(ctx context.Context) (map[string][]byte, error) {
	sessions := make(map[string][]byte)
	if err := ctx.Err(); err != nil {
		return sessions, err
	}
	for record := range s.sessions.All() {
		if err := ctx.Err(); err != nil {
			clear(sessions)
			return sessions, err
		}
		if token, data, ok := splitToken(record); ok {
			sessions[token] = data
		}
	}
	return sessions, nil
}

// joinToken returns the token's length, the token and the data in one slice.
func joinToken(token string, data []byte) []byte {
	joined := make([]byte, 0, binary.MaxVarintLen64+len(token)+len(data))
	joined = binary.AppendUvarint(joined, uint64(len(token)))
	joined = append(joined, token...)
	return append(joined, data...)
}

// splitToken is the inverse of joinToken. The data shares joined's memory.
func splitToken(joined []byte) (token string, data []byte, ok bool) {
	length, n := binary.Uvarint(joined)
	if n <= 0 || length > uint64(len(joined)-n) {
		return "", nil, false
	}
	rest := joined[n:]
	return string(rest[:length]), rest[length:], true
}
