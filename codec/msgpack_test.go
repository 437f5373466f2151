package codec_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/holdfast-go/holdfast/codec"
	"github.com/holdfast-go/holdfast/internal/wire"
)

// roundTrip encodes v with c and decodes the bytes into a new T.
func roundTrip[T any](t *testing.T, c codec.Codec, v any) T {
	t.Helper()
	data := marshal(t, c, v)
	var got T
	require.NoError(t, c.Unmarshal(data, &got))
	return got
}

// concurrently calls f 200 times in each of 8 goroutines, with the number of
// the goroutine and of the call.
func concurrently(f func(g, i int)) {
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 200 {
				f(g, i)
			}
		})
	}
	all.Wait()
}

// Values keep their types inside an any.
func TestMsgPackAny(t *testing.T) {
	instant := time.Date(2025, 3, 1, 12, 30, 0, 123456789, time.UTC)
	for _, tc := range []struct{ in, want any }{
		{nil, nil},
		{true, true},
		{false, false},
		{42, 42},
		{-1, -1},
		{-33, -33},
		{128, 128},
		{65536, 65536},
		{-40000, -40000},
		{math.MaxInt, math.MaxInt},
		{math.MinInt, math.MinInt},
		{int8(-5), -5},
		{uint16(500), 500},
		{int64(7), 7},
		{uint64(math.MaxUint64), uint64(math.MaxUint64)},
		{3.0, 3.0},
		{math.Inf(-1), math.Inf(-1)},
		{float32(1.5), float32(1.5)},
		{"", ""},
		{"h\xffi", "h\xffi"},
		{[]byte{0, 255}, []byte{0, 255}},
		{[]byte{}, []byte{}},
		{instant, instant},
		{time.Time{}, time.Time{}},
		{time.Second, 1000000000},
		{[]any{}, []any{}},
		{[]string{"a"}, []any{"a"}},
		{map[string]int{"a": 1}, map[string]any{"a": 1}},
		{map[int]string{1: "a"}, map[any]any{1: "a"}},
		{map[any]any{"a": 1, 2: "b"}, map[any]any{"a": 1, 2: "b"}},
		{struct{ A int }{3}, map[string]any{"A": 3}},
		{
			map[string]any{"n": 42, "in": map[string]any{"s": []any{1, "x", nil, 2.5, []byte("b"), instant}}},
			map[string]any{"n": 42, "in": map[string]any{"s": []any{1, "x", nil, 2.5, []byte("b"), instant}}},
		},
	} {
		t.Run(fmt.Sprintf("%T", tc.in), func(t *testing.T) {
			got := roundTrip[any](t, codec.MsgPack{}, tc.in)

			assert.Equal(t, tc.want, got)
		})
	}
}

// An integer that an int of 32 bits cannot hold is an int64 there.
func TestMsgPackAnyWideInteger(t *testing.T) {
	got := roundTrip[any](t, codec.MsgPack{}, int64(1)<<40)

	if math.MaxInt == math.MaxInt32 {
		assert.Equal(t, any(int64(1)<<40), got)
	} else {
		assert.EqualValues(t, int64(1)<<40, got)
		assert.IsType(t, 0, got)
	}
}

func TestMsgPackTime(t *testing.T) {
	t.Run("UTC, no monotonic reading", func(t *testing.T) {
		in := time.Now().In(time.FixedZone("far", 9*3600))

		got := roundTrip[time.Time](t, codec.MsgPack{}, in)

		assert.Equal(t, in.Round(0).UTC(), got)
	})

	t.Run("distant instants", func(t *testing.T) {
		for _, in := range []time.Time{
			time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC),
			time.Unix(1<<34-1, 1).UTC(), time.Unix(1<<34, 0).UTC(), time.Date(9999, 1, 1, 0, 0, 0, 1, time.UTC),
		} {
			assert.Equal(t, in, roundTrip[time.Time](t, codec.MsgPack{}, in))
		}
	})
}

// decodeInto encodes v, decodes the bytes into a T and returns the error of
// that.
func decodeInto[T any](t *testing.T, v any) error {
	t.Helper()
	data := marshal(t, codec.MsgPack{}, v)
	var into T
	return codec.MsgPack{}.Unmarshal(data, &into)
}

