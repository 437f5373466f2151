package report

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

// None stands where there is nothing to tell.
const None = "–"

// Number prints v with three significant digits, or whole if it is larger.
func Number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return None
	case a >= 100 || v == 0:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
}

// Spread prints a median and, of more than one figure, the spread around it.
func Spread(s stat.Summary) string {
	switch {
	case math.IsNaN(s.Median):
		return None
	case s.N == 1:
		return Number(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", Number(s.Median), Number(s.Low), Number(s.High))
}

// Percent prints a share.
func Percent(share float64) string { return Number(100*share) + " %" }

// Count prints n as people say it: 10 k, 8 M.
func Count(n int) string {
	switch {
	case n >= 1_000_000 && n%100_000 == 0:
		return Number(float64(n)/1e6) + " M"
	case n >= 1000 && n%100 == 0:
		return Number(float64(n)/1e3) + " k"
	default:
		return strconv.Itoa(n)
	}
}

// Size prints a number of bytes.
func Size(bytes int64) string {
	switch b := float64(bytes); {
	case bytes >= 1<<30:
		return Number(b/(1<<30)) + " GiB"
	case bytes >= 1<<20:
		return Number(b/(1<<20)) + " MiB"
	case bytes >= 1<<10:
		return Number(b/(1<<10)) + " KiB"
	default:
		return strconv.FormatInt(bytes, 10) + " B"
	}
}

// Duration prints d with three significant digits.
func Duration(d time.Duration) string {
	switch s := d.Seconds(); {
	case d >= time.Second:
		return Number(s) + " s"
	case d >= time.Millisecond:
		return Number(s*1e3) + " ms"
	case d >= time.Microsecond:
		return Number(s*1e6) + " µs"
	default:
		return strconv.FormatInt(d.Nanoseconds(), 10) + " ns"
	}
}
