package holdfast

import (
	"encoding/binary"
	"time"
)

// changes is what a request has done to its session and not stored yet, oldest
// first. Applied to a record, they leave alone every key that they do not name,
// which is why concurrent requests that change different keys lose nothing.
type changes []change

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

// lookup reports what the changes say of a key; decided is false where they
// say nothing and the record holds.
func (cs changes) lookup(key string) (encoded []byte, found, decided bool) {
	for i := len(cs) - 1; i >= 0; i-- {
		switch c := &cs[i]; {
		case c.what == valuesCleared:
			return nil, false, true
		case c.what == valueSet && c.key == key:
			return c.encoded, true, true
		case c.what == valueDeleted && c.key == key:
			return nil, false, true
		}
	}
	return nil, false, false
}

// over returns the encoded value under key as the changes leave it in r.
func (cs changes) over(r record, key string) (encoded []byte, found bool) {
	if encoded, found, decided := cs.lookup(key); decided {
		return encoded, found
	}
	return r.value(key)
}

// header returns r with its header as the changes leave it.
func (cs changes) header(r record) record {
	for _, c := range cs {
		switch c.what {
		case idleSet:
			r.idle = c.idle
		case expiresSet:
			r.expires = c.expires
		case userSet:
			r.user, r.created = c.user, c.at
		}
	}
	return r
}

// size bounds what the changes can add to a record.
func (cs changes) size() int {
	n := 0
	for _, c := range cs {
		n += 2*binary.MaxVarintLen32 + len(c.key) + len(c.encoded)
	}
	return n
}

// worthStoring reports whether the changes make a session of what was none:
// it holds a value, or somebody logged in.
func (cs changes) worthStoring() bool {
	for i := range cs {
		if cs.stands(i) || cs[i].what == userSet && cs[i].user != "" {
			return true
		}
	}
	return false
}

// stands reports whether the i-th change sets a value that no later one
// replaces or removes.
func (cs changes) stands(i int) bool {
	if cs[i].what != valueSet {
		return false
	}
	_, _, decided := cs[i+1:].lookup(cs[i].key)
	return !decided
}

// appendTo appends to dst the record r with the values that the changes leave.
func (cs changes) appendTo(dst []byte, r record) []byte {
	dst = r.appendHeader(dst)
	for key, encoded := range r.all() {
		if _, _, decided := cs.lookup(string(key)); !decided {
			dst = appendValue(dst, string(key), encoded)
		}
	}
	for i, c := range cs {
		if cs.stands(i) {
			dst = appendValue(dst, c.key, c.encoded)
		}
	}
	return dst
}