// A number that its destination cannot hold is an error, at every depth.
func TestMsgPackOverflow(t *testing.T) {
	for name, decode := range map[string]func(any) error{
		"int8":    func(v any) error { return decodeInto[int8](t, v) },
		"named":   func(v any) error { return decodeInto[grade](t, v) },
		"field":   func(v any) error { return decodeInto[struct{ N int8 }](t, map[string]any{"N": v}) },
		"element": func(v any) error { return decodeInto[[]int8](t, []any{v}) },
		"value":   func(v any) error { return decodeInto[map[string]int8](t, map[string]any{"k": v}) },
		"key":     func(v any) error { return decodeInto[map[int8]int](t, map[any]any{v: 1}) },
		"pointer": func(v any) error { return decodeInto[*int8](t, v) },
	} {
		t.Run(name, func(t *testing.T) {
			assert.NoError(t, decode(127))
			assert.NoError(t, decode(-128))
			for _, tooMuch := range []any{128, 300, -129, 1 << 20, uint64(math.MaxUint64), 1.5, math.NaN(), 1e300} {
				assert.Error(t, decode(tooMuch), "%v", tooMuch)
			}
		})
	}
	assert.Error(t, decodeInto[uint64](t, -1))
	assert.Error(t, decodeInto[uint8](t, 256))
	assert.Error(t, decodeInto[uint8](t, -1.0))
	assert.Error(t, decodeInto[int64](t, uint64(math.MaxInt64)+1))
	assert.Error(t, decodeInto[int64](t, float64(1<<63)))
	assert.Error(t, decodeInto[float64](t, int64(1<<53+1)))
	assert.Error(t, decodeInto[float64](t, uint64(math.MaxUint64)))
	assert.Error(t, decodeInto[float32](t, 1<<24+1))
	assert.Error(t, decodeInto[float32](t, 1e300))
	assert.Error(t, decodeInto[[2]int](t, []int{1, 2, 3}))
	assert.Error(t, decodeInto[[2]byte](t, []byte{1, 2, 3}))
}

func TestMsgPackMismatch(t *testing.T) {
	for name, err := range map[string]error{
		"string into int":    decodeInto[int](t, "5"),
		"int into string":    decodeInto[string](t, 5),
		"bool into int":      decodeInto[int](t, true),
		"int into bool":      decodeInto[bool](t, 1),
		"map into slice":     decodeInto[[]int](t, map[string]int{}),
		"slice into map":     decodeInto[map[string]int](t, []int{}),
		"int into struct":    decodeInto[profile](t, 1),
		"slice into struct":  decodeInto[profile](t, []int{1}),
		"int map to struct":  decodeInto[profile](t, map[int]int{1: 1}),
		"int into time":      decodeInto[time.Time](t, 1),
		"time into int":      decodeInto[int](t, time.Now()),
		"int into Stringer":  decodeInto[fmt.Stringer](t, 1),
		"int into chan":      decodeInto[chan int](t, 1),
		"int into text":      decodeInto[netip.Addr](t, 1),
		"bad text":           decodeInto[big.Int](t, "not a number"),
		"slice as key":       decodeInto[map[any]int](t, map[[1]int]int{{1}: 1}),
		"slice as any's key": decodeInto[any](t, map[[1]int]int{{1}: 1}),
	} {
		assert.Error(t, err, name)
	}
}

func TestMsgPackConversions(t *testing.T) {
	// Integers and floats convert to each other if nothing is lost.
	t.Run("numbers", func(t *testing.T) {
		assert.Equal(t, 3.0, roundTrip[float64](t, codec.MsgPack{}, 3))
		assert.Equal(t, float64(-1<<62), roundTrip[float64](t, codec.MsgPack{}, int64(-1<<62)))
		assert.Equal(t, 3, roundTrip[int](t, codec.MsgPack{}, 3.0))
		assert.Equal(t, uint8(255), roundTrip[uint8](t, codec.MsgPack{}, 255.0))
		assert.Equal(t, int64(math.MinInt64), roundTrip[int64](t, codec.MsgPack{}, float64(math.MinInt64)))
		assert.Equal(t, uint64(math.MaxUint64), roundTrip[uint64](t, codec.MsgPack{}, uint64(math.MaxUint64)))
	})

	t.Run("strings and bytes", func(t *testing.T) {
		assert.Equal(t, "ab", roundTrip[string](t, codec.MsgPack{}, []byte("ab")))
		assert.Equal(t, []byte("ab"), roundTrip[[]byte](t, codec.MsgPack{}, "ab"))
		assert.Equal(t, [3]byte{'a', 'b', 0}, roundTrip[[3]byte](t, codec.MsgPack{}, "ab"))
		assert.Equal(t, []byte{1, 2}, roundTrip[[]byte](t, codec.MsgPack{}, []int{1, 2}))
	})
}

