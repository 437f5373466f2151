package record

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"
	"time"
)

// Changes are the changes of a request that are not stored yet. Changes keep
// the result, not the history: one entry for each key, however often the key
// changed. A record after the changes has all its other keys as before, so
// concurrent requests that change different keys lose nothing. A nil pointer
// means no changes. values may refer to first, so Changes must not be copied.
type Changes struct {
	cleared bool           // the record's values are removed first
	values  []valueChange  // one for each key
	index   map[string]int // position of a key in values, if there are many
	header  header
	first   [1]valueChange // memory for values: most requests change one
}

type valueChange struct {
	key     string
	encoded []byte
	deleted bool
}

// header holds new header fields. A field counts only if its flag is set.
type header struct {
	setIdle, setExpires, setCreated, setUser bool

	idle    time.Duration
	expires Instant
	created Instant
	user    string
}

// Change is one change, for Changes.Plus. The functions below make it.
type Change struct {
	kind  kind
	value valueChange // of setValue
	header
}

type kind uint8

const (
	setValue kind = iota
	clearValues
	setHeader
)

// SetValue sets the value under key.
func SetValue(key string, encoded []byte) Change {
	return Change{value: valueChange{key: key, encoded: encoded}}
}

// DeleteValue deletes the value under key, if there is one.
func DeleteValue(key string) Change {
	return Change{value: valueChange{key: key, deleted: true}}
}

// ClearValues deletes all values.
func ClearValues() Change { return Change{kind: clearValues} }

// SetIdle sets Record.Idle.
func SetIdle(d time.Duration) Change {
	return Change{kind: setHeader, header: header{setIdle: true, idle: d}}
}

// SetExpires sets Record.Expires.
func SetExpires(i Instant) Change {
	return Change{kind: setHeader, header: header{setExpires: true, expires: i}}
}

// SetCreated sets Record.Created.
func SetCreated(i Instant) Change {
	return Change{kind: setHeader, header: header{setCreated: true, created: i}}
}

// SetUser sets Record.User.
func SetUser(user string) Change {
	return Change{kind: setHeader, header: header{setUser: true, user: user}}
}

// indexFrom is the number of keys from which on they have an index. Without it,
// a request that changes many keys would take quadratic time.
const indexFrom = 16

// Plus applies more to cs and returns it, or new Changes if cs is nil.
func (cs *Changes) Plus(more ...Change) *Changes {
	if len(more) == 0 {
		return cs
	}
	if cs == nil {
		cs = new(Changes)
		cs.values = cs.first[:0]
	}
	for i := range more {
		cs.apply(&more[i])
	}
	return cs
}

func (cs *Changes) apply(c *Change) {
	switch c.kind {
	case setValue:
		cs.put(c.value)
	case clearValues:
		clear(cs.values)
		cs.cleared, cs.values, cs.index = true, cs.values[:0], nil
	case setHeader:
		cs.header.apply(&c.header)
	}
}

func (h *header) apply(c *header) {
	if c.setIdle {
		h.setIdle, h.idle = true, c.idle
	}
	if c.setExpires {
		h.setExpires, h.expires = true, c.expires
	}
	if c.setCreated {
		h.setCreated, h.created = true, c.created
	}
	if c.setUser {
		h.setUser, h.user = true, c.user
	}
}

// put replaces the entry of v's key, or adds one.
func (cs *Changes) put(v valueChange) {
	if i := cs.find(v.key); i >= 0 {
		cs.values[i] = v
		return
	}
	cs.values = append(cs.values, v)
	switch n := len(cs.values); {
	case cs.index != nil:
		cs.index[v.key] = n - 1
	case n > indexFrom:
		cs.index = make(map[string]int, 2*n)
		for i, v := range cs.values {
			cs.index[v.key] = i
		}
	}
}

// find returns the position of key in values, or -1.
func (cs *Changes) find(key string) int {
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

// With returns a copy of cs, with more applied to it.
func (cs *Changes) With(more ...Change) *Changes {
	if cs == nil {
		return cs.Plus(more...)
	}
	all := &Changes{cleared: cs.cleared, header: cs.header}
	all.values = slices.Grow(all.first[:0], len(cs.values)+len(more))
	for _, v := range cs.values {
		all.put(v)
	}
	return all.Plus(more...)
}

// Keys iterates over the keys that have a value after the changes, whether or
// not the record has them. The record's other keys are not among them.
func (cs *Changes) Keys() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, v := range cs.list() {
			if !v.deleted && !yield(v.key) {
				return
			}
		}
	}
}

