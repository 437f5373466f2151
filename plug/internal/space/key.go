package space

import "crypto/sha256"

// A key is a tag, which identifies the space, and a hash, which identifies the
// session. The hash covers the whole seed and the whole token:
//
//   - A dump of the cache or a callback shows keys, but no token.
//   - A client that chooses its token chooses no key, and so neither a shard
//     nor a collision.
//   - Sessions of two spaces never have the same key. The seed has a fixed
//     length, so seed and token cannot be split at another place.
//
// The tag lets a space find its own sessions in the cache. A key is longer than
// a plain SHA-256, so it never equals a key of the package holdfast.
const (
	tagLen = 8
	keyLen = tagLen + sha256.Size
)

// seed identifies a space.
type seed [sha256.Size]byte

func newSeed(adapter, prefix string) seed {
	return sha256.Sum256([]byte(adapter + "\x00" + prefix))
}

func (s *seed) tag() string { return string(s[:tagLen]) }

func (s *seed) key(token string) string {
	input := make([]byte, 0, 128) // stays on the stack for tokens of usual length
	input = append(input, s[:]...)
	input = append(input, token...)
	hash := sha256.Sum256(input)

	var key [keyLen]byte
	copy(key[:], s[:tagLen])
	copy(key[tagLen:], hash[:])
	return string(key[:])
}
