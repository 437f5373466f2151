package record

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var space = NewNamespace("test")

func sample() Record {
	values := Values(nil).Append("a", []byte("1")).Append("", nil).Append("b", make([]byte, 300))
	return Record{Created: 12, Written: 34, Expires: 56, Idle: time.Hour, User: []byte("ada"), Values: values}
}

func TestParse(t *testing.T) {
	want := sample()
	raw := Encode(space, want, nil)
	got, err := Parse(raw)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, want, View(raw))
	assert.Equal(t, want.Values, ViewValues(raw))
	value, found := got.Values.Get("a")
	assert.True(t, found)
	assert.Equal(t, "1", string(value))
	_, found = got.Values.Get("")
	assert.True(t, found)
	_, found = got.Values.Get("c")
	assert.False(t, found)
}

// A record that ends between two values is whole.
func TestParse_of_a_record_cut_short(t *testing.T) {
	raw := Encode(space, sample(), nil)
	header := len(sample().appendHeader(nil, space))
	between := map[int]bool{header: true, header + 4: true, header + 6: true}
	for n := range len(raw) {
		_, err := Parse(raw[:n])
		if between[n] {
			assert.NoError(t, err, "%d bytes", n)
		} else {
			assert.ErrorIs(t, err, ErrDamaged, "%d bytes", n)
		}
	}
}

func TestParse_of_another_version(t *testing.T) {
	raw := Encode(space, sample(), nil)
	raw[0]++
	_, err := Parse(raw)
	assert.ErrorIs(t, err, ErrDamaged)
}

func TestPrefixes(t *testing.T) {
	other := NewNamespace("other")
	ada, bob := Record{User: []byte("ada")}, Record{User: []byte("bob")}
	raw := string(Encode(space, ada, nil))
	has := func(prefix []byte) bool { return raw[:len(prefix)] == string(prefix) }
	assert.True(t, has(space.AppendPrefix(nil)))
	assert.True(t, has(space.AppendUserPrefix(nil, ada.User)))
	assert.False(t, has(space.AppendUserPrefix(nil, bob.User)))
	assert.False(t, has(space.AppendUserPrefix(nil, nil)))
	assert.False(t, has(other.AppendPrefix(nil)))
	assert.False(t, has(other.AppendUserPrefix(nil, ada.User)))
}

func TestInstant(t *testing.T) {
	now := time.Date(2024, 5, 6, 7, 8, 9, 10, time.UTC)
	assert.True(t, now.Equal(InstantOf(now).Time()))
	assert.Zero(t, InstantOf(time.Time{}))
	assert.True(t, Instant(0).Time().IsZero())
	assert.EqualValues(t, 1, InstantOf(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)))
	last := InstantOf(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	assert.Equal(t, last, last.Plus(time.Hour), "it saturates")
	assert.Equal(t, last-1, last.Plus(-1))
	assert.Negative(t, Instant(-1<<63).Plus(-1))
	assert.Equal(t, last, ReadInstant(last.AppendTo(nil)))
}

func FuzzParse(f *testing.F) {
	f.Add(Encode(space, sample(), nil))
	f.Add([]byte{version})
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := Parse(raw)
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		length := 0
		for key, value := range r.Values.All() {
			length += len(key) + len(value) // every value can be reached
		}
		require.LessOrEqual(t, length, len(raw))
		again, err := Parse(Encode(space, r, new(Changes)))
		require.NoError(t, err)
		require.Equal(t, r.Written, again.Written)
	})
}
