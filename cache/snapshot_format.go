package cache

import (
	"encoding/binary"
	"time"

	"github.com/cespare/xxhash/v2"
)

// A stream is a sequence of frames. Each frame can be checked and decoded
// without the others, so damage to one frame loses no other. All numbers are
// little-endian.
//
//	frame:  mark    8 bytes  "hldfast1", in which 1 is the version
//	        stream  8        random, one number for each stream
//	        number  8        of the frame in the stream, from 0
//	        saved   8        wall clock, nanoseconds since 1970
//	        kind    1        'e': entries, 'z': the end
//	        length  4        of the payload
//	        check   8        XXH64 of the 37 bytes before
//	        payload …
//	        check   8        XXH64 of the payload, seeded with the check before
//
//	entry:  flags   1        1: protected, 2: without expiry
//	        ttl     varint   nanoseconds after saved
//	        idle    varint   nanoseconds from the latest use to saved
//	        lengths varint   of the ID, then of the value
//	        ID, value
//
//	end:    entries 8        number of entries in the stream
const (
	frameMark   = "hldfast1"
	headerBytes = 45
	checkBytes  = 8

	entriesFrame = 'e'
	endFrame     = 'z'

	frameBytes = 64 << 10 // a frame of this length is complete
	// The longest frame has one entry beyond frameBytes: frameMost and
	// MaxValue.
	frameMost = frameBytes + MaxIDLen + 64
)

// savedEntry is an entry of a stream without its value.
type savedEntry struct {
	protected bool
	ttl, idle time.Duration
	id        string
	valueLen  int
}

const (
	flagProtected = 1 << iota
	flagNoExpiry
)

// parseEntry decodes the first entry of a frame's payload. The value and the
// rest are parts of payload.
func parseEntry(payload []byte) (e savedEntry, value, rest []byte, ok bool) {
	if len(payload) == 0 {
		return e, nil, nil, false
	}
	flags := payload[0]
	rest = payload[1:]
	var numbers [4]uint64
	for i := range numbers {
		n := 0
		if numbers[i], n = binary.Uvarint(rest); n <= 0 {
			return e, nil, nil, false
		}
		rest = rest[n:]
	}
	ttl, idle, idLen, valueLen := numbers[0], numbers[1], numbers[2], numbers[3]
	if idLen > uint64(len(rest)) || valueLen > uint64(len(rest))-idLen || ttl > uint64(NoExpiry) || idle > uint64(NoExpiry) {
		return e, nil, nil, false
	}
	e = savedEntry{
		protected: flags&flagProtected != 0,
		ttl:       time.Duration(ttl),
		idle:      time.Duration(idle),
		id:        string(rest[:idLen]),
		valueLen:  int(valueLen),
	}
	if flags&flagNoExpiry != 0 {
		e.ttl = NoExpiry
	}
	rest = rest[idLen:]
	return e, rest[:valueLen:valueLen], rest[valueLen:], true
}

func appendHeader(b []byte, stream, number uint64, saved time.Time, kind byte, length int) []byte {
	b = append(b, frameMark...)
	b = binary.LittleEndian.AppendUint64(b, stream)
	b = binary.LittleEndian.AppendUint64(b, number)
	b = binary.LittleEndian.AppendUint64(b, uint64(saved.UnixNano()))
	b = append(b, kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(length))
	return binary.LittleEndian.AppendUint64(b, xxhash.Sum64(b))
}

// appendCheck appends the check of payload, which depends on the frame's
// header.
func appendCheck(payload, header []byte) []byte {
	return binary.LittleEndian.AppendUint64(payload, payloadCheck(payload, header))
}

func payloadCheck(payload, header []byte) uint64 {
	d := xxhash.NewWithSeed(binary.LittleEndian.Uint64(header[headerBytes-checkBytes:]))
	d.Write(payload)
	return d.Sum64()
}
