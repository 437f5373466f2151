package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/internal/wire"
)

// timestampExt is the extension type that MessagePack reserves for timestamps.
const timestampExt = -1

var errTimestamp = errors.New("codec: msgpack: malformed timestamp")

// timestamp decodes an extension as a timestamp of 32, 64 or 96 bits. The
// result is in UTC: the time zone of the server is not part of the value.
func timestamp(h wire.Head, payload []byte) (time.Time, error) {
	if h.Ext != timestampExt {
		return time.Time{}, fmt.Errorf("codec: msgpack: unknown extension type %d", h.Ext)
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
