package codec

import (
	"crypto/aes"
	"crypto/cipher"
)

const (
	keySize   = 32
	nonceSize = 24
	tagSize   = 16
)

// xaes is one key of XAES-256-GCM (https://c2sp.org/XAES-256-GCM), which gives AES-256-GCM a nonce of 192
// bits: the first 96 of them derive a key for this one message, and the last 96 are its GCM nonce. Random
// nonces of 96 bits would limit a key to 2^32 messages, which a server that writes 50,000 values a second
// reaches in a day; of 192 bits, to 2^80. The derivation is the counter-mode KDF of NIST SP 800-108 with CMAC-AES-256.
//
// The price, by BenchmarkSealing: 1.1 µs and 4 allocations (1456 bytes) for a message of 100 bytes on amd64,
// where AES-256-GCM with one key for all takes 0.35 µs and one.
type xaes struct {
	block  cipher.Block
	subkey [aes.BlockSize]byte // CMAC's K1, the same for all messages
}

func newXAES(key []byte) (*xaes, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	x := &xaes{block: block}
	block.Encrypt(x.subkey[:], x.subkey[:])
	double(&x.subkey)
	return x, nil
}

// double multiplies by x in GF(2^128), without a branch on the secret it works on.
func double(b *[aes.BlockSize]byte) {
	carry := b[0] >> 7
	for i := range len(b) - 1 {
		b[i] = b[i]<<1 | b[i+1]>>7
	}
	b[len(b)-1] = b[len(b)-1]<<1 ^ carry*0x87
}

// message returns the AEAD for the one message with this nonce, to be used with the rest of the nonce,
// which is returned too.
func (x *xaes) message(nonce []byte) (cipher.AEAD, []byte, error) {
	var key [2 * aes.BlockSize]byte
	for i := range 2 {
		half := key[i*aes.BlockSize:][:aes.BlockSize]
		half[1] = byte(i + 1) // the KDF's 16-bit counter
		half[2] = 'X'         // its label, and a zero
		copy(half[4:], nonce[:12])
		for j := range half {
			half[j] ^= x.subkey[j]
		}
		x.block.Encrypt(half, half)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, nil, err
	}
	aead, err := cipher.NewGCM(block)
	return aead, nonce[12:], err
}

// seal appends the ciphertext and tag of plaintext to dst. A nonce must never serve twice.
func (x *xaes) seal(dst, nonce, plaintext, associated []byte) ([]byte, error) {
	aead, rest, err := x.message(nonce)
	if err != nil {
		return nil, err
	}
	return aead.Seal(dst, rest, plaintext, associated), nil
}

func (x *xaes) open(nonce, ciphertext, associated []byte) ([]byte, error) {
	aead, rest, err := x.message(nonce)
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, rest, ciphertext, associated)
}
