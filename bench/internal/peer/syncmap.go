package peer

import "sync"

var syncMapInfo = Info{
	Name:   "sync.Map",
	Module: "std",
	Bound:  "nothing",
	Policy: "none",
	New:    newSyncMap,
}

type syncMap struct{ entries *sync.Map }

func newSyncMap(Config) (Peer, error) { return syncMap{new(sync.Map)}, nil }

func (p syncMap) Set(id string, value []byte) {
	id, value = copies(id, value)
	p.entries.Store(id, value)
}

// Get allocates: the ID becomes an interface value.
func (p syncMap) Get(id string, r *Reader) bool {
	v, ok := p.entries.Load(id)
	if !ok {
		return false
	}
	r.Value(v.([]byte))
	return true
}

// Touch only looks: there is no TTL to extend.
func (p syncMap) Touch(id string) bool {
	_, ok := p.entries.Load(id)
	return ok
}

func (p syncMap) Close() { p.entries.Clear() }
