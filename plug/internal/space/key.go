package space

import "crypto/sha256"

// A key is a tag, which says whose session it is, and a hash, which says which
// one. The hash takes in the whole seed and the whole token:
//
//   - Who reads the keys in a dump or in a callback learns no token.
//   - Who chooses tokens does not choose keys, and so neither shards nor
//     collisions.
//   - Sessions of two spaces never have the same key: the seed has a fixed
//     length, so no prefix and token can be taken for another prefix and token.
//
// The tag only lets a space find its own sessions among all. A key is longer
// than a plain SHA-256, so it is never taken for one that the package holdfast
// stores a session under.
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
	input := make([]byte, 0, 128) // on the stack, unless the token is unusually long
	input = append(input, s[:]...)
	input = append(input, token...)
	hash := sha256.Sum256(input)

	var key [keyLen]byte
	copy(key[:], s[:tagLen])
	copy(key[tagLen:], hash[:])
	return string(key[:])
}
