package holdfast

import (
	"encoding/binary"
	"sync"
	"time"
)

// markers remember the keys of tombstones and revocations in the cache. The
// cache reports their expiry too, by the key alone, and nobody's session has
// ended then. The zero value is empty; nil remembers nothing.
//
// A key is a hash, so 8 of its bytes tell it from others. A key is remembered
// for markersLast at least, and for twice as long at most.
type markers struct {
	mu                sync.Mutex
	current, previous map[uint64]struct{}
	since             time.Time // of current
}

// markersLast is longer than the TTLs of tombstones and revocations, which the
// cache frees some seconds later.
const markersLast = revocationTTL + time.Minute

func (m *markers) add(key string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); m.current == nil || now.Sub(m.since) >= markersLast {
		m.previous, m.current, m.since = m.current, make(map[uint64]struct{}), now
	}
	m.current[short(key)] = struct{}{}
}

// take forgets a key, and reports whether it was remembered.
func (m *markers) take(key string) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	k := short(key)
	_, current := m.current[k]
	_, previous := m.previous[k]
	delete(m.current, k)
	delete(m.previous, k)
	return current || previous
}

func short(key string) uint64 { return binary.LittleEndian.Uint64([]byte(key[:8])) }
