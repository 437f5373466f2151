// Package record is the stored form of a session: its header, its values, and
// the changes that a request makes to them.
//
//	version     1 byte
//	namespace   5 bytes  tag of the Manager's namespace
//	user tag    3 bytes  hash of the user ID; 0 while nobody is logged in
//	created     8 bytes  Unix time in nanoseconds
//	written     8 bytes  time of the latest commit
//	expires     8 bytes  0: the Manager's absolute lifetime decides
//	idle        8 bytes  idle timeout in nanoseconds; 0: the Manager's
//	user        uvarint length, user ID
//	values      { uvarint length, key, uvarint length, encoded value } ...
//
// Numbers are little-endian. The tags come first, so a store finds the sessions
// of one Manager or one user by a prefix. Values stay encoded until a handler
// reads them.
package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

const (
	version         = 1
	namespaceTagLen = 5
	userTagLen      = 3
	tagsEnd         = 1 + namespaceTagLen + userTagLen
	fixedLen        = tagsEnd + 4*8
)

// ErrDamaged is wrapped by the errors of Parse.
var ErrDamaged = errors.New("holdfast: damaged session record")

// Record is a parsed record. User and Values refer to the bytes that were
// parsed.
type Record struct {
	Created Instant
	Written Instant
	Expires Instant       // 0: the Manager's absolute lifetime decides
	Idle    time.Duration // 0: the Manager's idle timeout
	User    []byte        // empty while nobody is logged in
	Values  Values
}

// Parse checks all of raw, so nothing that reads the Record later needs a
// check.
func Parse(raw []byte) (Record, error) {
	if len(raw) < fixedLen {
		return Record{}, fmt.Errorf("%w: it has %d bytes, a header has at least %d", ErrDamaged, len(raw), fixedLen)
	}
	if raw[0] != version {
		return Record{}, fmt.Errorf("%w: it has version %d, this program reads version %d", ErrDamaged, raw[0], version)
	}
	r, whole := view(raw)
	if !whole {
		return Record{}, fmt.Errorf("%w: the user ID is cut short", ErrDamaged)
	}
	if r.Idle < 0 {
		return Record{}, fmt.Errorf("%w: its idle timeout is negative", ErrDamaged)
	}
	if !r.Values.whole() {
		return Record{}, fmt.Errorf("%w: a value is cut short", ErrDamaged)
	}
	return r, nil
}

// View is Parse for bytes that Parse has accepted or Encode has returned. It
// checks nothing.
func View(raw []byte) Record {
	r, _ := view(raw)
	return r
}

// ViewValues returns the values of a record on the terms of View.
func ViewValues(raw []byte) Values {
	_, valuesAt, _ := fieldAt(raw, fixedLen)
	return raw[valuesAt:]
}

// view reports whether the header is whole.
func view(raw []byte) (Record, bool) {
	userAt, valuesAt, whole := fieldAt(raw, fixedLen)
	if !whole {
		return Record{}, false
	}
	times := raw[tagsEnd:]
	return Record{
		Created: ReadInstant(times),
		Written: ReadInstant(times[8:]),
		Expires: ReadInstant(times[16:]),
		Idle:    time.Duration(binary.LittleEndian.Uint64(times[24:])),
		User:    raw[userAt:valuesAt:valuesAt],
		Values:  raw[valuesAt:],
	}, true
}

// Encode returns r after the changes. The bytes belong to the caller.
func Encode(space Namespace, r Record, cs *Changes) []byte {
	r = cs.ApplyHeader(r)
	size := fixedLen + binary.MaxVarintLen32 + len(r.User) + len(r.Values) + cs.size()
	return cs.appendValues(r.appendHeader(make([]byte, 0, size), space), r.Values)
}

// appendHeader appends all of r but its values.
func (r Record) appendHeader(dst []byte, space Namespace) []byte {
	dst = space.AppendUserPrefix(dst, r.User)
	dst = r.Created.AppendTo(dst)
	dst = r.Written.AppendTo(dst)
	dst = r.Expires.AppendTo(dst)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.Idle))
	dst = binary.AppendUvarint(dst, uint64(len(r.User)))
	return append(dst, r.User...)
}
