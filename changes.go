package holdfast

import (
	"encoding/binary"
	"time"
)

// changes is what a request has done to its session and not stored yet, oldest
// first. Applied to a record, they leave alone every key that they do not name,
// which is why concurrent requests that change different keys lose nothing. If
// there are none, the pointer is nil. They refer to themselves, so they are not to
// be copied.
type changes struct {
	all     []change       // never empty
	cleared int            // 1 + the index of the latest valuesCleared; 0 if there is none
	latest  map[string]int // the latest change of each key, once there are many
	only    [1]change      // memory for all, since most requests change one thing
}

type change struct {
	what    whatChanged
	key     string
	encoded []byte        // of valueSet
	idle    time.Duration // of idleSet
	expires instant       // of expiresSet
	user    string        // of userSet
	at      instant       // likewise, when they logged in
}

type whatChanged uint8

const (
	valueSet whatChanged = iota
	valueDeleted
	valuesCleared
	idleSet
	expiresSet
	userSet
)

// fewChanges is how many are searched one by one. Few requests change more, but
// one that does must not take time by their square.
const fewChanges = 16

func (c change) ofValue() bool { return c.what == valueSet || c.what == valueDeleted }

// plus returns cs, or new changes if there are none, with more at the end.
func (cs *changes) plus(more ...change) *changes {
	if len(more) == 0 {
		return cs
	}
	if cs == nil {
		cs = new(changes)
		cs.all = cs.only[:0]
	}
	for _, c := range more {
		cs.all = append(cs.all, c)
		if c.what == valuesCleared {
			cs.cleared = len(cs.all)
		}
		if cs.latest != nil && c.ofValue() {
			cs.latest[c.key] = len(cs.all) - 1
		}
	}
	if cs.latest == nil && len(cs.all) > fewChanges {
		cs.latest = make(map[string]int)
		for i, c := range cs.all {
			if c.ofValue() {
				cs.latest[c.key] = i
			}
		}
	}
	return cs
}

// with returns changes of its own memory that end with more.
func (cs *changes) with(more ...change) *changes {
	var longer *changes
	return longer.plus(cs.list()...).plus(more...)
}

// without returns changes of its own memory that lack the last n.
func (cs *changes) without(n int) *changes {
	var shorter *changes
	return shorter.plus(cs.all[:len(cs.all)-n]...)
}

func (cs *changes) list() []change {
	if cs == nil {
		return nil
	}
	return cs.all
}

// lookup reports what the changes say of a key; decided is false where they
// say nothing and the record holds.
func (cs *changes) lookup(key string) (encoded []byte, found, decided bool) {
	if cs == nil {
		return nil, false, false
	}
	i := cs.latestOf(key)
	if i < cs.cleared {
		return nil, false, cs.cleared > 0
	}
	return cs.all[i].encoded, cs.all[i].what == valueSet, true
}

// latestOf returns the index of the latest change of the value under key, or
// -1.
func (cs *changes) latestOf(key string) int {
	if cs.latest != nil {
		if i, ok := cs.latest[key]; ok {
			return i
		}
		return -1
	}
	for i := len(cs.all) - 1; i >= 0; i-- {
		if cs.all[i].ofValue() && cs.all[i].key == key {
			return i
		}
	}
	return -1
}

// over returns the encoded value under key as the changes leave it in v.
func (cs *changes) over(v values, key string) (encoded []byte, found bool) {
	if encoded, found, decided := cs.lookup(key); decided {
		return encoded, found
	}
	return v.value(key)
}

// header returns r with its header as the changes leave it.
func (cs *changes) header(r record) record {
	for _, c := range cs.list() {
		switch c.what {
		case idleSet:
			r.idle = c.idle
		case expiresSet:
			r.expires = c.expires
		case userSet:
			r.user, r.created = []byte(c.user), c.at
		}
	}
	return r
}

// size bounds what the changes can add to a record.
func (cs *changes) size() int {
	n := 0
	for _, c := range cs.list() {
		n += 2*binary.MaxVarintLen32 + len(c.key) + len(c.encoded)
	}
	return n
}

// worthStoring reports whether the changes make a session of what was none:
// it holds a value, or somebody logged in.
func (cs *changes) worthStoring() bool {
	for i, c := range cs.list() {
		if cs.stands(i) || c.what == userSet && c.user != "" {
			return true
		}
	}
	return false
}

// stands reports whether the i-th change sets a value that no later one
// replaces or removes.
func (cs *changes) stands(i int) bool {
	c := &cs.all[i]
	return c.what == valueSet && i >= cs.cleared && cs.latestOf(c.key) == i
}

// appendTo appends to dst the record r with the values that the changes leave.
func (cs *changes) appendTo(dst []byte, r record) []byte {
	dst = r.appendHeader(dst)
	for key, encoded := range r.values.all() {
		if _, _, decided := cs.lookup(string(key)); !decided {
			dst = appendValue(dst, string(key), encoded)
		}
	}
	for i, c := range cs.list() {
		if cs.stands(i) {
			dst = appendValue(dst, c.key, c.encoded)
		}
	}
	return dst
}