// Recode returns a copy of cs with the encoded values that recode returns for
// the old ones. It returns the first error of recode.
func (cs *Changes) Recode(recode func(key string, encoded []byte) ([]byte, error)) (*Changes, error) {
	if cs == nil {
		return nil, nil
	}
	recoded := cs.With()
	for i, v := range recoded.values {
		if v.deleted {
			continue
		}
		encoded, err := recode(v.key, v.encoded)
		if err != nil {
			return nil, err
		}
		recoded.values[i].encoded = encoded
	}
	return recoded, nil
}

func (cs *Changes) list() []valueChange {
	if cs == nil {
		return nil
	}
	return cs.values
}

// Lookup returns the value of key if the changes decide it. Otherwise decided
// is false, and the record has the value.
func (cs *Changes) Lookup(key string) (encoded []byte, found, decided bool) {
	if cs == nil {
		return nil, false, false
	}
	if i := cs.find(key); i >= 0 {
		return cs.values[i].encoded, !cs.values[i].deleted, true
	}
	return nil, false, cs.cleared
}

// Get returns the encoded value under key after the changes to v.
func (cs *Changes) Get(v Values, key string) (encoded []byte, found bool) {
	if encoded, found, decided := cs.Lookup(key); decided {
		return encoded, found
	}
	return v.Get(key)
}

// ApplyHeader returns r with its header fields after the changes.
func (cs *Changes) ApplyHeader(r Record) Record {
	if cs == nil {
		return r
	}
	h := &cs.header
	if h.setIdle {
		r.Idle = h.idle
	}
	if h.setExpires {
		r.Expires = h.expires
	}
	if h.setCreated {
		r.Created = h.created
	}
	if h.setUser {
		r.User = []byte(h.user)
	}
	return r
}

// AltersLifetime reports whether the session ends at another time after the
// changes.
func (cs *Changes) AltersLifetime(r Record) bool {
	after := cs.ApplyHeader(r)
	return after.Idle != r.Idle || after.Expires != r.Expires || after.Created != r.Created
}

// Alters reports whether r differs after the changes. same compares two encoded
// values of one key that are not the same bytes.
func (cs *Changes) Alters(r Record, same func(key string, a, b []byte) bool) bool {
	if cs == nil {
		return false
	}
	if cs.AltersLifetime(r) || cs.header.setUser && cs.header.user != string(r.User) {
		return true
	}
	if cs.cleared && len(r.Values) > 0 {
		return true
	}
	unchanged := 0
	for key, old := range r.Values.All() {
		i := cs.find(string(key))
		if i < 0 {
			continue
		}
		v := &cs.values[i]
		if v.deleted || !bytes.Equal(old, v.encoded) && !same(v.key, old, v.encoded) {
			return true
		}
		unchanged++
	}
	for range cs.Keys() {
		unchanged--
	}
	return unchanged != 0 // some keys are new
}

// WorthStoring reports whether a new session with these changes has a value or
// a user.
func (cs *Changes) WorthStoring() bool {
	for range cs.Keys() {
		return true
	}
	return cs != nil && cs.header.user != ""
}

// size bounds the bytes that the changes add to a record.
func (cs *Changes) size() int {
	n := 0
	for _, v := range cs.list() {
		n += 2*binary.MaxVarintLen32 + len(v.key) + len(v.encoded)
	}
	return n
}

// appendValues appends v after the changes to dst.
func (cs *Changes) appendValues(dst []byte, v Values) []byte {
	after := Values(dst)
	for key, encoded := range v.All() {
		if _, _, decided := cs.Lookup(string(key)); !decided {
			after = after.Append(string(key), encoded)
		}
	}
	for _, v := range cs.list() {
		if !v.deleted {
			after = after.Append(v.key, v.encoded)
		}
	}
	return after
}
