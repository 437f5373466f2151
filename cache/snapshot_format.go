package cache

import (
	"bytes"
	"encoding/binary"
	"io"
	"time"

	"github.com/cespare/xxhash/v2"
)

// A stream is a row of frames. Each can be checked and understood without the
// others, so damage to some costs no more than those. All numbers are
// little-endian.
//
//	frame:  mark    8 bytes  "hldfast1", in which 1 is the version
//	        stream  8        drawn at random for each stream
//	        number  8        of the frame in the stream, from 0
//	        saved   8        wall clock: nanoseconds since 1970
//	        kind    1        'e': entries, 'z': the end
//	        length  4        of the payload
//	        check   8        XXH64 of the 37 bytes before
//	        payload …
//	        check   8        XXH64 of the payload, seeded with the check before
//
//	entry:  flags   1        1: protected, 2: without expiry
//	        ttl     varint   from saved, in nanoseconds
//	        idle    varint   since its latest use, likewise
//	        lengths varint   of the ID and of the value
//	        ID, value
//
//	end:    entries 8        how many there are in the stream
const (
	frameMark  = "hldfast1"
	headBytes  = 45
	checkBytes = 8

	entriesFrame = 'e'
	endFrame     = 'z'

	frameBytes = 64 << 10 // a frame that is this long gets no more entries
	// No frame is longer than this and MaxValue: one entry more, at most.
	frameMost = frameBytes + MaxIDLen + 64
)

// savedEntry is what a stream has of an entry beside its value.
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

// cutEntry takes an entry off the front of a frame's payload. Its value is part
// of the payload.
func cutEntry(payload []byte) (e savedEntry, value, rest []byte, ok bool) {
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

// frameWriter writes a stream.
type frameWriter struct {
	w       io.Writer
	stream  uint64
	number  uint64
	entries uint64

	saved   time.Time // of the frame under way
	payload []byte    // likewise; empty between frames
	head    []byte
}

// begin begins a frame, unless one is under way.
func (f *frameWriter) begin(now time.Time) {
	if len(f.payload) == 0 {
		f.saved = now
	}
}

// add appends an entry but for its value to the frame. TTLs count from the
// frame's time, which may lie a little before now.
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
	f.head = appendHead(f.head[:0], f.stream, f.number, f.saved, kind, len(f.payload))
	f.payload = appendCheck(f.payload, f.head)
	f.number++
	if _, err := f.w.Write(f.head); err != nil {
		return err
	}
	_, err := f.w.Write(f.payload)
	f.payload = f.payload[:0]
	return err
}

func appendHead(b []byte, stream, number uint64, saved time.Time, kind byte, length int) []byte {
	b = append(b, frameMark...)
	b = binary.LittleEndian.AppendUint64(b, stream)
	b = binary.LittleEndian.AppendUint64(b, number)
	b = binary.LittleEndian.AppendUint64(b, uint64(saved.UnixNano()))
	b = append(b, kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(length))
	return binary.LittleEndian.AppendUint64(b, xxhash.Sum64(b))
}

// appendCheck appends to payload its check, which depends on the frame's head.
func appendCheck(payload, head []byte) []byte {
	return binary.LittleEndian.AppendUint64(payload, payloadCheck(payload, head))
}

func payloadCheck(payload, head []byte) uint64 {
	d := xxhash.NewWithSeed(binary.LittleEndian.Uint64(head[headBytes-checkBytes:]))
	d.Write(payload)
	return d.Sum64()
}

// frameReader finds the intact frames of one stream.
type frameReader struct {
	r       io.Reader
	longest int // payload that is read

	buf   []byte // what was read and is not done with
	start int    // of it, in buf

	saved   time.Time // of the present frame
	payload []byte

	stream  uint64
	number  uint64 // the next frame's
	frames  int
	skipped int64 // bytes in which there was no intact frame of the stream

	ended   bool
	entries uint64 // that the stream has, if it ended
	err     error  // of r
	empty   int    // reads in a row that returned no bytes
}

// emptyReads is how many reads in a row may return no bytes and no error.
const emptyReads = 100

// next goes on to the next intact frame of entries, and reports whether there
// is one.
func (f *frameReader) next() bool {
	for !f.ended {
		if !f.fill(headBytes) {
			f.skipped += int64(len(f.buf) - f.start)
			return false
		}
		kind, ok := f.frame()
		if !ok {
			f.skip()
			continue
		}
		if kind == entriesFrame {
			f.frames++
			return true
		}
		if len(f.payload) == 8 {
			f.ended, f.entries = true, binary.LittleEndian.Uint64(f.payload)
		}
	}
	return false
}

// frame reads the frame that begins at start, if an intact one does, and goes on
// behind it.
func (f *frameReader) frame() (kind byte, ok bool) {
	head := f.buf[f.start : f.start+headBytes]
	le := binary.LittleEndian
	if string(head[:8]) != frameMark || le.Uint64(head[headBytes-checkBytes:]) != xxhash.Sum64(head[:headBytes-checkBytes]) {
		return 0, false
	}
	stream, number := le.Uint64(head[8:]), le.Uint64(head[16:])
	saved := time.Unix(0, int64(le.Uint64(head[24:])))
	length := int64(le.Uint32(head[33:]))
	if kind = head[32]; length > int64(f.longest) || f.frames > 0 && (stream != f.stream || number < f.number) {
		return 0, false
	}
	end := headBytes + int(length) + checkBytes
	if !f.fill(end) {
		return 0, false
	}
	head = f.buf[f.start : f.start+headBytes] // fill may have moved it
	f.payload = f.buf[f.start+headBytes : f.start+end-checkBytes]
	if le.Uint64(f.buf[f.start+end-checkBytes:]) != payloadCheck(f.payload, head) {
		return 0, false
	}
	f.start += end
	f.stream, f.number, f.saved = stream, number+1, saved
	return kind, true
}

// skip goes on to where the next mark may begin.
func (f *frameReader) skip() {
	rest := f.buf[f.start+1:]
	n := bytes.IndexByte(rest, frameMark[0])
	if n < 0 {
		n = len(rest)
	}
	f.start += 1 + n
	f.skipped += int64(1 + n)
}

// fill sees to it that buf has n bytes from start on, if the stream does.
func (f *frameReader) fill(n int) bool {
	for len(f.buf)-f.start < n && f.err == nil {
		if f.start > 0 {
			f.buf = f.buf[:copy(f.buf, f.buf[f.start:])]
			f.start = 0
		}
		if cap(f.buf) < max(n, frameMost) {
			f.buf = append(make([]byte, 0, max(n, frameMost)), f.buf...)
		}
		read, err := f.r.Read(f.buf[len(f.buf):cap(f.buf)])
		f.buf = f.buf[:len(f.buf)+read]
		if err == io.EOF {
			break
		}
		if f.empty++; read > 0 {
			f.empty = 0
		}
		if err == nil && f.empty == emptyReads {
			err = io.ErrNoProgress
		}
		f.err = err
	}
	return len(f.buf)-f.start >= n
}