type selfPointer *selfPointer

func TestMsgPackMarshalErrors(t *testing.T) {
	t.Run("unsupported", func(t *testing.T) {
		for _, v := range []any{make(chan int), func() {}, complex(1, 2), struct{ F func() }{}, map[string]any{"c": make(chan int)}} {
			_, err := codec.MsgPack{}.Marshal(v)

			assert.Error(t, err, "%T", v)
		}
	})

	t.Run("cyclic", func(t *testing.T) {
		slice := []any{nil}
		slice[0] = slice
		m := map[string]any{}
		m["m"] = m
		p := &profile{}
		p.Next = p
		var itself any
		itself = &itself
		var pointer selfPointer
		pointer = &pointer
		for _, v := range []any{slice, m, p, itself, pointer} {
			_, err := codec.MsgPack{}.Marshal(v)

			assert.ErrorContains(t, err, "deeper", "%T", v)
		}
	})
}

// The decoder accepts the deepest value that the encoder writes.
func TestMsgPackDepth(t *testing.T) {
	nest := func(levels int) any {
		var v any = 1
		for range levels {
			v = []any{v}
		}
		return v
	}

	assert.Equal(t, nest(1000), roundTrip[any](t, codec.MsgPack{}, nest(1000)))
	_, err := codec.MsgPack{}.Marshal(nest(1001))
	assert.Error(t, err)
}

func TestMsgPackDestination(t *testing.T) {
	t.Run("map is replaced", func(t *testing.T) {
		data := marshal(t, codec.MsgPack{}, map[string][]int{"new": {1}})
		got := map[string][]int{"old": {9}}

		require.NoError(t, codec.MsgPack{}.Unmarshal(data, &got))

		assert.Equal(t, map[string][]int{"new": {1}}, got)
	})

	t.Run("nil clears", func(t *testing.T) {
		data := marshal(t, codec.MsgPack{}, nil)
		n := 5
		number, pointer, list := 5, &n, []int{1}

		require.NoError(t, codec.MsgPack{}.Unmarshal(data, &number))
		require.NoError(t, codec.MsgPack{}.Unmarshal(data, &pointer))
		require.NoError(t, codec.MsgPack{}.Unmarshal(data, &list))

		assert.Zero(t, number)
		assert.Nil(t, pointer)
		assert.Nil(t, list)
	})

	t.Run("not a usable pointer", func(t *testing.T) {
		for _, v := range []any{nil, 5, profile{}, (*int)(nil), map[string]any{}} {
			assert.Error(t, codec.MsgPack{}.Unmarshal([]byte{1}, v), "%T", v)
		}
		assert.Error(t, codec.MsgPack{}.Unmarshal([]byte{1}, new(selfPointer)))
	})
}

// allocated returns the number of bytes that f allocates, freed or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Memory is proportional to the input, within the bounds that the doc comment
// of MsgPack states.
func TestMsgPackMemory(t *testing.T) {
	repeated := func(n int, element string) []byte {
		return append([]byte{0xdd, 0, byte(n >> 16), byte(n >> 8), byte(n)}, strings.Repeat(element, n)...)
	}
	for _, tc := range []struct {
		name    string
		data    []byte
		perByte float64
	}{
		{"nils", repeated(100_000, "\xc0"), 17},
		{"short strings", repeated(100_000, "\xa1a"), 20},
		{"empty slices", repeated(100_000, "\x90"), 42},
		{"empty maps", repeated(100_000, "\x80"), 66},
		{"maps of one entry", repeated(100_000, "\x81\xa0\xc0"), 130},
		{"maps of maps", repeated(100, strings.Repeat("\x81\xa0", 999)+"\xc0"), 170},
		{"maps of maps under nil", repeated(100, strings.Repeat("\x81\xc0", 999)+"\xc0"), 195},
		{"one key again and again", append([]byte{0xdf, 0, 1, 0, 0}, strings.Repeat("\xa0\xc0", 1<<16)...), 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var v any

			got := allocated(func() { require.NoError(t, codec.MsgPack{}.Unmarshal(tc.data, &v)) })

			assert.Less(t, float64(got)/float64(len(tc.data)), tc.perByte)
		})
	}
}

