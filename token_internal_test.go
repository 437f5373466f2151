package holdfast

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
)

// expressCookies are cookies by ID, as an Express application with
// express-session and cookie-signature writes them under the secret "keyboard
// cat".
var expressCookies = map[string]string{
	"apple": "s%3Aapple.D8Y%2BpkTAmeR0PobOhY4G97PRW%2Bj7bUnP%2F5m6%2FOn1MCU",
	"%":     "s%3A%25.kzQ6x52kKVdF35Qh62AWk4ZekS28K5XYCXKa%2FOTZ01g",
}

var expressKey = []byte("keyboard cat")

func TestSigner_writes_as_Express(t *testing.T) {
	for id, want := range expressCookies {
		assert.Equal(t, want, escapeCookie(signer{expressKey}.sign(id)))
	}
}

func TestSigner_verifies_tokens_of_Express(t *testing.T) {
	for id, cookie := range expressCookies {
		token, err := url.PathUnescape(cookie)
		assert.NoError(t, err)
		assert.Equal(t, id, verified(signer{[]byte("another key that comes first"), expressKey}, token))
	}
}

func TestSigner_ID_with_dots(t *testing.T) {
	s := signer{expressKey}
	assert.Equal(t, "a.b.c", verified(s, s.sign("a.b.c")))
}

func verified(s signer, token string) string {
	id, _ := s.verify(token)
	return id
}
