package plug

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug/internal/space"
)

// SCSStore keeps the sessions of scs v2: it is an scs.Store and an
// scs.CtxStore. Make one with SCS. It is safe for concurrent use.
//
// A session ends at the expiry that scs commits it with, by its Lifetime and
// IdleTimeout; one committed with an expiry that has passed is gone at once.
//
// What is better than with scs's own memstore: memory is bounded, and a session
// that was destroyed, or renewed under another token, stays so. There, a
// request that was under way during the log-out, and with an IdleTimeout every
// such request, writes the session back and logs the user in again. Here, the
// late commit of a token that was deleted within the last ten minutes does
// nothing, and returns no error: the response goes out, the session stays
// ended. Only where memory is so short that even that mark was evicted can a
// session come back.
//
// What scs's interface makes impossible:
//
//   - Two requests of one session at a time: each commits the whole session as
//     it read it and changed it, so of their changes, one's are lost.
//   - A request that calls RenewToken while another one calls Destroy: the
//     store sees a deletion and a new session, and stores that.
//   - scs.SessionManager.Iterate needs the tokens, which this store does not
//     have: see IterableSCSStore.
type SCSStore struct {
	sessions *space.Space
	// keepTokens puts each session's token in front of its data.
	keepTokens bool
}

// SCS returns a store for scs.SessionManager.Store that keeps its sessions in
// c, apart from those of any other prefix and adapter. The cache remains the
// caller's to close. It panics if c is nil.
func SCS(c *cache.Cache, prefix string) *SCSStore {
	return &SCSStore{sessions: space.New(c, "scs", prefix)}
}

// Find returns the data committed under token, a copy that the caller owns, and
// whether there is any. The error is always nil.
func (s *SCSStore) Find(token string) ([]byte, bool, error) {
	data, found := s.sessions.Get(token)
	if found && s.keepTokens {
		_, data, found = splitToken(data)
	}
	return data, found, nil
}

// Commit stores a copy of data under token until expiry, in place of what was
// there, unless token was deleted lately: then it does nothing. The error wraps
// cache.ErrInvalid for an empty token, cache.ErrTooLarge or cache.ErrClosed.
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

// Delete ends the session called token, whether or not it is there.
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

// IterableSCSStore is an SCSStore that can list its sessions, for
// scs.SessionManager.Iterate: it is also an scs.IterableStore and an
// scs.IterableCtxStore. Make one with IterableSCS.
//
// It has a price. Iterate wants each session's token, and scs compares and
// deletes by it, so the token itself has to be stored, beside the data: who
// gets hold of a snapshot of the cache can log in as anyone in it. An SCSStore
// stores only a hash. Choose this one if the application calls Iterate, for
// instance to log a user out everywhere.
type IterableSCSStore struct{ SCSStore }

// IterableSCS is SCS for applications that call Iterate. Its sessions are apart
// from those of SCS, under the same prefix too.
func IterableSCS(c *cache.Cache, prefix string) *IterableSCSStore {
	return &IterableSCSStore{SCSStore{sessions: space.New(c, "scs iterable", prefix), keepTokens: true}}
}

// All returns a copy of the data of each session, by its token. The map is
// never nil. Sessions committed or deleted meanwhile may or may not be in it.
// It walks the whole cache and copies it: not a thing to do on each request.
// The error is always nil.
func (s *IterableSCSStore) All() (map[string][]byte, error) {
	return s.AllCtx(context.Background())
}

// AllCtx is All, unless ctx ends before it has finished: then it returns ctx's
// error and an empty map.
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

// joinToken and splitToken are inverse: the token's length, the token, the data.

func joinToken(token string, data []byte) []byte {
	joined := make([]byte, 0, binary.MaxVarintLen64+len(token)+len(data))
	joined = binary.AppendUvarint(joined, uint64(len(token)))
	joined = append(joined, token...)
	return append(joined, data...)
}

func splitToken(joined []byte) (token string, data []byte, ok bool) {
	length, n := binary.Uvarint(joined)
	if n <= 0 || length > uint64(len(joined)-n) {
		return "", nil, false
	}
	rest := joined[n:]
	return string(rest[:length]), rest[length:], true
}
