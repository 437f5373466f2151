package holdfast

import (
	"context"
	"iter"
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/record"
)

// Store keeps session records outside of this process, so that several
// processes share them. A store of your own must keep this contract. Package
// storetest checks it.
//
// The id is a session's store key, a hash, and never the secret ID.
//
//   - IDs are 1 to cache.MaxIDLen bytes of any content, and values any bytes.
//     The store keeps no reference to its arguments or to its results.
//   - Get returns the value under id, and reports whether there is one. The
//     ReadMode decides whether the read counts as a use, and whether the value
//     may be an older one. The value is never older than a write that this
//     process has completed.
//   - Set stores value under id for ttl, which is positive.
//   - Touch gives an entry a new ttl; a ttl of 0 or less ends it. It reports
//     false if there is no such entry, true if the store cannot tell, and never
//     brings an entry back.
//   - Update is atomic: no other write to id takes place between the value that
//     its function sees and the change that the function returns. The function
//     owns old until it returns; old is empty if found is false. It may be
//     called again with a newer value, and may call the store, for the same id
//     too. If it returns an error, Update returns that unchanged and stores
//     nothing. If it panics, Update stores nothing. Change.Stores and
//     Change.Removes tell its decision.
//   - ScanValues iterates over the entries whose value begins with prefix, in
//     any order. It finds every entry that exists from its beginning to its
//     end, and reads no local copies. Each has its ID, value, ttl and idle
//     time. The idle time is 0 if the store does not record uses. The loop's
//     body may call the store. Scanning does not count as a use. An error is
//     yielded last. A store that cannot scan yields ErrUnsupported.
//   - Watch calls changed when another process may have written or removed the
//     entry under id since this process has read it, until stop is called. It
//     may call changed in any goroutine and at any time, but not after stop has
//     returned. The function changed neither waits nor calls the store. A store
//     that cannot tell never calls it.
//   - Now returns the store's time, and never waits. It is the same in all
//     processes, to about a second.
//   - No method finds an entry after its ttl, or after Update removed it. Only
//     Set and Put make an entry. A store may keep entries a little longer than
//     their ttl, if it documents how long.
//
// All methods are safe for concurrent use. A method whose context ends returns
// soon, and its error wraps the context's or ErrUnavailable. If the store
// cannot be reached or is closed, the error wraps ErrUnavailable, and a write
// may or may not have been carried out. No error contains an ID or a value.
type Store interface {
	Get(ctx context.Context, id string, how ReadMode) (value []byte, found bool, err error)
	Set(ctx context.Context, id string, value []byte, ttl time.Duration) error
	Touch(ctx context.Context, id string, ttl time.Duration) (found bool, err error)
	Update(ctx context.Context, id string, fn func(old []byte, found bool) (cache.Change, error)) error
	ScanValues(ctx context.Context, prefix []byte) iter.Seq2[cache.Entry, error]
	Watch(id string, changed func()) (stop func())
	Now() time.Time
}

// ReadMode is the way in which Store.Get reads. The zero value is ReadUse.
type ReadMode uint8

const (
	// ReadUse counts as a use, if the store evicts by use. It may return a
	// local copy, which is a little older than the store's value: it may still
	// find an entry that another process has removed. The store documents how
	// old.
	ReadUse ReadMode = iota

	// ReadPeek is ReadUse without counting as a use.
	ReadPeek

	// ReadFresh returns the value that the store has now, not a local copy. It
	// does not count as a use.
	ReadFresh
)

// UserTag returns the first bytes of a session's record, which the records of
// one user's sessions share. It reports false if the session has no user, or if
// value is clearly no record. A tag is its own tag, so the first 9 bytes of a
// value are enough. Few other users have the same tag.
//
// A Manager lists a user's sessions with ScanValues and the tag as the prefix.
// So a store that indexes its entries by UserTag of their value finds them
// without reading all entries. A tag has 9 bytes; the other prefixes of a
// Manager are shorter. The tag shares memory with value.
func UserTag(value []byte) (tag []byte, ok bool) { return record.UserTag(value) }

// cacheStore is the Store that a Manager makes of a cache. Its methods neither
// wait nor look at their context.
type cacheStore struct{ *cache.Cache }

func (s cacheStore) Get(_ context.Context, id string, how ReadMode) (value []byte, found bool, err error) {
	if how == ReadUse {
		value, found = s.Cache.Get(id)
	} else {
		value, found = s.Cache.Peek(id)
	}
	return value, found, nil
}

func (s cacheStore) Set(_ context.Context, id string, value []byte, ttl time.Duration) error {
	return s.Cache.Set(id, value, ttl)
}

func (s cacheStore) Touch(_ context.Context, id string, ttl time.Duration) (bool, error) {
	return s.Cache.Touch(id, ttl), nil
}

func (s cacheStore) Update(_ context.Context, id string, fn func([]byte, bool) (cache.Change, error)) error {
	return s.Cache.Update(id, fn)
}

func (s cacheStore) ScanValues(_ context.Context, prefix []byte) iter.Seq2[cache.Entry, error] {
	return func(yield func(cache.Entry, error) bool) {
		for entry := range s.Cache.ScanValues(prefix) {
			if !yield(entry, nil) {
				return
			}
		}
	}
}

// Watch does nothing: no other process can change the cache.
func (s cacheStore) Watch(string, func()) (stop func()) { return func() {} }

func (s cacheStore) Now() time.Time { return time.Now() }
