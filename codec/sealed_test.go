package codec_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/codec"
)

const secretText = "the plaintext nobody may see"

// testKey returns 32 times b, a key that is easy to find in a text.
func testKey(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func newSealed(t testing.TB, inner codec.Codec, keys ...[]byte) *codec.Sealed {
	t.Helper()
	s, err := codec.NewSealed(inner, keys...)
	require.NoError(t, err)
	return s
}

func marshal(t testing.TB, c codec.Codec, v any) []byte {
	t.Helper()
	data, err := c.Marshal(v)
	require.NoError(t, err)
	return data
}

func TestSealedRoundTrip(t *testing.T) {
	want := fullProfile()

	assert.Equal(t, want, roundTrip[profile](t, newSealed(t, codec.MsgPack{}, testKey(1)), want))
}

func TestSealedOutput(t *testing.T) {
	// It contains no plaintext and differs at each call.
	t.Run("random", func(t *testing.T) {
		s := newSealed(t, codec.JSON{}, testKey(1))

		first, second := marshal(t, s, secretText), marshal(t, s, secretText)

		assert.NotContains(t, string(first), secretText[:8])
		assert.NotEqual(t, first[1:25], second[1:25], "nonces")
		assert.NotEqual(t, first[25:], second[25:])
	})

	t.Run("41 bytes longer", func(t *testing.T) {
		plain, sealed := marshal(t, codec.MsgPack{}, "x"), marshal(t, newSealed(t, codec.MsgPack{}, testKey(1)), "x")

		assert.Len(t, sealed, len(plain)+41)
	})
}

func TestNewSealed(t *testing.T) {
	t.Run("unusable keys", func(t *testing.T) {
		for name, keys := range map[string][][]byte{
			"none": nil, "nil": {nil}, "short": {testKey(1)[:31]}, "long": {make([]byte, 33)},
			"AES-128": {make([]byte, 16)}, "second short": {testKey(1), testKey(2)[:16]},
		} {
			_, err := codec.NewSealed(codec.MsgPack{}, keys...)

			assert.ErrorIs(t, err, codec.ErrKey, name)
		}
	})

	t.Run("nil inner codec", func(t *testing.T) {
		_, err := codec.NewSealed(nil, testKey(1))

		assert.ErrorIs(t, err, codec.ErrInner)
	})

	t.Run("zero value", func(t *testing.T) {
		var zero codec.Sealed

		_, err := zero.Marshal(1)

		assert.ErrorIs(t, err, codec.ErrKey)
		assert.ErrorIs(t, zero.Bind("p").Unmarshal(make([]byte, 100), new(int)), codec.ErrKey)
	})
}

func TestSealedForgery(t *testing.T) {
	t.Run("every flipped bit", func(t *testing.T) {
		s := newSealed(t, codec.MsgPack{}, testKey(1))
		data := marshal(t, s, "value")
		for bit := range len(data) * 8 {
			flipped := slices.Clone(data)
			flipped[bit/8] ^= 1 << (bit % 8)

			require.ErrorIs(t, s.Unmarshal(flipped, new(string)), codec.ErrOpen, "bit %d", bit)
		}
	})

	t.Run("every other length", func(t *testing.T) {
		s := newSealed(t, codec.MsgPack{}, testKey(1))
		data := marshal(t, s, "value")
		for n := range data {
			require.ErrorIs(t, s.Unmarshal(data[:n], new(string)), codec.ErrOpen, "%d bytes", n)
			require.ErrorIs(t, s.Unmarshal(data[n+1:], new(string)), codec.ErrOpen, "without the first %d", n+1)
		}
		require.ErrorIs(t, s.Unmarshal(append(slices.Clone(data), 0), new(string)), codec.ErrOpen)
		require.ErrorIs(t, s.Unmarshal(nil, new(string)), codec.ErrOpen)
	})
}

func TestSealedKeys(t *testing.T) {
	t.Run("every key opens", func(t *testing.T) {
		s := newSealed(t, codec.MsgPack{}, testKey(1), testKey(2), testKey(3))
		for k := range byte(3) {
			data := marshal(t, newSealed(t, codec.MsgPack{}, testKey(k+1)), 5)

			assert.NoError(t, s.Unmarshal(data, new(int)), "key %d", k+1)
		}
	})

	t.Run("first key seals", func(t *testing.T) {
		data := marshal(t, newSealed(t, codec.MsgPack{}, testKey(1), testKey(2)), 5)

		assert.NoError(t, newSealed(t, codec.MsgPack{}, testKey(1)).Unmarshal(data, new(int)))
		assert.ErrorIs(t, newSealed(t, codec.MsgPack{}, testKey(2)).Unmarshal(data, new(int)), codec.ErrOpen)
	})

	t.Run("keys are copied", func(t *testing.T) {
		key := testKey(1)
		s := newSealed(t, codec.MsgPack{}, key)
		data := marshal(t, s, 5)

		clear(key)

		var got int
		require.NoError(t, s.Unmarshal(data, &got))
		assert.ErrorIs(t, newSealed(t, codec.MsgPack{}, key).Unmarshal(data, &got), codec.ErrOpen)
	})
}

func TestSealedRebind(t *testing.T) {
	t.Run("moves a value", func(t *testing.T) {
		s := newSealed(t, codec.MsgPack{}, testKey(1))
		data := marshal(t, s.Bind("old"), "admin")

		moved, err := s.Rebind(data, "old", "new")
		require.NoError(t, err)

		var value string
		require.NoError(t, s.Bind("new").Unmarshal(moved, &value))
		assert.Equal(t, "admin", value)
		assert.ErrorIs(t, s.Bind("old").Unmarshal(moved, &value), codec.ErrOpen)
	})

	t.Run("wrong place", func(t *testing.T) {
		s := newSealed(t, codec.MsgPack{}, testKey(1))
		data := marshal(t, s.Bind("alice"), "admin")

		_, err := s.Rebind(data, "mallory", "new")

		assert.ErrorIs(t, err, codec.ErrOpen)
	})
}

func TestSealedPlace(t *testing.T) {
	t.Run("copied value is rejected", func(t *testing.T) {
		s := newSealed(t, codec.MsgPack{}, testKey(1))
		places := []string{"", "alice\x00role", "mallory\x00role", "alice\x00name", "alice\x00role\x00"}
		for _, from := range places {
			data := marshal(t, s.Bind(from), "admin")
			for _, to := range places {
				err := s.Bind(to).Unmarshal(data, new(string))

				if from == to {
					assert.NoError(t, err, "%q", from)
				} else {
					assert.ErrorIs(t, err, codec.ErrOpen, "from %q to %q", from, to)
				}
			}
		}
	})

	// A Sealed itself is at the empty place.
	t.Run("empty", func(t *testing.T) {
		s := newSealed(t, codec.MsgPack{}, testKey(1))

		assert.NoError(t, s.Unmarshal(marshal(t, s.Bind(""), 1), new(int)))
		assert.ErrorIs(t, s.Unmarshal(marshal(t, s.Bind("p"), 1), new(int)), codec.ErrOpen)
	})
}

// quotingCodec fails with errors that quote the value.
type quotingCodec struct{}

func (quotingCodec) Marshal(v any) ([]byte, error)      { return nil, fmt.Errorf("cannot do %v", v) }
func (quotingCodec) Unmarshal(data []byte, _ any) error { return fmt.Errorf("cannot do %q", data) }

// Same compares values and not bytes, which differ at each call.
func TestSealedSame(t *testing.T) {
	s := newSealed(t, codec.MsgPack{}, testKey(1), testKey(2))
	older := newSealed(t, codec.MsgPack{}, testKey(2))
	one := marshal(t, s.Bind("p"), 1)

	assert.True(t, s.Same(one, marshal(t, older.Bind("p"), 1), "p"))
	assert.False(t, s.Same(one, marshal(t, s.Bind("p"), 2), "p"))
	assert.False(t, s.Same(one, marshal(t, s.Bind("q"), 1), "p"))
	assert.False(t, s.Same(one, one, "q"))
}

func TestSealedErrors(t *testing.T) {
	t.Run("contain no secrets", func(t *testing.T) {
		const place = "session-id-in-the-clear"
		s := newSealed(t, codec.JSON{}, testKey('K'))
		data := marshal(t, s.Bind(place), secretText)
		_, noKeys := codec.NewSealed(codec.JSON{}, testKey('K')[:30])
		_, noMarshal := newSealed(t, quotingCodec{}, testKey('K')).Bind(place).Marshal(secretText)
		for _, err := range []error{
			noKeys, noMarshal,
			s.Bind(place).Unmarshal(data, new(int)),
			s.Bind("elsewhere").Unmarshal(data, new(string)),
			newSealed(t, codec.JSON{}, testKey('L')).Bind(place).Unmarshal(data, new(string)),
		} {
			require.Error(t, err)
			text := fmt.Sprintf("%+v %#v", err, errors.Unwrap(err))
			assert.NotContains(t, text, "KKKK")
			assert.NotContains(t, text, "plaintext")
			assert.NotContains(t, text, place)
		}
	})

	// A value that opens but does not decode is not an ErrOpen.
	t.Run("inner failure", func(t *testing.T) {
		s := newSealed(t, codec.MsgPack{}, testKey(1))

		err := s.Unmarshal(marshal(t, s, "text"), new(int))

		assert.Error(t, err)
		assert.NotErrorIs(t, err, codec.ErrOpen)
	})
}

// No verb of fmt and no logger prints a key or a place.
func TestSealedFormat(t *testing.T) {
	s := newSealed(t, codec.MsgPack{}, testKey('K'))
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "codec", s, "bound", s.Bind("place"))
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "codec", s, "bound", s.Bind("place"))
	texts := []string{logged.String()}
	for _, v := range []any{s, *s, s.Bind("place"), struct{ C codec.Codec }{s.Bind("place")}, []codec.Codec{s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			texts = append(texts, fmt.Sprintf(verb, v))
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		texts = append(texts, fmt.Sprintf(verb, struct{ c, d any }{s, s.Bind("place")}))
	}
	for _, text := range texts {
		assert.NotContains(t, text, "KKKK")
		assert.NotContains(t, text, "75 75")                 // K in decimal
		assert.NotContains(t, strings.ToLower(text), "4b4b") // and in hexadecimal
		assert.NotContains(t, text, "place")
	}
}

