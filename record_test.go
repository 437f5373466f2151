package holdfast

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sampleRecord() record {
	values := appendValue(nil, "a", []byte("1"))
	values = appendValue(values, "", nil)
	values = appendValue(values, "b", make([]byte, 300))
	return record{created: 12, written: 34, expires: 56, idle: time.Hour, user: []byte("ada"), values: values}
}

func encodeRecord(r record) []byte { return append(r.appendHeader(nil, namespace{}), r.values...) }

func TestARecordComesBackAsItWas(t *testing.T) {
	want := sampleRecord()
	got, err := parseRecord(encodeRecord(want))
	require.NoError(t, err)
	assert.Equal(t, want, got)
	value, found := got.values.value("a")
	assert.True(t, found)
	assert.Equal(t, "1", string(value))
	_, found = got.values.value("")
	assert.True(t, found)
	_, found = got.values.value("c")
	assert.False(t, found)
}

func TestARecordCutShortIsAnErrorExceptBetweenValues(t *testing.T) {
	whole := encodeRecord(sampleRecord())
	header := len(sampleRecord().appendHeader(nil, namespace{}))
	between := map[int]bool{header: true, header + 4: true, header + 6: true}
	for n := range len(whole) {
		_, err := parseRecord(whole[:n])
		if between[n] {
			assert.NoError(t, err, "%d bytes", n)
		} else {
			assert.ErrorIs(t, err, ErrRecord, "%d bytes", n)
		}
	}
}

func TestARecordOfAnotherVersionIsAnError(t *testing.T) {
	raw := encodeRecord(sampleRecord())
	raw[0]++
	_, err := parseRecord(raw)
	assert.ErrorIs(t, err, ErrRecord)
}

func FuzzParseRecord(f *testing.F) {
	f.Add(encodeRecord(sampleRecord()))
	f.Add([]byte{recordVersion})
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := parseRecord(raw)
		if err != nil {
			require.ErrorIs(t, err, ErrRecord)
			return
		}
		length := 0
		for key, value := range r.values.all() {
			length += len(key) + len(value) // every value can be reached
		}
		require.LessOrEqual(t, length, len(raw))
		again, err := parseRecord(new(changes).appendTo(nil, namespace{}, r))
		require.NoError(t, err)
		require.Equal(t, r.written, again.written)
	})
}
