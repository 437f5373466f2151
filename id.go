package holdfast

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// An ID is 256 bits of the system's CSPRNG as 43 characters of URL-safe
// base64. Nothing else that a client presents reaches the store.
const (
	idBytes = 32
	idLen   = (idBytes*8 + 5) / 6
)

func newID() string {
	var random [idBytes]byte
	rand.Read(random[:]) // never fails: it ends the program rather than return weak bytes
	return base64.RawURLEncoding.EncodeToString(random[:])
}

func validID(id string) bool {
	if len(id) != idLen {
		return false
	}
	for i := range len(id) {
		if !isURLBase64(id[i]) {
			return false
		}
	}
	return true
}

func isURLBase64(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// storeKey is what the session is stored under. Being a hash, it logs nobody
// in who reads it in the store, and no client chooses it.
func storeKey(id string) string {
	sum := sha256.Sum256([]byte(id))
	return string(sum[:])
}
