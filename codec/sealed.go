package codec

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
)

// ErrKey means that a Sealed has no usable key. [NewSealed] returns an error
// that wraps it for an empty list of keys and for a key that is not 32 bytes
// long. A Sealed that NewSealed did not make returns it from Marshal, Unmarshal
// and Rebind. The remedy: pass 32 random bytes to NewSealed.
var ErrKey = errors.New("codec: Sealed needs one or more keys of 32 bytes each")

// ErrInner means that the inner codec passed to [NewSealed] is nil.
var ErrInner = errors.New("codec: Sealed needs an inner codec, such as MsgPack{}")

// ErrOpen means that none of the keys opens a sealed value at this place. The
// value may be sealed with another key or at another place, or somebody
// changed, removed or added a byte. The error does not distinguish these cases,
// so that it does not help a forger.
var ErrOpen = errors.New("codec: sealed value cannot be opened")

// A sealed value is
//
//	version (1 byte) | nonce (24 bytes) | ciphertext | tag (16 bytes)
//
// It does not identify its key: keys are few, and opening tries them in order.
const (
	sealedVersion  = 1
	sealedHeader   = 1 + nonceSize
	sealedOverhead = sealedHeader + tagSize
)

// Sealed is a codec that encrypts and authenticates the output of an inner
// codec with XAES-256-GCM. Without a key, nobody can read, change or forge a
// value. [Sealed.Bind] also ties a value to its place. The length of a value
// stays visible: a sealed value is 41 bytes longer than the output of the inner
// codec.
//
// Use it if the store is less trusted than the process: a snapshot on disk, a
// shared store, a core dump of another machine. The package comment lists the
// limits of this protection, and the steps to replace a key.
//
// Make a Sealed with [NewSealed]; the zero value fails with [ErrKey]. A Sealed
// is safe for concurrent use. It prints as its type alone, without its keys,
// for every verb of fmt.
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

// NewSealed returns a Sealed around inner. The first key seals; all keys open.
// To replace a key, put the new key first, and remove the old key when all
// values sealed with it have expired.
//
// Each key must be 32 bytes from a cryptographic random generator; a password
// is not a key. NewSealed copies the keys. It fails with an error that wraps
// [ErrKey] if there is no key or one has another length, and with [ErrInner] if
// inner is nil.
func NewSealed(inner Codec, keys ...[]byte) (*Sealed, error) {
	if inner == nil {
		return nil, ErrInner
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: got no key", ErrKey)
	}
	s := &Sealed{inner: inner}
	for i, key := range keys {
		if len(key) != keySize {
			return nil, fmt.Errorf("%w: key %d has %d bytes", ErrKey, i+1, len(key))
		}
		x, err := newXAES(key)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		s.keys = append(s.keys, x)
	}
	return s, nil
}

// Marshal encodes v with the inner codec and seals the output with the first
// key, at the empty place. The returned bytes belong to the caller and differ
// at each call. An error of the inner codec is not wrapped: it may quote the
// value.
func (s *Sealed) Marshal(v any) ([]byte, error) { return s.marshal(v, "") }

// Unmarshal opens data, sealed at the empty place, with any of the keys and
// decodes it into v with the inner codec. It returns [ErrOpen] if no key opens
// data, and another error if the inner codec fails. It keeps no reference to
// data.
func (s *Sealed) Unmarshal(data []byte, v any) error { return s.unmarshal(data, v, "") }

// Bind returns a codec that seals and opens at place. It prevents an attack:
// somebody who can write to the store, but cannot read or forge a value, copies
// the sealed value of one session over the value of another. It implements
// [Binder].
func (s *Sealed) Bind(place string) Codec { return &bound{s, place} }

// Rebind opens data at the place from and seals it with the first key at the
// place to. It returns [ErrOpen] if no key opens data at from.
func (s *Sealed) Rebind(data []byte, from, to string) ([]byte, error) {
	plaintext, err := s.open(data, from)
	if err != nil {
		return nil, err
	}
	return s.seal(plaintext, to)
}

// Same opens a and b at place and reports whether the inner codec wrote the
// same bytes for both. It reports false if one of them does not open.
func (s *Sealed) Same(a, b []byte, place string) bool {
	first, err := s.open(a, place)
	if err != nil {
		return false
	}
	second, err := s.open(b, place)
	return err == nil && bytes.Equal(first, second)
}

// Format prints the name of the type for every verb. It implements
// [fmt.Formatter].
func (Sealed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "codec.Sealed") }

// bound is a Sealed at one place. Bind returns a pointer to it, because fmt
// does not call Format on the value of an unexported field: it prints all of a
// struct there, but only the address of a pointer.
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
		return fmt.Errorf("codec: inner codec cannot decode the opened value into %T", v)
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
