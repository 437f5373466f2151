package cache

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The golden snapshot was written on a 64-bit little-endian machine. CI also
// runs these tests on big-endian and 32-bit machines: each must read the
// snapshot, and must write the same entries as the same bytes.
//
// In a bubble the clock always starts at the same instant. With one hash for
// all IDs, Save writes the entries in the order in which they were stored.

const goldenPath = "testdata/golden.snapshot"

var writeGolden = flag.Bool("golden", false, "write "+goldenPath+" anew, after the format was changed on purpose")

func goldenCache(t *testing.T) *Cache {
	c := openCache(t, Options{MaxBytes: 64 << 10, MaxValue: 4 << 10, Shards: 1})
	c.hashMask = 0
	require.NoError(t, c.Set("came back", []byte("protected"), time.Hour))
	require.NoError(t, c.Set("for ever", []byte("without expiry"), NoExpiry))
	require.NoError(t, c.Set("empty", nil, time.Minute))
	require.NoError(t, c.Set("\x00\xffé", []byte{0, 1, 0x7f, 0x80, 0xfe, 0xff}, 290*365*24*time.Hour))
	require.NoError(t, c.Set(strings.Repeat("long ", 100), bytes.Repeat([]byte("0123456789abcdef"), 200), 123_456_789*time.Microsecond))
	time.Sleep(time.Second)
	c.Get("came back")
	time.Sleep(time.Second)
	return c
}

// goldenEntries returns the entries of a cache that has loaded the golden
// snapshot at the moment of its Save.
func goldenEntries() map[string]Entry {
	return map[string]Entry{
		"came back": {Value: []byte("protected"), TTL: time.Hour - 2*time.Second, Idle: time.Second},
		"for ever":  {Value: []byte("without expiry"), TTL: NoExpiry, Idle: 2 * time.Second},
		"empty":     {Value: nil, TTL: time.Minute - 2*time.Second, Idle: 2 * time.Second},
		"\x00\xffé": {Value: []byte{0, 1, 0x7f, 0x80, 0xfe, 0xff}, TTL: 290*365*24*time.Hour - 2*time.Second, Idle: 2 * time.Second},
		strings.Repeat("long ", 100): {Value: bytes.Repeat([]byte("0123456789abcdef"), 200),
			TTL: 123_456_789*time.Microsecond - 2*time.Second, Idle: 2 * time.Second},
	}
}

func TestGoldenIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(2 * time.Second) // to the moment of the Save
		c := openCache(t, Options{})
		loaded, err := c.LoadFile(goldenPath)
		require.NoError(t, err)
		assert.Equal(t, len(goldenEntries()), loaded)

		for entry := range c.ScanValues(nil) {
			want, ok := goldenEntries()[entry.ID]
			require.True(t, ok, "%q", entry.ID)
			assert.Equal(t, string(want.Value), string(entry.Value), "%q", entry.ID)
			assert.Equal(t, want.TTL, entry.TTL, "%q", entry.ID)
			assert.InDelta(t, want.Idle, entry.Idle, 2<<tickShift, "%q", entry.ID)
		}
		hash := c.hash("came back")
		s := c.shardOf(hash)
		assert.True(t, s.arena.Header(s.find("came back", tagOf(hash))).Is(protected))
		assert.EqualValues(t, 1, s.order.protected.count)
		assert.NoError(t, c.checkInvariants())
	})
}

func TestGoldenSameBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stream bytes.Buffer
		require.NoError(t, goldenCache(t).Save(&stream))
		snapshot := stream.Bytes()
		checked := bytes.Clone(snapshot)
		rightChecks(checked)
		require.Equal(t, checked, snapshot, "its checksums are right")
		for at := 0; at < len(snapshot); { // the stream's number is random
			binary.LittleEndian.PutUint64(snapshot[at+8:], 0x0123456789abcdef)
			at += headerBytes + int(binary.LittleEndian.Uint32(snapshot[at+33:])) + checkBytes
		}
		rightChecks(snapshot)
		if *writeGolden {
			require.NoError(t, os.WriteFile(goldenPath, snapshot, 0o600))
		}
		want, err := os.ReadFile(goldenPath)
		require.NoError(t, err)
		assert.Equal(t, want, snapshot)
	})
}
