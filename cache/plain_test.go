package cache

import (
	"slices"
	"time"
)

// plain is a naive cache: a map, and a list of IDs from the longest idle to the
// latest used. It has no cap and no segments. The test removes the entries that
// the real cache evicts for room.
type plain struct {
	start   time.Time
	entries map[string]plainEntry
	order   []string
	uses    map[string]plainUse
}

// plainUse is the latest use of an entry.
type plainUse struct {
	at       time.Time
	confused time.Duration // an entry used so long before may count as used later
}

type plainEntry struct {
	value    string
	deadline time.Time
	forever  bool
}

func newPlain() *plain {
	return &plain{start: time.Now(), entries: map[string]plainEntry{}, uses: map[string]plainUse{}}
}

func (p *plain) expired(e plainEntry) bool { return !e.forever && !time.Now().Before(e.deadline) }

func (p *plain) find(id string) (plainEntry, bool) {
	e, ok := p.entries[id]
	if ok && p.expired(e) {
		p.remove(id)
		return plainEntry{}, false
	}
	return e, ok
}

func (p *plain) set(id, value string, ttl time.Duration) {
	p.entries[id] = withTTL(plainEntry{value: value}, ttl)
	p.use(id)
}

func withTTL(e plainEntry, ttl time.Duration) plainEntry {
	e.deadline, e.forever = time.Now().Add(ttl), ttl == NoExpiry
	return e
}

func (p *plain) get(id string) (string, bool) {
	e, ok := p.find(id)
	if ok {
		p.use(id)
	}
	return e.value, ok
}

func (p *plain) peek(id string) (string, bool) {
	e, ok := p.find(id)
	return e.value, ok
}

func (p *plain) touch(id string, ttl time.Duration) bool {
	e, ok := p.find(id)
	if !ok {
		return false
	}
	if ttl <= 0 {
		p.remove(id)
		return false
	}
	p.entries[id] = withTTL(e, ttl)
	p.use(id)
	return true
}

func (p *plain) remove(id string) bool {
	_, ok := p.entries[id]
	delete(p.entries, id)
	if i := slices.Index(p.order, id); i >= 0 {
		p.order = slices.Delete(p.order, i, i+1)
	}
	return ok
}

func (p *plain) use(id string) {
	if i := slices.Index(p.order, id); i >= 0 {
		p.order = slices.Delete(p.order, i, i+1)
	}
	p.order = append(p.order, id)
	// The real cache confuses uses within an eighth of the list's age, and it
	// takes the list to be older by an eighth of that, and so on.
	now := time.Now()
	age := time.Duration(0)
	if first, ok := p.uses[p.order[0]]; ok {
		age = now.Sub(first.at)
	}
	p.uses[id] = plainUse{now, min(age/(ageShare-1), time.Duration(refreshAfter<<tickShift)) + 2<<tickShift}
}

// live returns the entries that have not expired.
func (p *plain) live() map[string]string {
	live := map[string]string{}
	for id, e := range p.entries {
		if !p.expired(e) {
			live[id] = e.value
		}
	}
	return live
}
