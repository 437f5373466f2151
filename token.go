package holdfast

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// signer turns IDs into tokens and back. Without keys a token is the ID. With
// keys it has the format of Node's cookie-signature, which express-session
// uses:
//
//	s:ID.HMAC-SHA256(key, ID) in base64 without padding
//
// The first key signs, all keys verify.
type signer [][]byte

const (
	signedPrefix = "s:"
	minKeyLen    = 16

	// maxTokenLen is the length of a signed ID after escapeCookie.
	maxTokenLen = 3*len(signedPrefix) + maxIDLen + 1 + 3*43
)

func newSigner(keys [][]byte) (signer, error) {
	if keys == nil {
		return nil, nil
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: Keys is empty; nil means that IDs are not signed", ErrOptions)
	}
	var s signer
	for i, key := range keys {
		if len(key) < minKeyLen {
			return nil, fmt.Errorf("%w: key %d of Keys has %d bytes, it must have at least %d", ErrOptions, i+1, len(key), minKeyLen)
		}
		s = append(s, append([]byte(nil), key...))
	}
	return s, nil
}

func (s signer) sign(id string) string {
	if s == nil {
		return id
	}
	return signedPrefix + id + "." + signature(s[0], id)
}

// verify returns the ID of a token, or the reason why there is none.
func (s signer) verify(token string) (id string, refused Reason) {
	if s == nil {
		return token, ""
	}
	signed, ok := strings.CutPrefix(token, signedPrefix)
	dot := strings.LastIndexByte(signed, '.')
	if !ok || dot < 0 || len(signed) > maxIDLen+64 {
		return "", ReasonMalformed
	}
	id, presented := signed[:dot], signed[dot+1:]
	for _, key := range s {
		if hmac.Equal([]byte(presented), []byte(signature(key, id))) {
			return id, ""
		}
	}
	return "", ReasonSignature
}

func signature(key []byte, id string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id))
	return base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
}
