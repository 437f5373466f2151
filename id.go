package holdfast

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// An ID is 256 bits of the system's CSPRNG as 43 characters of URL-safe base64,
// unless Options.NewID makes others of the same characters. No other
// string of a client reaches the store.
const (
	idBytes = 32
	idLen   = (idBytes*8 + 5) / 6

	minIDLen = 22 // 128 bits, for Options.NewID
	maxIDLen = 256
)

func randomID() string {
	var random [idBytes]byte
	rand.Read(random[:]) // it never fails: it would end the program
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// newID returns an ID for a session that begins with this request.
func (s *Session) newID() (string, error) {
	generate := s.manager.options.NewID
	if generate == nil {
		return randomID(), nil
	}
	id, err := generate(&s.request)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrID, err)
	}
	if !s.manager.mayBeID(id) {
		return "", fmt.Errorf("%w: Options.NewID returned %d bytes; an ID is %d to %d characters of A-Z, a-z, 0-9, - and _", ErrID, len(id), minIDLen, maxIDLen)
	}
	return id, nil
}

// mayBeID reports whether id has the form of the Manager's IDs.
func (m *Manager) mayBeID(id string) bool {
	if m.options.NewID == nil {
		return len(id) == idLen && isURLBase64String(id)
	}
	return minIDLen <= len(id) && len(id) <= maxIDLen && isURLBase64String(id)
}

func isURLBase64String(s string) bool {
	for i := range len(s) {
		if !isURLBase64(s[i]) {
			return false
		}
	}
	return true
}

func isURLBase64(c byte) bool { return urlBase64[c] }

var urlBase64 = func() (is [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		is[c] = true
	}
	return is
}()

const storeKeyLen = sha256.Size

// storeKey returns the key of the session in the store. It is a hash: nobody
// can log in with a key that they read in the store, and no client chooses a
// key.
func (m *Manager) storeKey(id string) string {
	var onStack [len(m.namespace) + maxIDLen]byte
	hashed := append(onStack[:0], m.namespace[:]...)
	sum := sha256.Sum256(append(hashed, id...))
	return string(sum[:])
}
