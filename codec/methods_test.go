package codec_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/holdfast-go/holdfast/codec"
)

// celsius encodes itself with msgpack.Encoder, kelvin as raw bytes. The methods
// of both have pointer receivers.
type celsius struct{ degrees int }

func (c *celsius) EncodeMsgpack(e *msgpack.Encoder) error {
	return e.EncodeMulti(map[string]int{"c": c.degrees})
}
func (c *celsius) DecodeMsgpack(d *msgpack.Decoder) error {
	var m map[string]int
	err := d.Decode(&m)
	c.degrees = m["c"]
	return err
}

type kelvin struct{ degrees byte }

func (k *kelvin) MarshalMsgpack() ([]byte, error) { return []byte{k.degrees & 0x7f}, nil }
func (k *kelvin) UnmarshalMsgpack(b []byte) error { k.degrees = b[0]; return nil }

// rogue encodes itself as write, or panics; it always panics when it decodes.
type rogue struct {
	write string
	panic any
}

func (r rogue) MarshalMsgpack() ([]byte, error) {
	if r.panic != nil {
		panic(r.panic)
	}
	return []byte(r.write), nil
}
func (r *rogue) UnmarshalMsgpack([]byte) error { panic("rogue") }

// glutton reads two values; sluggard reads none.
type glutton struct{ celsius }

func (*glutton) DecodeMsgpack(d *msgpack.Decoder) error { return errors.Join(d.Skip(), d.Skip()) }

type sluggard struct{ celsius }

func (*sluggard) DecodeMsgpack(*msgpack.Decoder) error { return nil }

// Types encode themselves, and must do so as exactly one value.
func TestMsgPackMethods(t *testing.T) {
	t.Run("at every position", func(t *testing.T) {
		type weather struct {
			C celsius
			K *kelvin
			M map[string]celsius
			L []kelvin
		}
		want := weather{celsius{20}, &kelvin{3}, map[string]celsius{"x": {1}}, []kelvin{{4}, {5}}}

		assert.Equal(t, want, roundTrip[weather](t, codec.MsgPack{}, want))
		assert.Equal(t, celsius{7}, roundTrip[celsius](t, codec.MsgPack{}, celsius{7}))
		assert.Equal(t, celsius{7}, roundTrip[celsius](t, codec.MsgPack{}, map[string]any{"c": 7}))
	})

	t.Run("write one value", func(t *testing.T) {
		for _, written := range []string{"", "\x01\x02", "\x92\x01", "\xc1", strings.Repeat("\x91", 1000) + "\x01"} {
			_, err := codec.MsgPack{}.Marshal([]any{rogue{write: written}})

			assert.Error(t, err, "%q", written)
		}
	})

	t.Run("read one value", func(t *testing.T) {
		assert.Error(t, decodeInto[[]glutton](t, []int{1, 2}))
		assert.Error(t, decodeInto[[]sluggard](t, []int{1, 2}))
	})

	t.Run("panic is an error", func(t *testing.T) {
		_, err := codec.MsgPack{}.Marshal(rogue{panic: "boom"})
		assert.ErrorContains(t, err, "codec_test.rogue")
		assert.NotContains(t, err.Error(), "boom", "the panic value may be a secret")
		assert.ErrorContains(t, decodeInto[rogue](t, 1), "rogue")

		assert.Equal(t, "fine", roundTrip[string](t, codec.MsgPack{}, "fine"), "afterwards")
	})
}

// onlyMarshals and onlyUnmarshals have half a pair each, which MsgPack ignores.
type onlyMarshals struct{ N int }

func (onlyMarshals) MarshalJSON() ([]byte, error) { return []byte(`"half"`), nil }

type onlyUnmarshals struct{ N int }

func (*onlyUnmarshals) UnmarshalJSON([]byte) error { return errors.New("half") }

// both has text methods too, which take precedence.
type both struct{ n int }

func (b both) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(b.n), 10), nil }
func (b *both) UnmarshalText(text []byte) (err error) {
	b.n, err = strconv.Atoi(string(text))
	return err
}
func (both) MarshalJSON() ([]byte, error)  { return []byte(`"not used"`), nil }
func (*both) UnmarshalJSON(_ []byte) error { return errors.New("not used") }

func TestMsgPackJSONMethods(t *testing.T) {
	t.Run("round trip", func(t *testing.T) {
		type shop struct {
			P price
			Q *price
			M map[string]price
			L []price
			R json.RawMessage
		}
		want := shop{price{1}, &price{2}, map[string]price{"x": {3}}, []price{{4}, {5}}, json.RawMessage(`{"a": "<"}`)}

		assert.Equal(t, want, roundTrip[shop](t, codec.MsgPack{}, want))
		assert.Equal(t, `{"c":6}`, roundTrip[any](t, codec.MsgPack{}, price{6}), "a string in an any")
		assert.Equal(t, price{7}, roundTrip[price](t, codec.MsgPack{}, []byte(` {"c":7} `)))
		assert.Zero(t, roundTrip[price](t, codec.MsgPack{}, nil))
	})

	t.Run("pairs only, and last", func(t *testing.T) {
		assert.Equal(t, onlyMarshals{1}, roundTrip[onlyMarshals](t, codec.MsgPack{}, onlyMarshals{1}))
		assert.Equal(t, onlyUnmarshals{2}, roundTrip[onlyUnmarshals](t, codec.MsgPack{}, onlyUnmarshals{2}))
		assert.Equal(t, both{3}, roundTrip[both](t, codec.MsgPack{}, both{3}))
	})
}

// leaky encodes itself as write. Its errors quote the value.
type leaky struct{ write string }

func (l leaky) MarshalJSON() ([]byte, error) {
	if l.write == "" {
		return nil, errors.New(secretText)
	}
	return []byte(l.write), nil
}
func (*leaky) UnmarshalJSON(data []byte) error { return errors.New(string(data)) }

// Errors name the type, and quote neither the value nor the error of its
// method.
func TestMsgPackMethodErrors(t *testing.T) {
	t.Run("JSON", func(t *testing.T) {
		for _, written := range []string{"", secretText, `{"` + secretText, "1 2"} {
			_, err := codec.MsgPack{}.Marshal([]leaky{{written}})

			assert.ErrorContains(t, err, "codec_test.leaky")
			assert.NotContains(t, err.Error(), secretText)
		}
		for _, stored := range []any{`"` + secretText + `"`, secretText, "", 1, []int{1}} {
			err := decodeInto[leaky](t, stored)

			assert.ErrorContains(t, err, "codec_test.leaky")
			assert.NotContains(t, err.Error(), secretText)
		}
		_, err := codec.MsgPack{}.Marshal(jsonRogue{})
		assert.ErrorContains(t, err, "jsonRogue")
		assert.NotContains(t, err.Error(), "secret", "the panic value")
		assert.ErrorContains(t, decodeInto[jsonRogue](t, "1"), "jsonRogue")
	})

	t.Run("text and binary", func(t *testing.T) {
		for name, into := range map[string]any{
			"text":   new(big.Int),
			"binary": new(url.URL),
		} {
			data := marshal(t, codec.MsgPack{}, "://the secret %zz")
			err := codec.MsgPack{}.Unmarshal(data, into)
			require.Error(t, err, name)
			assert.NotContains(t, err.Error(), "secret", name)
			assert.Contains(t, err.Error(), "could not decode itself", name)
		}
	})
}
