package codec

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
)

// ErrKey is wrapped by the error of [NewSealed] when it is given no key, or one that is not 32 bytes long,
// and returned by a Sealed that was not made by NewSealed. The remedy is 32 random bytes, kept secret.
var ErrKey = errors.New("codec: keys must be 32 bytes each, and at least one")

// ErrInner is returned by [NewSealed] when the inner codec is nil.
var ErrInner = errors.New("codec: Sealed needs a codec to seal the output of")

// ErrOpen is returned for bytes that were not sealed with one of the keys for this place, whatever the
// reason: another key, another place, a changed, missing or added byte. The reasons are not told apart, so
// that nobody learns from the error how close a forgery came.
var ErrOpen = errors.New("codec: sealed value cannot be opened")

// A sealed value is
//
//	version (1 byte) | nonce (24 bytes) | ciphertext | tag (16 bytes)
//
// There is no hint of the key: keys are few, and one that does not fit costs one attempt.
const (
	sealedVersion  = 1
	sealedHeader   = 1 + nonceSize
	sealedOverhead = sealedHeader + tagSize
)

// Sealed is a codec that encrypts and authenticates what an inner codec writes, with XAES-256-GCM: nobody
// without a key can read a value, alter it, or make one. [Sealed.Bind] also ties it to its place. What it
// does not hide is the length of a value, which is that of the inner codec's output and 41 bytes more.
//
// Use it when the store is less trusted than the process: a snapshot on disk, a shared store, a core
// dump of another machine. It does not protect from someone who can read this process's memory.
//
// Make one with [NewSealed]; the zero value refuses to work with [ErrKey]. It is safe for concurrent use,
// and formatting it with any verb prints no key.
type Sealed struct {
	inner Codec
	keys  []*xaes
}

var (
	_ Binder        = (*Sealed)(nil)
	_ fmt.Formatter = (*Sealed)(nil)
	_ fmt.Formatter = Sealed{}
	_ Codec         = (*bound)(nil)
	_ fmt.Formatter = (*bound)(nil)
)

// NewSealed returns a Sealed around inner. The first key seals; all of them open. To replace a key, put
// the new one first and drop the old one when all it sealed has expired. Each key must be 32 bytes from a
// cryptographic random generator: a password is not a key. The keys are copied.
func NewSealed(inner Codec, keys ...[]byte) (*Sealed, error) {
	if inner == nil {
		return nil, ErrInner
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: got none", ErrKey)
	}
	s := &Sealed{inner: inner}
	for i, key := range keys {
		if len(key) != keySize {
			return nil, fmt.Errorf("%w: key %d has %d", ErrKey, i+1, len(key))
		}
		x, err := newXAES(key)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		s.keys = append(s.keys, x)
	}
	return s, nil
}

// Marshal returns v as the inner codec writes it, sealed by the first key. The bytes belong to the caller,
// and differ each time. The error of an inner codec is not wrapped, as it may quote the value.
func (s *Sealed) Marshal(v any) ([]byte, error) { return s.marshal(v, "") }

// Unmarshal opens data with whichever key fits and has the inner codec store the value into v. It returns
// ErrOpen if none fits, and another error if what it opened does not fit v. It keeps no reference to data.
func (s *Sealed) Unmarshal(data []byte, v any) error { return s.unmarshal(data, v, "") }

// Bind returns a codec that seals for one place: what it writes opens only under the same place. Without
// it, someone who can write to the store, though unable to read or forge a value, could copy the sealed
// value of one session over that of another.
func (s *Sealed) Bind(place string) Codec { return &bound{s, place} }

// Rebind opens data at the place from, and seals it with the first key at the place to. It returns ErrOpen
// if no key opens it there.
func (s *Sealed) Rebind(data []byte, from, to string) ([]byte, error) {
	plaintext, err := s.open(data, from)
	if err != nil {
		return nil, err
	}
	return s.seal(plaintext, to)
}

// Same opens a and b at place and reports whether the inner codec wrote the same bytes for both. It is
// false if one of them cannot be opened.
func (s *Sealed) Same(a, b []byte, place string) bool {
	first, err := s.open(a, place)
	if err != nil {
		return false
	}
	second, err := s.open(b, place)
	return err == nil && bytes.Equal(first, second)
}

// Format prints the type's name and nothing within, for all verbs.
func (Sealed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "codec.Sealed") }

// bound is a Sealed at one place. It is used by pointer, because fmt prints a struct in an unexported field
// without asking its Format method, but of a pointer there only the address (for %v and its variants).
type bound struct {
	sealed *Sealed
	place  string
}

func (b *bound) Marshal(v any) ([]byte, error)      { return b.sealed.marshal(v, b.place) }
func (b *bound) Unmarshal(data []byte, v any) error { return b.sealed.unmarshal(data, v, b.place) }
func (b *bound) Format(f fmt.State, verb rune)      { b.sealed.Format(f, verb) }

func (s *Sealed) marshal(v any, place string) ([]byte, error) {
	if len(s.keys) == 0 {
		return nil, ErrKey
	}
	plaintext, err := s.inner.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("codec: inner codec cannot encode %T", v)
	}
	return s.seal(plaintext, place)
}

func (s *Sealed) unmarshal(sealed []byte, v any, place string) error {
	plaintext, err := s.open(sealed, place)
	if err != nil {
		return err
	}
	if err := s.inner.Unmarshal(plaintext, v); err != nil {
		return fmt.Errorf("codec: sealed value was opened, but the inner codec cannot decode it into %T", v)
	}
	return nil
}

func (s *Sealed) seal(plaintext []byte, place string) ([]byte, error) {
	sealed := make([]byte, sealedHeader, sealedOverhead+len(plaintext))
	sealed[0] = sealedVersion
	nonce := sealed[1:sealedHeader]
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("codec: %w", err)
	}
	return s.keys[0].seal(sealed, nonce, plaintext, []byte(place))
}

func (s *Sealed) open(sealed []byte, place string) (plaintext []byte, err error) {
	if len(s.keys) == 0 {
		return nil, ErrKey
	}
	if len(sealed) < sealedOverhead || sealed[0] != sealedVersion {
		return nil, ErrOpen
	}
	nonce, ciphertext := sealed[1:sealedHeader], sealed[sealedHeader:]
	for _, key := range s.keys {
		if plaintext, err := key.open(nonce, ciphertext, []byte(place)); err == nil {
			return plaintext, nil
		}
	}
	return nil, ErrOpen
}
