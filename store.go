package holdfast

import (
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// Store keeps session records. *cache.Cache is the one to use; an
// implementation of one's own has to keep to its doc comments, for all of what
// the sessions promise rests on them:
//
//   - Set stores a copy of value under id for ttl.
//   - Append appends the value under id to dst, and reports whether there is one.
//   - Touch gives an entry a new ttl; it never brings back one that is gone.
//   - Update is atomic: between what its function sees and the change that it
//     returns, no other write to the id takes place. The function may be called
//     more than once, may call the store, and runs without a lock.
//   - A value is never returned after its ttl.
//
// All methods are safe for concurrent use.
type Store interface {
	Set(id string, value []byte, ttl time.Duration) error
	Append(dst []byte, id string) ([]byte, bool)
	Touch(id string, ttl time.Duration) bool
	Update(id string, fn func(old []byte, found bool) (cache.Change, error)) error
}

var _ Store = (*cache.Cache)(nil)
