package inspect

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUnits_bytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 10 << 10: "10 KiB", 1023 << 10: "1023 KiB",
		1<<20 - 1: "1 MiB", 64 << 20: "64 MiB", 1234567: "1.18 MiB", 1 << 40: "1 TiB", 1 << 50: "1024 TiB",
	} {
		require.Equal(t, want, showBytes(n), n)
	}
}

func TestUnits_counts(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 12345: "12,345", 1234567: "1,234,567"} {
		require.Equal(t, want, showCount(n))
	}
}

func TestUnits_rates(t *testing.T) {
	for perSecond, want := range map[float64]string{0: "0/s", 0.25: "0.25/s", 9.999: "10/s", 12.34: "12.3/s", 999.6: "1,000/s", 12345: "12,345/s"} {
		require.Equal(t, want, showRate(perSecond))
	}
}

// A share that is not all is never 100 %, and one that is not none never 0 %.
func TestUnits_percent(t *testing.T) {
	for of, want := range map[float64]string{
		0: "0 %", 0.00001: "< 0.1 %", 0.005: "0.5 %", 0.5: "50 %", 0.985: "98 %", 0.995: "99.5 %", 0.99999: "> 99.9 %", 1: "100 %",
	} {
		require.Equal(t, want, showPercent(of), of)
	}
	require.Equal(t, "–", showPercent(share(0, 0)), "no lookups")
}

func TestUnits_span(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: "–", 0: "0 s", 15: "15 ns", 1500: "1.5 µs", 340 * time.Millisecond: "340 ms", 9900 * time.Millisecond: "9.9 s", 59 * time.Second: "59 s",
		time.Minute: "1 min", 90 * time.Second: "1 min 30 s", 125 * time.Minute: "2 h 5 min", 76 * time.Hour: "3 d 4 h",
	} {
		require.Equal(t, want, showSpan(d))
	}
}

// A sentence with a duration changes rarely, so that screen readers are quiet.
func TestUnits_roughly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Second: "less than a minute", 100 * time.Second: "a minute", 9 * time.Minute: "9 minutes", 29 * time.Minute: "20 minutes",
		90 * time.Minute: "an hour", 47 * time.Hour: "47 hours", 76 * time.Hour: "3 days",
	} {
		require.Equal(t, want, roughly(d))
	}
	for d, want := range map[time.Duration]string{
		0: "in the last minute", 3 * time.Minute: "in the last 3 minutes", 15 * time.Minute: "in the last 15 minutes", time.Hour: "in the last hour",
	} {
		require.Equal(t, want, inLast(d))
	}
}