// Malformed and hostile input is an error, and costs little memory.
func TestMsgPackInput(t *testing.T) {
	t.Run("trailing bytes", func(t *testing.T) {
		var n int

		assert.ErrorContains(t, codec.MsgPack{}.Unmarshal([]byte{1, 2}, &n), "after")
	})

	t.Run("every truncation", func(t *testing.T) {
		data := marshal(t, codec.MsgPack{}, fullProfile())
		for n := range data {
			var whole profile
			var loose any
			assert.Error(t, codec.MsgPack{}.Unmarshal(data[:n], &whole), "%d bytes", n)
			assert.Error(t, codec.MsgPack{}.Unmarshal(data[:n], &loose), "%d bytes", n)
		}
	})

	t.Run("malformed", func(t *testing.T) {
		for name, data := range map[string]string{
			"empty":                    "",
			"unused format":            "\xc1",
			"unknown extension":        "\xd4\x05\x00",
			"timestamp of one byte":    "\xd4\xff\x00",
			"nanoseconds of a second":  "\xc7\x0c\xff\x3b\x9a\xca\x00\x00\x00\x00\x00\x00\x00\x00\x00",
			"nanoseconds in 64 bits":   "\xd7\xff\xff\xff\xff\xff\x00\x00\x00\x00",
			"extension without a type": "\xd4",
		} {
			var loose any
			var instant time.Time
			assert.Error(t, codec.MsgPack{}.Unmarshal([]byte(data), &loose), name)
			assert.Error(t, codec.MsgPack{}.Unmarshal([]byte(data), &instant), name)
		}
	})

	t.Run("declared length", func(t *testing.T) {
		for _, hostile := range []string{
			"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff",
			"\xc9\xff\xff\xff\xff\xff", "\xdd\x7f\xff\xff\xff\x01", "\xdf\x80\x00\x00\x00\x01\x01",
			strings.Repeat("\xdd\x00\xff\xff\xff", 500),
		} {
			for _, into := range []any{new(any), new([]int), new(map[string]any), new(map[int]int), new([]byte), new(string), new(profile), new([]string)} {
				got := allocated(func() {
					assert.ErrorContains(t, codec.MsgPack{}.Unmarshal([]byte(hostile), into), "truncated", "%T", into)
				})

				assert.Less(t, got, uint64(64<<10), "%q into %T", hostile, into)
			}
		}
	})

	// A recursive check would overflow the stack or allocate.
	t.Run("deep", func(t *testing.T) {
		for _, level := range []string{"\x91", "\x81\xa0", "\x81", "\xdc\x00\x01"} {
			hostile := []byte(strings.Repeat(level, 4<<20) + "\xc0")
			var v any

			got := allocated(func() { assert.Error(t, codec.MsgPack{}.Unmarshal(hostile, &v)) })

			assert.Less(t, got, uint64(1<<20))
		}
	})
}

func TestMsgPackOwnership(t *testing.T) {
	// The bytes belong to the caller: a later call does not touch them.
	t.Run("Marshal", func(t *testing.T) {
		first, err := codec.MsgPack{}.Marshal("first")
		require.NoError(t, err)
		_, err = codec.MsgPack{}.Marshal("later")
		require.NoError(t, err)

		var got string
		require.NoError(t, codec.MsgPack{}.Unmarshal(first, &got))
		assert.Equal(t, "first", got)
	})

	// The value shares no memory with the input.
	t.Run("Unmarshal", func(t *testing.T) {
		in := map[string]any{"k": []byte("bytes"), "s": "string"}
		data := marshal(t, codec.MsgPack{}, in)
		var got map[string]any
		require.NoError(t, codec.MsgPack{}.Unmarshal(data, &got))

		clear(data)

		assert.Equal(t, in, got)
	})
}

func TestMsgPackErrorNamesField(t *testing.T) {
	err := decodeInto[struct{ Outer struct{ Inner int8 } }](t, map[string]any{"Outer": map[string]any{"Inner": 300}})

	assert.ErrorContains(t, err, "Inner")
	assert.ErrorContains(t, err, "Outer")
	assert.NotContains(t, err.Error(), "300", "errors must not quote values")
}