func TestSealedConcurrency(t *testing.T) {
	s := newSealed(t, codec.MsgPack{}, testKey(1), testKey(2))
	concurrently(func(g, i int) {
		place := s.Bind(fmt.Sprint(g))
		data, err := place.Marshal(i)
		assert.NoError(t, err)
		var got int
		assert.NoError(t, place.Unmarshal(data, &got))
		assert.Equal(t, i, got)
	})
}

// goldenValue returns "value", sealed in version 1 with testKey(1) at the place
// "here".
func goldenValue(t testing.TB) []byte {
	t.Helper()
	data, err := hex.DecodeString("0189bb394c43c75402635fc2e4b0b4778be13b4812ed83e4e55cdcd4a978bdaab295e7716c0ff1f6683312f82e81fd")
	require.NoError(t, err)
	return data
}

// A value that an earlier release sealed still opens.
func TestSealedGolden(t *testing.T) {
	var got string

	require.NoError(t, newSealed(t, codec.MsgPack{}, testKey(1)).Bind("here").Unmarshal(goldenValue(t), &got))

	assert.Equal(t, "value", got)
}

func FuzzSealedOpen(f *testing.F) {
	s := newSealed(f, codec.MsgPack{}, testKey(1))
	sealed := goldenValue(f)
	f.Add(sealed, "here")
	f.Add(sealed, "there")
	f.Add(sealed[:41], "here")
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, data []byte, place string) {
		var got string

		err := s.Bind(place).Unmarshal(data, &got)

		if bytes.Equal(data, sealed) && place == "here" {
			require.NoError(t, err)
			require.Equal(t, "value", got)
		} else {
			require.ErrorIs(t, err, codec.ErrOpen)
		}
	})
}

func FuzzSealedRoundTrip(f *testing.F) {
	s := newSealed(f, codec.MsgPack{}, testKey(1))
	f.Add([]byte("value"), "place")
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, value []byte, place string) {
		data := marshal(t, s.Bind(place), value)
		var got []byte

		require.NoError(t, s.Bind(place).Unmarshal(data, &got))

		require.True(t, bytes.Equal(value, got))
	})
}
