package peer

import "github.com/puzpuzpuz/xsync/v4"

var xsyncInfo = Info{
	Name:   "xsync.Map",
	Module: "github.com/puzpuzpuz/xsync/v4",
	Bound:  "nothing",
	Policy: "none",
	New:    newXsync,
}

type xsyncMap struct {
	entries *xsync.Map[string, []byte]
}

func newXsync(Config) (Peer, error) { return xsyncMap{xsync.NewMap[string, []byte]()}, nil }

func (p xsyncMap) Set(id string, value []byte) { p.entries.Store(copies(id, value)) }

func (p xsyncMap) Get(id string, r *Reader) bool {
	v, ok := p.entries.Load(id)
	r.Value(v)
	return ok
}

// Touch only looks: there is no TTL to extend.
func (p xsyncMap) Touch(id string) bool {
	_, ok := p.entries.Load(id)
	return ok
}

func (p xsyncMap) Close() { p.entries.Clear() }
