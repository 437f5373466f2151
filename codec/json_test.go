package codec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast/codec"
)

// Values keep their types in a destination of their own type.
func TestJSONTyped(t *testing.T) {
	type visit struct {
		N    int64
		Blob []byte
		Seen time.Time
	}
	want := visit{1 << 60, []byte{0, 1}, time.Date(2025, 1, 2, 3, 4, 5, 6, time.UTC)}

	assert.Equal(t, want, roundTrip[visit](t, codec.JSON{}, want))
}

// Values lose types in an any, as the doc comment of JSON says.
func TestJSONAny(t *testing.T) {
	got := roundTrip[map[string]any](t, codec.JSON{}, map[string]any{"n": 42, "b": []byte("hi")})

	assert.Equal(t, map[string]any{"n": 42.0, "b": "aGk="}, got)
}

type jsonRogue struct{}

func (jsonRogue) MarshalJSON() ([]byte, error)  { panic("secret") }
func (*jsonRogue) UnmarshalJSON(_ []byte) error { panic("rogue") }

func TestJSONErrors(t *testing.T) {
	t.Run("unsupported or malformed", func(t *testing.T) {
		_, err := codec.JSON{}.Marshal(make(chan int))
		assert.Error(t, err)
		var small int8
		for _, data := range []string{"", "300", `"x"`, "{", strings.Repeat("[", 1<<20)} {
			assert.Error(t, codec.JSON{}.Unmarshal([]byte(data), &small), "%.10q", data)
		}
		assert.Error(t, codec.JSON{}.Unmarshal([]byte("1"), small))
		assert.Error(t, codec.JSON{}.Unmarshal([]byte("1"), nil))
	})

	t.Run("trailing data", func(t *testing.T) {
		var n int

		assert.Error(t, codec.JSON{}.Unmarshal([]byte("1 2"), &n))
		assert.NoError(t, codec.JSON{}.Unmarshal([]byte("1 \n"), &n))
	})

	t.Run("panic of a method", func(t *testing.T) {
		_, err := codec.JSON{}.Marshal(jsonRogue{})

		assert.ErrorContains(t, err, "jsonRogue")
		assert.ErrorContains(t, codec.JSON{}.Unmarshal([]byte("1"), new(jsonRogue)), "jsonRogue")
	})
}
