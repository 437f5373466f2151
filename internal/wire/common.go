package wire

// UnmarshalCommon decodes data into v if v is a non-nil *string, *int or *bool,
// the types most common in sessions, and data is exactly one value that fits
// it. Otherwise it stores nothing and reports false; the caller then decodes
// with codec.MsgPack, which handles every type and explains failures.
//
// Unlike a call through codec.Codec, it does not make v escape: v may point to
// a variable on the caller's stack, which saves the caller an allocation.
func UnmarshalCommon(data []byte, v any) bool {
	h, err := ReadHead(data)
	if err != nil || uint64(len(data)-h.Size) != h.Payload() {
		return false
	}
	switch v := v.(type) {
	case *string:
		if v != nil && h.Kind == String {
			*v = string(data[h.Size:])
			return true
		}
	case *int:
		if n, fits, _ := h.Integer(); v != nil && fits && int64(int(n)) == n {
			*v = int(n)
			return true
		}
	case *bool:
		if v != nil && h.Kind == Bool {
			*v = h.Bits != 0
			return true
		}
	}
	return false
}
