package cache

import (
	"bytes"
	"encoding/binary"
	"io"
	"time"

	"github.com/cespare/xxhash/v2"
)

// frameReader finds the intact frames of one stream.
type frameReader struct {
	r       io.Reader
	longest int // bytes of the longest valid payload

	buf   []byte // bytes read and not yet decoded, from start on
	start int

	saved   time.Time // of the current frame
	payload []byte

	stream  uint64
	number  uint64 // the least number of the next frame
	frames  int
	skipped int64 // bytes outside the stream's intact frames

	ended   bool
	entries uint64 // in the whole stream, valid after ended
	err     error  // of r
	empty   int    // consecutive reads without bytes
}

// maxEmptyReads bounds consecutive reads that return no bytes and no error.
const maxEmptyReads = 100

// next advances to the next intact frame of entries and reports whether one
// exists.
func (f *frameReader) next() bool {
	for !f.ended {
		if !f.fill(headerBytes) {
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

// frame decodes the frame at start and advances behind it. It reports false if
// no intact frame of the stream begins there.
func (f *frameReader) frame() (kind byte, ok bool) {
	header := f.buf[f.start : f.start+headerBytes]
	le := binary.LittleEndian
	if string(header[:8]) != frameMark || le.Uint64(header[headerBytes-checkBytes:]) != xxhash.Sum64(header[:headerBytes-checkBytes]) {
		return 0, false
	}
	stream, number := le.Uint64(header[8:]), le.Uint64(header[16:])
	saved := time.Unix(0, int64(le.Uint64(header[24:])))
	length := int64(le.Uint32(header[33:]))
	if kind = header[32]; length > int64(f.longest) || f.frames > 0 && (stream != f.stream || number < f.number) {
		return 0, false
	}
	end := headerBytes + int(length) + checkBytes
	if !f.fill(end) {
		return 0, false
	}
	header = f.buf[f.start : f.start+headerBytes] // fill may move it
	f.payload = f.buf[f.start+headerBytes : f.start+end-checkBytes]
	if le.Uint64(f.buf[f.start+end-checkBytes:]) != payloadCheck(f.payload, header) {
		return 0, false
	}
	f.start += end
	f.stream, f.number, f.saved = stream, number+1, saved
	return kind, true
}

// skip advances to the next byte that may begin a frame.
func (f *frameReader) skip() {
	rest := f.buf[f.start+1:]
	n := bytes.IndexByte(rest, frameMark[0])
	if n < 0 {
		n = len(rest)
	}
	f.start += 1 + n
	f.skipped += int64(1 + n)
}

// fill reads until buf has n bytes from start on, and reports whether it has.
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
		if err == nil && f.empty == maxEmptyReads {
			err = io.ErrNoProgress
		}
		f.err = err
	}
	return len(f.buf)-f.start >= n
}
