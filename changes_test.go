package holdfast

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChangesApplyInTheOrderTheyWereMade(t *testing.T) {
	set := func(key, value string) change { return change{what: valueSet, key: key, encoded: []byte(value)} }
	del := func(key string) change { return change{what: valueDeleted, key: key} }
	clear := change{what: valuesCleared}
	for name, test := range map[string]struct {
		changes []change
		want    map[string]string
	}{
		"none":                        {nil, map[string]string{"a": "old", "b": "old"}},
		"set":                         {[]change{set("a", "1")}, map[string]string{"a": "1", "b": "old"}},
		"set twice":                   {[]change{set("a", "1"), set("a", "2")}, map[string]string{"a": "2", "b": "old"}},
		"set then deleted":            {[]change{set("a", "1"), del("a")}, map[string]string{"b": "old"}},
		"deleted then set":            {[]change{del("a"), set("a", "1")}, map[string]string{"a": "1", "b": "old"}},
		"cleared":                     {[]change{clear}, map[string]string{}},
		"set then cleared":            {[]change{set("c", "1"), clear}, map[string]string{}},
		"cleared then set":            {[]change{clear, set("c", "1")}, map[string]string{"c": "1"}},
		"set, cleared, set otherwise": {[]change{set("a", "1"), clear, set("b", "2")}, map[string]string{"b": "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := record{values: appendValue(appendValue(nil, "a", []byte("old")), "b", []byte("old"))}

			var made *changes
			made = made.plus(test.changes...)
			after, err := parseRecord(made.appendTo(nil, namespace{}, before))

			require.NoError(t, err)
			got := map[string]string{}
			for key, encoded := range after.values.all() {
				require.NotContains(t, got, string(key), "each key once")
				got[string(key)] = string(encoded)
			}
			assert.Equal(t, test.want, got)
			for _, key := range []string{"a", "b", "c"} {
				encoded, found := made.over(before.values, key)
				want, wanted := test.want[key]
				assert.Equal(t, wanted, found, key)
				assert.Equal(t, want, string(encoded), key)
			}
		})
	}
}
