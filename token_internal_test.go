package holdfast

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The wire format of express-session with cookie-signature, as a real Express
// application writes it with the secret "keyboard cat".
var expressCookies = map[string]string{
	"apple": "s%3Aapple.D8Y%2BpkTAmeR0PobOhY4G97PRW%2Bj7bUnP%2F5m6%2FOn1MCU",
	"%":     "s%3A%25.kzQ6x52kKVdF35Qh62AWk4ZekS28K5XYCXKa%2FOTZ01g",
}

var expressKey = []byte("keyboard cat")

func TestASignedCookieIsByteForByteWhatExpressWrites(t *testing.T) {
	for id, want := range expressCookies {
		assert.Equal(t, want, escapeCookie(signer{expressKey}.sign(id)))
	}
}

func TestACookieThatExpressSignedVerifies(t *testing.T) {
	for id, cookie := range expressCookies {
		token, err := url.PathUnescape(cookie)
		assert.NoError(t, err)
		assert.Equal(t, id, signer{[]byte("another key that comes first"), expressKey}.verify(token))
	}
}

func TestASignedTokenIsSplitAtItsLastDot(t *testing.T) {
	s := signer{expressKey}
	assert.Equal(t, "a.b.c", s.verify(s.sign("a.b.c")))
}
