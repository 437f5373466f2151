package holdfast

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// A record is a session as the store holds it: a header, then for each value
// its key and its encoded bytes. The values stay encoded until someone asks
// for one.
//
//	version   1 byte
//	space     4 bytes  of the Manager's namespace
//	user tag  4 bytes  of the user's ID; 0 while nobody is logged in
//	created   8 bytes  Unix time in nanoseconds
//	written   8 bytes  likewise, of the latest commit
//	expires   8 bytes  likewise; 0: the Manager's absolute lifetime decides
//	idle      8 bytes  idle timeout in nanoseconds; 0: the Manager's
//	user      uvarint length, user ID
//	values    { uvarint length, key, uvarint length, value } …
//
// Numbers are little-endian. The tags come first, so that the sessions of one
// Manager or user are found by a prefix. Of a million sessions of other users,
// hardly one has the same tag; the user ID decides.
type record struct {
	created instant
	written instant
	expires instant // 0: the Manager's absolute lifetime decides
	idle    time.Duration
	user    []byte // empty while nobody is logged in
	values  values
}

// instant is a Unix time in nanoseconds. 0 stands for the zero time.
type instant int64

// instantOf returns the instant nearest to t: instants end in the year 2262.
func instantOf(t time.Time) instant {
	switch year := t.Year(); {
	case t.IsZero():
		return 0
	case year < 1970:
		return 1
	case year > 2261:
		return math.MaxInt64
	}
	return max(1, instant(t.UnixNano()))
}

func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(i))
}

// plus returns i later by d, or the nearest instant: they end in the year 2262.
func (i instant) plus(d time.Duration) instant {
	switch later := i + instant(d); {
	case d > 0 && later < i:
		return math.MaxInt64
	case d < 0 && later > i:
		return math.MinInt64
	default:
		return later
	}
}

const (
	recordVersion = 1
	spaceTagLen   = 4
	userTagLen    = 4
	tagsEnd       = 1 + spaceTagLen + userTagLen
	fixedLen      = tagsEnd + 4*8
)

// parseRecord checks all of raw, so that whatever reads it later needs no
// checks. The record refers to raw.
func parseRecord(raw []byte) (record, error) {
	if len(raw) < fixedLen {
		return record{}, fmt.Errorf("%w: %d bytes, a header has at least %d", ErrRecord, len(raw), fixedLen)
	}
	if raw[0] != recordVersion {
		return record{}, fmt.Errorf("%w: version %d, this is version %d", ErrRecord, raw[0], recordVersion)
	}
	r, whole := viewRecord(raw)
	if !whole {
		return record{}, fmt.Errorf("%w: the user ID is cut short", ErrRecord)
	}
	if r.idle < 0 {
		return record{}, fmt.Errorf("%w: a negative idle timeout", ErrRecord)
	}
	if !r.values.whole() {
		return record{}, fmt.Errorf("%w: a value is cut short", ErrRecord)
	}
	return r, nil
}

// viewRecord is parseRecord for what it has checked once. It reports whether the
// header is whole.
func viewRecord(raw []byte) (record, bool) {
	userAt, valuesAt, whole := fieldAt(raw, fixedLen)
	if !whole {
		return record{}, false
	}
	times := raw[tagsEnd:]
	return record{
		created: instantIn(times),
		written: instantIn(times[8:]),
		expires: instantIn(times[16:]),
		idle:    time.Duration(binary.LittleEndian.Uint64(times[24:])),
		user:    raw[userAt:valuesAt:valuesAt],
		values:  raw[valuesAt:],
	}, true
}

// appendHeader appends all of r but its values.
func (r record) appendHeader(dst []byte, space namespace) []byte {
	dst = space.appendUserPrefix(dst, r.user)
	dst = appendInstant(dst, r.created)
	dst = appendInstant(dst, r.written)
	dst = appendInstant(dst, r.expires)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.idle))
	dst = binary.AppendUvarint(dst, uint64(len(r.user)))
	return append(dst, r.user...)
}

// appendPrefix appends what all records of the namespace begin with.
func (n namespace) appendPrefix(dst []byte) []byte {
	return append(append(dst, recordVersion), n[:spaceTagLen]...)
}

// appendUserPrefix appends what the records of a user's sessions, and of hardly
// any others, begin with.
func (n namespace) appendUserPrefix(dst, user []byte) []byte {
	dst = n.appendPrefix(dst)
	if len(user) == 0 {
		return append(dst, make([]byte, userTagLen)...)
	}
	sum := sha256.Sum256(user)
	return append(dst, sum[:userTagLen]...)
}

func appendInstant(dst []byte, at instant) []byte {
	return binary.LittleEndian.AppendUint64(dst, uint64(at))
}

func instantIn(b []byte) instant { return instant(binary.LittleEndian.Uint64(b)) }

// headerLen is the length of what appendHeader appends, or a little more.
func (r record) headerLen() int { return fixedLen + binary.MaxVarintLen32 + len(r.user) }
