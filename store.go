package holdfast

import (
	"context"
	"iter"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// Store keeps session records. *cache.Cache is the usual one. A store of your
// own, in a database for example, must keep this contract. Package storetest
// checks it. Only Loader has a context so far.
//
// The id is a session's store key, a hash, and never the secret ID.
//
//   - IDs are 1 to cache.MaxIDLen bytes of any content, and values any bytes.
//     The store keeps no reference to its arguments or to its results.
//   - Set stores value under id for ttl, which is positive.
//   - Append appends the value under id to dst, and reports whether there is
//     one. It counts as a use, if the store evicts by use.
//   - Peek is Append without counting as a use.
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
//   - No method finds an entry after its ttl, or after Update removed it. Only
//     Set and Put make an entry.
//
// All methods are safe for concurrent use. Set and Update return an error if
// the store cannot do it; the error contains no ID and no value.
//
// A store whose reads can fail also implements Loader. One that can find
// entries by the beginning of their value also implements Scanner.
type Store interface {
	Set(id string, value []byte, ttl time.Duration) error
	Append(dst []byte, id string) ([]byte, bool)
	Peek(id string) ([]byte, bool)
	Touch(id string, ttl time.Duration) bool
	Update(id string, fn func(old []byte, found bool) (cache.Change, error)) error
}

// Loader is a Store whose reads can fail. Load is Append with an error. A
// Manager calls it before the handler of each request that presents an ID, and
// again when the handler uses the session. If the first call fails, the handler
// does not run, and the ErrorHandler answers: a store that is away does not
// make its users strangers.
type Loader interface {
	Store
	Load(ctx context.Context, dst []byte, id string) ([]byte, bool, error)
}

// Scanner is a Store that can find sessions. Manager.Sessions and all methods
// that end a user's sessions need it. ScanValues iterates over the entries
// whose value begins with prefix, in any order. The caller owns the entries.
// Each has its ID, value, ttl and idle time. The loop's body may call the
// store. Scanning does not count as a use. A scan cannot report an error yet: a
// store that may fail in the middle of one must not be a Scanner.
type Scanner interface {
	Store
	ScanValues(prefix []byte) iter.Seq[cache.Entry]
}

var _ Scanner = (*cache.Cache)(nil)
