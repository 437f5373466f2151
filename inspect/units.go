package inspect

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// showBytes returns n with a binary unit and three digits: 1.25 MiB.
func showBytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 1023.5 && unit < len(byteUnits)-1 {
		value /= 1024
		unit++
	}
	return digits(value) + " " + byteUnits[unit]
}

var byteUnits = []string{"KiB", "MiB", "GiB", "TiB"}

// digits returns value with three significant digits, and all digits of larger
// numbers.
func digits(value float64) string {
	decimals := 0
	switch size := math.Abs(value); {
	case size < 9.995:
		decimals = 2
	case size < 99.95:
		decimals = 1
	}
	text := strconv.FormatFloat(value, 'f', decimals, 64)
	if decimals > 0 {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// showCount returns n with commas: 12,345.
func showCount(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// showRate returns a number per second.
func showRate(perSecond float64) string {
	if perSecond >= 999.5 {
		return showCount(uint64(perSecond+0.5)) + "/s"
	}
	return digits(perSecond) + "/s"
}

// showPercent returns a share as a percentage. Only a share of exactly 0 or 1
// is 0 % or 100 %.
func showPercent(share float64) string {
	percent := share * 100
	switch {
	case math.IsNaN(percent):
		return "–"
	case percent <= 0:
		return "0 %"
	case percent < 0.1:
		return "< 0.1 %"
	case percent < 100 && percent >= 99.95:
		return "> 99.9 %"
	case percent < 9.95:
		return strconv.FormatFloat(percent, 'f', 1, 64) + " %"
	case percent >= 99.05 && percent < 100:
		return strconv.FormatFloat(percent, 'f', 1, 64) + " %"
	}
	return strconv.FormatFloat(percent, 'f', 0, 64) + " %"
}

// showSpan returns a duration in one or two units: 340 ms, 12 min, 3 d 4 h.
func showSpan(d time.Duration) string {
	switch {
	case d < 0:
		return "–"
	case d == 0:
		return "0 s"
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d)
	case d < time.Millisecond:
		return digits(float64(d)/float64(time.Microsecond)) + " µs"
	case d < time.Second:
		return digits(float64(d)/float64(time.Millisecond)) + " ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return two(d, time.Minute, "min", time.Second, "s")
	case d < 24*time.Hour:
		return two(d, time.Hour, "h", time.Minute, "min")
	}
	return two(d, 24*time.Hour, "d", time.Hour, "h")
}

func two(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	if d%large < small {
		return fmt.Sprintf("%d %s", d/large, largeName)
	}
	return fmt.Sprintf("%d %s %d %s", d/large, largeName, d%large/small, smallName)
}

// roughly returns a duration in words and in steps, so that a sentence with it
// rarely changes.
func roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Minute:
		return "a minute"
	case d < 10*time.Minute:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	case d < time.Hour:
		return fmt.Sprintf("%d minutes", d/(10*time.Minute)*10)
	case d < 2*time.Hour:
		return "an hour"
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// inLast returns "in the last 10 minutes", for a time that roughly shows.
func inLast(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return "in the last minute"
	case d >= time.Hour && d < 2*time.Hour:
		return "in the last hour"
	case d >= 10*time.Minute && d < time.Hour:
		return fmt.Sprintf("in the last %d minutes", d/(5*time.Minute)*5)
	}
	return "in the last " + roughly(d)
}
