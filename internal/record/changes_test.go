package record

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func set(key, value string) Change { return SetValue(key, []byte(value)) }

func TestChanges(t *testing.T) {
	del := DeleteValue
	for name, test := range map[string]struct {
		changes []Change
		want    map[string]string
	}{
		"none":                        {nil, map[string]string{"a": "old", "b": "old"}},
		"set":                         {[]Change{set("a", "1")}, map[string]string{"a": "1", "b": "old"}},
		"set twice":                   {[]Change{set("a", "1"), set("a", "2")}, map[string]string{"a": "2", "b": "old"}},
		"set then deleted":            {[]Change{set("a", "1"), del("a")}, map[string]string{"b": "old"}},
		"deleted then set":            {[]Change{del("a"), set("a", "1")}, map[string]string{"a": "1", "b": "old"}},
		"cleared":                     {[]Change{ClearValues()}, map[string]string{}},
		"set then cleared":            {[]Change{set("c", "1"), ClearValues()}, map[string]string{}},
		"cleared then set":            {[]Change{ClearValues(), set("c", "1")}, map[string]string{"c": "1"}},
		"cleared then deleted":        {[]Change{ClearValues(), del("a")}, map[string]string{}},
		"set, cleared, set otherwise": {[]Change{set("a", "1"), ClearValues(), set("b", "2")}, map[string]string{"b": "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := Record{Values: Values(nil).Append("a", []byte("old")).Append("b", []byte("old"))}

			var made *Changes
			made = made.Plus(test.changes...)
			after, err := Parse(Encode(space, before, made))

			require.NoError(t, err)
			got := map[string]string{}
			for key, encoded := range after.Values.All() {
				require.NotContains(t, got, string(key), "each key once")
				got[string(key)] = string(encoded)
			}
			assert.Equal(t, test.want, got)
			for _, key := range []string{"a", "b", "c"} {
				encoded, found := made.Get(before.Values, key)
				want, wanted := test.want[key]
				assert.Equal(t, wanted, found, key)
				assert.Equal(t, want, string(encoded), key)
			}
		})
	}
}

// A copy has memory of its own, with an index and without one.
func TestChanges_With(t *testing.T) {
	for _, keys := range []int{1, 3 * indexFrom} {
		var cs *Changes
		for i := range keys {
			cs = cs.Plus(set(string(rune('a'+i)), "1"))
		}
		other := cs.With(set("a", "2"), SetUser("ada"))
		assert.Len(t, other.values, keys)
		value, _ := cs.Get(nil, "a")
		assert.Equal(t, "1", string(value))
		assert.Empty(t, cs.ApplyHeader(Record{}).User)
		value, _ = other.Get(nil, "a")
		assert.Equal(t, "2", string(value))
		assert.Equal(t, "ada", string(other.ApplyHeader(Record{}).User))
	}
}

func TestChanges_Alters(t *testing.T) {
	r := Record{Created: 1, Expires: 2, Idle: 3, User: []byte("ada"), Values: Values(nil).Append("a", []byte("1"))}
	sameLength := func(_ string, a, b []byte) bool { return len(a) == len(b) }
	for name, test := range map[string]struct {
		changes         []Change
		alter, lifetime bool
	}{
		"the same value":       {[]Change{set("a", "1")}, false, false},
		"an equal value":       {[]Change{set("a", "2")}, false, false},
		"another value":        {[]Change{set("a", "22")}, true, false},
		"a new value":          {[]Change{set("b", "")}, true, false},
		"delete":               {[]Change{DeleteValue("a")}, true, false},
		"delete nothing":       {[]Change{DeleteValue("b")}, false, false},
		"clear":                {[]Change{ClearValues()}, true, false},
		"the same header":      {[]Change{SetCreated(1), SetExpires(2), SetIdle(3), SetUser("ada")}, false, false},
		"another user":         {[]Change{SetUser("bob")}, true, false},
		"another idle timeout": {[]Change{SetIdle(4)}, true, true},
		"another end":          {[]Change{SetExpires(0)}, true, true},
		"another beginning":    {[]Change{SetCreated(9)}, true, true},
	} {
		var cs *Changes
		cs = cs.Plus(test.changes...)
		assert.Equal(t, test.alter, cs.Alters(r, sameLength), name)
		assert.Equal(t, test.lifetime, cs.AltersLifetime(r), name)
	}
	assert.False(t, (*Changes)(nil).Alters(r, sameLength))
	var cs *Changes
	assert.False(t, cs.Plus(ClearValues()).Alters(Record{}, sameLength), "there is nothing to clear")
}

// Alters takes linear time. Quadratic time would be many minutes.
func TestChanges_Alters_of_many_keys(t *testing.T) {
	const keys = 300_000
	var r Record
	var cs *Changes
	for i := range keys {
		key := strconv.Itoa(i)
		r.Values = r.Values.Append(key, nil)
		cs = cs.Plus(SetValue(key, nil))
	}
	assert.False(t, cs.Alters(r, nil))
	assert.True(t, cs.With(set("another", "1")).Alters(r, nil))
}
