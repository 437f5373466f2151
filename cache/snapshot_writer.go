package cache

import (
	"encoding/binary"
	"io"
	"time"
)

// frameWriter writes a stream. Entries collect in payload until it is a frame.
type frameWriter struct {
	w       io.Writer
	stream  uint64
	number  uint64
	entries uint64

	saved   time.Time // of the frame in payload
	payload []byte    // empty between frames
	header  []byte
}

// begin begins a frame, unless one is begun already.
func (f *frameWriter) begin(now time.Time) {
	if len(f.payload) == 0 {
		f.saved = now
	}
}

// add appends an entry without its value to the frame. TTLs count from the
// frame's saved, which may be slightly earlier than now.
func (f *frameWriter) add(e savedEntry) {
	flags, ttl := byte(0), uint64(e.ttl)
	if e.protected {
		flags |= flagProtected
	}
	if e.ttl == NoExpiry {
		flags, ttl = flags|flagNoExpiry, 0
	}
	f.payload = append(f.payload, flags)
	for _, n := range []uint64{ttl, uint64(e.idle), uint64(len(e.id)), uint64(e.valueLen)} {
		f.payload = binary.AppendUvarint(f.payload, n)
	}
	f.payload = append(f.payload, e.id...)
	f.entries++
}

func (f *frameWriter) flushIfLong() error {
	if len(f.payload) < frameBytes {
		return nil
	}
	return f.flush(entriesFrame)
}

func (f *frameWriter) end() error {
	if len(f.payload) > 0 {
		if err := f.flush(entriesFrame); err != nil {
			return err
		}
	}
	f.saved = time.Now()
	f.payload = binary.LittleEndian.AppendUint64(f.payload, f.entries)
	return f.flush(endFrame)
}

func (f *frameWriter) flush(kind byte) error {
	f.header = appendHeader(f.header[:0], f.stream, f.number, f.saved, kind, len(f.payload))
	f.payload = appendCheck(f.payload, f.header)
	f.number++
	if _, err := f.w.Write(f.header); err != nil {
		return err
	}
	_, err := f.w.Write(f.payload)
	f.payload = f.payload[:0]
	return err
}
