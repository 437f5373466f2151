package wire_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast/internal/wire"
)

// UnmarshalCommon stores a common type, and leaves all other cases to the
// codec.
func TestUnmarshalCommon(t *testing.T) {
	number, text, flag, other := 7, "seven", true, int64(7)
	for name, test := range map[string]struct {
		data string
		into any
		want bool
	}{
		"int":                {"\x01", &number, true},
		"string":             {"\xa3one", &text, true},
		"bool":               {"\xc2", &flag, true},
		"other type":         {"\x01", &other, false},
		"string into int":    {"\xa3one", &number, false},
		"int into string":    {"\x01", &text, false},
		"int into bool":      {"\x01", &flag, false},
		"int and a byte":     {"\x01\x01", &number, false},
		"truncated string":   {"\xa3on", &text, false},
		"string and a byte":  {"\xa3onee", &text, false},
		"no data":            {"", &number, false},
		"more than an int64": {"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", &number, false},
		"nil *int":           {"\x01", (*int)(nil), false},
		"nil *string":        {"\xa3one", (*string)(nil), false},
		"nil *bool":          {"\xc2", (*bool)(nil), false},
		"not a pointer":      {"\x01", number, false},
		"nil":                {"\x01", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			number, text, flag, other = 7, "seven", true, 7
			assert.Equal(t, test.want, wire.UnmarshalCommon([]byte(test.data), test.into))
			changed := number != 7 || text != "seven" || !flag || other != 7
			assert.Equal(t, test.want, changed, "stored if true, and only then")
		})
	}
}

// The destination does not escape to the heap.
func TestUnmarshalCommonAllocatesNothing(t *testing.T) {
	data := []byte{1}
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		var n int
		if !wire.UnmarshalCommon(data, &n) || n != 1 {
			t.Error("the number was not decoded")
		}
	}))
}
