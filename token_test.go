package holdfast_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast"
)

func TestKeys_sign_the_cookie(t *testing.T) {
	client := direct(t, holdfast.Options{Keys: [][]byte{firstKey}}, pages{"/": count})
	client.visit("/")
	assert.Regexp(t, `^s%3A[\w-]{43}\.[\w%]+$`, client.cookie.Value)
	assert.Equal(t, "2", client.visit("/"))
}

// The first key signs, and all keys verify.
func TestKeys_rotation(t *testing.T) {
	c := newCache(t)
	with := func(cookie *http.Cookie, keys ...[]byte) *directClient {
		client := direct(t, holdfast.Options{Cache: c, Keys: keys}, pages{"/": count, "/views": views})
		client.cookie = cookie
		return client
	}
	before := with(nil, firstKey)
	before.visit("/")

	rotated := with(before.cookie, secondKey, firstKey)
	assert.Equal(t, "1 true", rotated.visit("/views"), "the old key still verifies")

	fresh := with(nil, secondKey, firstKey)
	fresh.visit("/")
	assert.Equal(t, "1 true", with(fresh.cookie, secondKey).visit("/views"), "the new key signs")
	assert.Equal(t, "0 false", with(fresh.cookie, firstKey).visit("/views"))
	assert.Equal(t, "0 false", with(before.cookie, secondKey).visit("/views"), "a removed key verifies nothing")
}

// A change of the slice after New has no effect.
func TestKeys_are_copied(t *testing.T) {
	key := []byte(strings.Repeat("k", 32))
	client := direct(t, holdfast.Options{Keys: [][]byte{key}}, pages{"/": count})
	client.visit("/")
	clear(key)
	assert.Equal(t, "2", client.visit("/"))
}

func TestKeys_invalid(t *testing.T) {
	for name, keys := range map[string][][]byte{"none": {}, "an empty one": {{}}, "a short one": {firstKey, firstKey[:15]}, "a nil one": {nil}} {
		_, err := holdfast.New(holdfast.Options{Keys: keys})
		assert.ErrorIs(t, err, holdfast.ErrOptions, name)
	}
}
