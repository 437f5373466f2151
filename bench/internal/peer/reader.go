package peer

// cacheLine is how far apart a Reader looks.
const cacheLine = 64

// Reader reads the values that were found, one byte of each cache line, as
// somebody who decodes a session must at least. Each goroutine needs its own.
type Reader struct {
	Sum uint64 // of all bytes read, so that no compiler can leave the reading out

	buf  []byte // for libraries that copy the value out
	read func([]byte) error
}

// NewReader returns a Reader with room for values of up to maxValue bytes.
func NewReader(maxValue int) *Reader {
	r := &Reader{buf: make([]byte, 0, maxValue)}
	r.read = func(v []byte) error { r.Value(v); return nil }
	return r
}

// Value reads v.
func (r *Reader) Value(v []byte) {
	for i := 0; i < len(v); i += cacheLine {
		r.Sum += uint64(v[i])
	}
}
