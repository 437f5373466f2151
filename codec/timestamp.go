package codec

import (
	"encoding/binary"
	"fmt"
	"time"
)

// timestampExt is the extension type that MessagePack reserves for timestamps.
const timestampExt = -1

// time reads a timestamp, in any of its three widths. UTC, because the zone of the server that happens
// to read is not part of the value.
func (h head) time(payload []byte) (time.Time, error) {
	if h.ext != timestampExt {
		return time.Time{}, fmt.Errorf("codec: msgpack: extension type %d is unknown", h.ext)
	}
	var seconds int64
	var nanoseconds uint64
	switch len(payload) {
	case 4:
		seconds = int64(binary.BigEndian.Uint32(payload))
	case 8:
		both := binary.BigEndian.Uint64(payload)
		seconds, nanoseconds = int64(both&(1<<34-1)), both>>34
	case 12:
		nanoseconds = uint64(binary.BigEndian.Uint32(payload))
		seconds = int64(binary.BigEndian.Uint64(payload[4:]))
	default:
		return time.Time{}, errTimestamp
	}
	if nanoseconds >= uint64(time.Second) {
		return time.Time{}, errTimestamp
	}
	return time.Unix(seconds, int64(nanoseconds)).UTC(), nil
}
