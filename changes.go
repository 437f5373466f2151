package holdfast

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"
)

// changes is what a request has done to its session and not stored yet. It
// keeps the result, not the history: one entry for each key, however often the
// key changed. Applied to a record, it leaves alone every key that it does not
// name, so concurrent requests that change different keys lose nothing. A nil
// pointer means no changes. values may refer to only, so changes must not be
// copied.
type changes struct {
	cleared bool           // the record's values are removed first
	values  []valueChange  // one for each key
	index   map[string]int // the key's place in values, once there are many
	header  headerChange
	only    [1]valueChange // memory for values: most requests change one
}

type valueChange struct {
	key     string
	encoded []byte
	deleted bool
}

// headerChange holds new header fields. Each counts only if its flag is set.
type headerChange struct {
	setIdle, setExpires, setCreated, setUser bool

	idle    time.Duration
	expires instant
	created instant
	user    string
}

// change is one step, for changes.plus.
type change struct {
	what    whatChanged
	key     string
	encoded []byte        // of valueSet
	idle    time.Duration // of idleSet
	expires instant       // of expiresSet
	created instant       // of createdSet
	user    string        // of userSet
}

type whatChanged uint8

const (
	valueSet whatChanged = iota
	valueDeleted
	valuesCleared
	idleSet
	expiresSet
	createdSet
	userSet
)

// fewChanges is how many keys are searched one by one. A request that changes
// more of them gets an index, so that its time grows in proportion.
const fewChanges = 16

// plus applies more to cs and returns it, or new changes if cs is nil.
func (cs *changes) plus(more ...change) *changes {
	if len(more) == 0 {
		return cs
	}
	if cs == nil {
		cs = new(changes)
		cs.values = cs.only[:0]
	}
	for _, c := range more {
		cs.apply(c)
	}
	return cs
}

func (cs *changes) apply(c change) {
	switch h := &cs.header; c.what {
	case valueSet:
		cs.put(valueChange{key: c.key, encoded: c.encoded})
	case valueDeleted:
		cs.put(valueChange{key: c.key, deleted: true})
	case valuesCleared:
		clear(cs.values)
		cs.cleared, cs.values, cs.index = true, cs.values[:0], nil
	case idleSet:
		h.setIdle, h.idle = true, c.idle
	case expiresSet:
		h.setExpires, h.expires = true, c.expires
	case createdSet:
		h.setCreated, h.created = true, c.created
	case userSet:
		h.setUser, h.user = true, c.user
	}
}

// put replaces the entry of v's key, or adds one.
func (cs *changes) put(v valueChange) {
	if i := cs.find(v.key); i >= 0 {
		cs.values[i] = v
		return
	}
	cs.values = append(cs.values, v)
	switch n := len(cs.values); {
	case cs.index != nil:
		cs.index[v.key] = n - 1
	case n > fewChanges:
		cs.index = make(map[string]int, 2*n)
		for i, v := range cs.values {
			cs.index[v.key] = i
		}
	}
}

// find returns the place of key in values, or -1.
func (cs *changes) find(key string) int {
	if cs.index != nil {
		if i, ok := cs.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range cs.values {
		if cs.values[i].key == key {
			return i
		}
	}
	return -1
}

// with returns changes of their own memory: cs, and then more.
func (cs *changes) with(more ...change) *changes {
	if cs == nil {
		return cs.plus(more...)
	}
	all := &changes{cleared: cs.cleared, header: cs.header}
	all.values = slices.Grow(all.only[:0], len(cs.values)+len(more))
	for _, v := range cs.values {
		all.put(v)
	}
	return all.plus(more...)
}

// list returns the changed values. The caller must not change them.
func (cs *changes) list() []valueChange {
	if cs == nil {
		return nil
	}
	return cs.values
}

// lookup returns the value of key if the changes decide it. If decided is
// false, the record's value holds.
func (cs *changes) lookup(key string) (encoded []byte, found, decided bool) {
	if cs == nil {
		return nil, false, false
	}
	if i := cs.find(key); i >= 0 {
		return cs.values[i].encoded, !cs.values[i].deleted, true
	}
	return nil, false, cs.cleared
}

// over returns the encoded value under key after the changes to v.
func (cs *changes) over(v values, key string) (encoded []byte, found bool) {
	if encoded, found, decided := cs.lookup(key); decided {
		return encoded, found
	}
	return v.value(key)
}

// applyHeader returns r with its header after the changes.
func (cs *changes) applyHeader(r record) record {
	if cs == nil {
		return r
	}
	h := &cs.header
	if h.setIdle {
		r.idle = h.idle
	}
	if h.setExpires {
		r.expires = h.expires
	}
	if h.setCreated {
		r.created = h.created
	}
	if h.setUser {
		r.user = []byte(h.user)
	}
	return r
}

// lifetimeDiffers reports whether the changes give r another end. The cookie
// must then be sent again.
func (cs *changes) lifetimeDiffers(r record) bool {
	after := cs.applyHeader(r)
	return after.idle != r.idle || after.expires != r.expires || after.created != r.created
}

// differ reports whether r is another record after the changes. same compares
// two encoded values of one key.
func (cs *changes) differ(r record, same func(key string, a, b []byte) bool) bool {
	if cs == nil {
		return false
	}
	if cs.lifetimeDiffers(r) || cs.header.setUser && cs.header.user != string(r.user) {
		return true
	}
	if cs.cleared && len(r.values) > 0 {
		return true
	}
	for _, v := range cs.values {
		old, found := r.values.value(v.key)
		if found == v.deleted || found && !bytes.Equal(old, v.encoded) && !same(v.key, old, v.encoded) {
			return true
		}
	}
	return false
}

// size bounds the bytes that the changes can add to a record.
func (cs *changes) size() int {
	n := 0
	for _, v := range cs.list() {
		n += 2*binary.MaxVarintLen32 + len(v.key) + len(v.encoded)
	}
	return n
}

// worthStoring reports whether a new session with these changes is stored: one
// that has a value or a user.
func (cs *changes) worthStoring() bool {
	for _, v := range cs.list() {
		if !v.deleted {
			return true
		}
	}
	return cs != nil && cs.header.user != ""
}

// appendTo appends to dst the record r after the changes.
func (cs *changes) appendTo(dst []byte, space namespace, r record) []byte {
	dst = r.appendHeader(dst, space)
	for key, encoded := range r.values.all() {
		if _, _, decided := cs.lookup(string(key)); !decided {
			dst = appendValue(dst, string(key), encoded)
		}
	}
	for _, v := range cs.list() {
		if !v.deleted {
			dst = appendValue(dst, v.key, v.encoded)
		}
	}
	return dst
}
