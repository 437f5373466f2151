package codec

import (
	"crypto/sha3"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These tests are inside the package because the public vectors fix the nonce,
// and no exported function accepts one.

// The published vectors: one for each value of the bit that CMAC's doubling
// carries.
func TestXAESVectors(t *testing.T) {
	for _, tc := range []struct{ key, associated, subkey, sealed string }{
		{"01", "", "e531954aca063d5b8d9c47a47d4cc6f0", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{"03", "c2sp.org/XAES-256-GCM", "23810ec50edb99f374409466ed1f4b7b", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		key, err := hex.DecodeString(strings.Repeat(tc.key, keySize))
		require.NoError(t, err)
		x, err := newXAES(key)
		require.NoError(t, err)

		sealed, err := x.seal(nil, []byte("ABCDEFGHIJKLMNOPQRSTUVWX"), []byte("XAES-256-GCM"), []byte(tc.associated))

		require.NoError(t, err)
		assert.Equal(t, tc.subkey, hex.EncodeToString(x.subkey[:]))
		assert.Equal(t, tc.sealed, hex.EncodeToString(sealed))
	}
}

// The specification's accumulated test: 10,000 pseudo-random messages, and the
// hash of their ciphertexts.
func TestXAESAccumulated(t *testing.T) {
	random, sum := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	draw := func(n int) []byte {
		b := make([]byte, n)
		_, _ = random.Read(b)
		return b
	}
	drawUpTo255 := func() []byte { return draw(int(draw(1)[0])) }
	for range 10_000 {
		key, nonce := draw(keySize), draw(nonceSize)
		plaintext, associated := drawUpTo255(), drawUpTo255()
		x, err := newXAES(key)
		require.NoError(t, err)

		sealed, err := x.seal(nil, nonce, plaintext, associated)
		require.NoError(t, err)
		opened, err := x.open(nonce, sealed, associated)

		require.NoError(t, err)
		require.Equal(t, string(plaintext), string(opened))
		_, _ = sum.Write(sealed)
	}
	hash := make([]byte, 32)
	_, _ = sum.Read(hash)
	assert.Equal(t, "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939", hex.EncodeToString(hash))
}
