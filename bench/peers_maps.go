package main

import (
	"sync"
	"time"

	"github.com/alexedwards/scs/v2/memstore"
	"github.com/puzpuzpuz/xsync/v4"
)

// The maps, which have no cap.

// openMemstore keeps scs's default of a cleanup a minute, unless the TTL is
// shorter. Its goroutine ends with the process: the library creates the stop
// channel inside that goroutine, so stopping it is a race.
func openMemstore(c config) peer {
	p := memstore.NewWithCleanupInterval(min(time.Minute, c.TTL))
	commit := func(id string, value []byte) { _ = p.Commit(id, value, time.Now().Add(c.TTL)) }
	return peer{
		set: func(id string, value []byte) { commit(copies(id, value)) },
		get: func(id string, r *reader) bool { v, ok, _ := p.Find(id); r.read(v); return ok },
		touch: func(id string) bool {
			// scs commits the found value again. The map would keep the
			// caller's ID.
			v, ok, _ := p.Find(id)
			if ok {
				id, _ = copies(id, nil)
				commit(id, v)
			}
			return ok
		},
		close: func() {},
	}
}

func openXsync(config) peer {
	p := xsync.NewMap[string, []byte]()
	return peer{
		set:   func(id string, value []byte) { p.Store(copies(id, value)) },
		get:   func(id string, r *reader) bool { v, ok := p.Load(id); r.read(v); return ok },
		close: p.Clear,
	}
}

// openSyncMap has a get that allocates: the ID becomes an interface value.
func openSyncMap(config) peer {
	p := new(sync.Map)
	return peer{
		set: func(id string, value []byte) { id, value = copies(id, value); p.Store(id, value) },
		get: func(id string, r *reader) bool {
			v, ok := p.Load(id)
			if !ok {
				return false
			}
			r.read(v.([]byte))
			return true
		},
		close: p.Clear,
	}
}
