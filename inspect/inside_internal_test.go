package inspect

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
)

// A Page keeps no more than its doc comment says.
func TestHistory_memory(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(history{}), uintptr(110<<10))
}

func TestHistory_keeps_the_latest(t *testing.T) {
	var h history
	require.Empty(t, h.all())
	for at := range int64(points + 3) {
		h.add(point{at: at})
	}
	all := h.all()
	require.Len(t, all, points)
	require.EqualValues(t, 3, all[0].at)
	require.EqualValues(t, points+2, all[points-1].at)
}

// A total that shrinks, as after a restart of its source, has the rate 0.
func TestChart_rates(t *testing.T) {
	var all []point
	for i, hits := range []uint64{100, 160, 160, 10, 70} {
		all = append(all, point{at: int64(i+1) * 6000, hits: hits})
	}
	c := newChart("lookups", "Lookups", all, 30_000, 1, series{"Found", "l1", perSecond(func(p *point) uint64 { return p.hits }), showRate})
	require.Equal(t, "10/s", c.Top)
	require.Equal(t, "10/s", c.Lines[0].Now)
	require.Equal(t, "M882 0.0L888 100.0L894 100.0L900 0.0", c.Lines[0].Path)
}

func TestChart_without_points(t *testing.T) {
	c := newChart("lookups", "Lookups", nil, 0, 1, series{"Found", "l1", perSecond(func(p *point) uint64 { return p.hits }), showRate})
	require.Equal(t, "1/s", c.Top)
	require.Empty(t, c.Lines[0].Path)
	require.Empty(t, c.Rows)
}

func TestNiceAbove(t *testing.T) {
	for value, want := range map[float64]float64{0.3: 0.5, 1: 1, 1.1: 2, 4: 5, 6: 10, 999: 1000, 1001: 2000} {
		require.InDelta(t, want, niceAbove(value), 1e-9)
	}
}

func TestSurveyed(t *testing.T) {
	c, err := cache.New(cache.Options{MaxBytes: 1 << 20, Shards: 4})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Set("a", make([]byte, 100), 10*time.Minute))
	require.NoError(t, c.Set("b", make([]byte, 100), 40*time.Minute))
	require.NoError(t, c.Set("c", make([]byte, 3000), 40*time.Minute))
	survey := c.Survey()
	var v view
	v.surveyed(&survey, 1<<20)
	require.Equal(t, []bar{{Name: "up to 15 min", Width: "50.0", Value: "1"}, {Name: "up to 30 min", Width: "0.0", Value: "0"},
		{Name: "up to 1 h", Width: "100.0", Value: "2"}}, v.Lifetimes)
	require.Equal(t, "up to 128 B", v.Sizes[0].Name)
	require.Equal(t, "up to 4 KiB", v.Sizes[len(v.Sizes)-1].Name)
	require.Len(t, v.Shards.Columns, 4)
	require.EqualValues(t, 256<<10, v.Shards.Each)
}

func TestSurveyed_entries_without_an_end(t *testing.T) {
	c, err := cache.New(cache.Options{MaxBytes: 1 << 20, MaxValue: 4})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Set("a", nil, cache.NoExpiry))
	survey := c.Survey()
	var v view
	v.surveyed(&survey, 1<<20)
	require.Equal(t, []bar{{Name: "never", Width: "100.0", Value: "1"}}, v.Lifetimes)
}

func TestRunning(t *testing.T) {
	now := time.Now()
	require.Equal(t, []operation{
		{Name: "Loading a snapshot", Done: "25 % of 4 MiB, for 3.0 s", Value: "0.250"},
		{Name: "Listing sessions", Done: "1,000 sessions, for 2.0 s"},
	}, running([]cache.Progress{
		{Operation: "load", Unit: "bytes", Done: 1 << 20, Total: 4 << 20, Started: now.Add(-3500 * time.Millisecond)},
		{Operation: "scan", Unit: "entries", Done: 1000, Started: now.Add(-2 * time.Second)},
		{Operation: "scan", Unit: "entries", Done: 1, Total: 5, Started: now.Add(-10 * time.Millisecond)}, // too short to show
	}, now))
}

func TestHolds(t *testing.T) {
	require.Equal(t, []hold{{"a stored session", time.Millisecond, 2}, {"unheard of", 5, 0}}, holds([]cache.LockHolds{
		{Operation: "store", Longest: time.Millisecond, Slow: 2}, {Operation: "scan"}, {Operation: "unheard of", Longest: 5},
	}))
}