// randomValue returns a value of types that an any keeps.
func randomValue(r *rand.Rand, depth int) any {
	n := 10
	if depth == 0 {
		n = 8
	}
	switch r.IntN(n) {
	case 0:
		return int(r.Uint64()) >> r.IntN(64)
	case 1:
		return math.Float64frombits(r.Uint64() &^ (1 << 62)) // not NaN, which equals nothing
	case 2:
		return strings.Repeat("s", r.IntN(300))
	case 3:
		return make([]byte, r.IntN(300))
	case 4:
		return r.IntN(2) == 0
	case 5:
		return time.Unix(r.Int64N(1<<36)-1<<35, r.Int64N(1e9)).UTC()
	case 6:
		return nil
	case 7:
		return math.MaxInt64 + 1 + r.Uint64()>>1
	case 8:
		s := make([]any, r.IntN(20))
		for i := range s {
			s[i] = randomValue(r, depth-1)
		}
		return s
	default:
		m := map[string]any{}
		for i := range r.IntN(20) {
			m[fmt.Sprint(i)] = randomValue(r, depth-1)
		}
		return m
	}
}

func TestMsgPackRandomValues(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		want := randomValue(r, 4)

		require.Equal(t, want, roundTrip[any](t, codec.MsgPack{}, want))
	}
}

// Another implementation reads the bytes.
func TestMsgPackInterop(t *testing.T) {
	data := marshal(t, codec.MsgPack{}, map[string]any{"n": 300, "s": "x", "f": 1.5, "l": []any{true, nil}})
	var got map[string]any

	require.NoError(t, msgpack.Unmarshal(data, &got))

	assert.EqualValues(t, map[string]any{"n": uint16(300), "s": "x", "f": 1.5, "l": []any{true, nil}}, got)
}

func TestMsgPackConcurrency(t *testing.T) {
	concurrently(func(g, i int) {
		want := profile{Name: fmt.Sprint(g, i), Any: map[string]any{"g": g, "i": i}, Pair: [2]int16{int16(g), int16(i)}}
		data, err := codec.MsgPack{}.Marshal(want)
		assert.NoError(t, err)
		var got profile
		assert.NoError(t, codec.MsgPack{}.Unmarshal(data, &got))
		assert.Equal(t, want.Name, got.Name)
		assert.Equal(t, want.Any, got.Any)
	})
}

// UnmarshalCommon does not support these types.
type (
	text   string
	number int
	flag   bool
)

// commonIsReflected checks that data decodes into a Common, which
// UnmarshalCommon supports, as into a Named, a type of the same kind that only
// reflection sets: both fail, or the values are equal.
func commonIsReflected[Common, Named any](t *testing.T, data []byte) {
	var direct, common Common
	var named Named
	stored := wire.UnmarshalCommon(data, &direct)
	err := codec.MsgPack{}.Unmarshal(data, &common)
	namedErr := codec.MsgPack{}.Unmarshal(data, &named)
	require.Equal(t, namedErr == nil, err == nil, "%v, by reflection %v", err, namedErr)
	if err == nil {
		require.EqualValues(t, named, common)
	}
	if stored {
		require.NoError(t, namedErr)
		require.EqualValues(t, named, direct)
	} else {
		require.Zero(t, direct)
	}
}

func FuzzMsgPackUnmarshal(f *testing.F) {
	for _, v := range []any{nil, 1, -300, "s", []byte("b"), 1.5, time.Now(), []any{1, nil}, map[string]any{"a": map[int]int{1: 2}}, fullProfile()} {
		data := marshal(f, codec.MsgPack{}, v)
		f.Add(data)
	}
	f.Add([]byte("\xdd\xff\xff\xff\xff"))
	f.Add([]byte("\x81\x91\x01\x01"))
	f.Add([]byte("\x81\xc0\x81\x91\xc0\xd4"))
	f.Add([]byte("\xa1s\x01"))
	f.Add([]byte("\xc3"))
	f.Add([]byte("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		commonIsReflected[string, text](t, data)
		commonIsReflected[int, number](t, data)
		commonIsReflected[bool, flag](t, data)
		for _, into := range []any{new(profile), new([]string), new(map[any]any), new(map[string]int8), new(int16), new(float32), new([]celsius), new([]price), new(*big.Int), new(time.Time)} {
			if err := (codec.MsgPack{}).Unmarshal(data, into); err != nil {
				assert.NotContains(t, err.Error(), "panic")
			}
		}
		var v any
		if (codec.MsgPack{}).Unmarshal(data, &v) != nil {
			return
		}
		again, err := codec.MsgPack{}.Marshal(v)
		require.NoError(t, err, "every decoded value encodes")
		var w any
		require.NoError(t, codec.MsgPack{}.Unmarshal(again, &w))
		// As text, because NaN does not equal itself. Maps print sorted.
		require.Equal(t, fmt.Sprintf("%#v", v), fmt.Sprintf("%#v", w))
	})
}
