package peer

import (
	"time"

	"github.com/alexedwards/scs/v2/memstore"
)

var memstoreInfo = Info{
	Name:   "scs memstore",
	Module: "github.com/alexedwards/scs/v2",
	Bound:  "nothing",
	Policy: "none",
	Touch:  "Find, Commit",
	New:    newMemstore,
}

type memStore struct {
	store *memstore.MemStore
	ttl   time.Duration
}

func newMemstore(c Config) (Peer, error) {
	// Its default is to clean up every minute; a shorter TTL wants less.
	return memStore{memstore.NewWithCleanupInterval(min(time.Minute, c.TTL)), c.TTL}, nil
}

func (p memStore) Set(id string, value []byte) {
	id, value = copies(id, value)
	_ = p.store.Commit(id, value, time.Now().Add(p.ttl))
}

func (p memStore) Get(id string, r *Reader) bool {
	v, ok, _ := p.store.Find(id)
	r.Value(v)
	return ok
}

// Touch is what scs itself does with an idle timeout: the value found is
// committed again. The map would keep the caller's ID, so that is copied.
func (p memStore) Touch(id string) bool {
	v, ok, _ := p.store.Find(id)
	if ok {
		id, _ = copies(id, nil)
		_ = p.store.Commit(id, v, time.Now().Add(p.ttl))
	}
	return ok
}

// Close leaves the store's goroutine to the end of the process: to stop it is a
// race, since it makes its stop channel itself, whenever it first runs.
func (p memStore) Close() {}
