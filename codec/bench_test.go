package codec_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/codec"
)

func fourKeys() map[string]any {
	return map[string]any{
		"user_id": 123456, "name": "Ada Lovelace", "admin": true,
		"csrf": "8f14e45fceea167a5a36dedd4bea2543",
	}
}

func benchMarshal(b *testing.B, c codec.Codec, v any) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Marshal(v); err != nil {
			b.Fatal(err)
		}
	}
}

func benchUnmarshal[T any](b *testing.B, c codec.Codec, v T) {
	data := marshal(b, c, v)
	var into T
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Unmarshal(data, &into); err != nil {
			b.Fatal(err)
		}
	}
}

func benchCodecs(b *testing.B) map[string]codec.Codec {
	return map[string]codec.Codec{
		"MsgPack": codec.MsgPack{},
		"JSON":    codec.JSON{},
		"Sealed":  newSealed(b, codec.MsgPack{}, testKey(1)),
	}
}

func BenchmarkMarshal(b *testing.B) {
	for name, c := range benchCodecs(b) {
		b.Run(name+"/map", func(b *testing.B) { benchMarshal(b, c, fourKeys()) })
		b.Run(name+"/int", func(b *testing.B) { benchMarshal(b, c, 123456) })
		b.Run(name+"/string", func(b *testing.B) { benchMarshal(b, c, "Ada Lovelace") })
		b.Run(name+"/struct", func(b *testing.B) { benchMarshal(b, c, address{Street: "Main"}) })
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	for name, c := range benchCodecs(b) {
		b.Run(name+"/map", func(b *testing.B) { benchUnmarshal(b, c, fourKeys()) })
		b.Run(name+"/int", func(b *testing.B) { benchUnmarshal(b, c, 123456) })
		b.Run(name+"/string", func(b *testing.B) { benchUnmarshal(b, c, "Ada Lovelace") })
		b.Run(name+"/struct", func(b *testing.B) { benchUnmarshal(b, c, address{Street: "Main"}) })
	}
}

func BenchmarkSealedBind(b *testing.B) {
	var s codec.Binder = newSealed(b, codec.MsgPack{}, testKey(1))
	places := []string{"one", "other"}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		bound = s.Bind(places[i&1])
		i++
	}
}

// bound keeps the compiler from removing the benchmarked call.
var bound codec.Codec

// written is a codec without cost: a benchmark of a Sealed around it measures
// the cipher.
type written []byte

func (w written) Marshal(any) ([]byte, error) { return w, nil }
func (w written) Unmarshal([]byte, any) error { return nil }

// BenchmarkSealing compares the cipher of Sealed with AES-256-GCM and a single
// key.
func BenchmarkSealing(b *testing.B) {
	plaintext := make([]byte, 100)
	b.Run("XAES", func(b *testing.B) { benchMarshal(b, newSealed(b, written(plaintext), testKey(1)), nil) })
	b.Run("GCM", func(b *testing.B) {
		block, err := aes.NewCipher(testKey(1))
		require.NoError(b, err)
		gcm, err := cipher.NewGCM(block)
		require.NoError(b, err)
		b.ReportAllocs()
		for b.Loop() {
			sealed := make([]byte, 13, 13+len(plaintext)+16)
			rand.Read(sealed[1:])
			_ = gcm.Seal(sealed, sealed[1:], plaintext, nil)
		}
	})
}
