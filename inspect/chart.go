package inspect

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// A chart of the history is chartWidth seconds wide and chartHeight units high.
// The page stretches it, so its texts are outside of the picture.
const (
	chartWidth  = int64(window / time.Second)
	chartHeight = 100
)

// binTime is the time that one place of a line is for.
const binTime = 6 * time.Second

// chart is lines over the time of the history, as a picture and as a table.
type chart struct {
	ID, Title string
	Top       string // the value at the upper edge
	Lines     []line
	Rows      []row // a row for each whole minute, the latest first
}

type line struct {
	Name, Class string
	Path, Area  string // of SVG
	Now         string // the latest value
}

type row struct {
	Time  string // 14:02
	Cells []string
}

// series is the source of a line. of returns its value between two points.
type series struct {
	name, class string
	of          func(a, b *point) float64
	show        func(float64) string
}

// perSecond returns the source of a count's rate.
func perSecond(total func(*point) uint64) func(a, b *point) float64 {
	return func(a, b *point) float64 {
		if b.at <= a.at || total(b) < total(a) {
			return 0
		}
		return float64(total(b)-total(a)) / (float64(b.at-a.at) / 1000)
	}
}

// newChart returns a chart of the points up to now, in Unix milliseconds. Its
// upper edge is at least least.
func newChart(id, title string, all []point, now int64, least float64, of ...series) chart {
	bins := lastOfEach(all, binTime)
	minutes := lastOfEach(all, time.Minute)
	top := least
	for _, s := range of {
		for i := 1; i < len(bins); i++ {
			top = max(top, s.of(bins[i-1], bins[i]))
		}
	}
	if top > least {
		top = niceAbove(top)
	}
	c := chart{ID: id, Title: title, Top: of[0].show(top)}
	for _, s := range of {
		c.Lines = append(c.Lines, s.line(bins, now, top))
	}
	for i := len(minutes) - 2; i > 0; i-- { // without the minute that is under way
		r := row{Time: time.UnixMilli(minutes[i].at).Format("15:04")}
		for _, s := range of {
			r.Cells = append(r.Cells, s.show(s.of(minutes[i-1], minutes[i])))
		}
		c.Rows = append(c.Rows, r)
	}
	return c
}

// lastOfEach returns the last point of each span of time that has points.
func lastOfEach(all []point, span time.Duration) (last []*point) {
	for i := range all {
		p := &all[i]
		if n := len(last); n > 0 && last[n-1].at/span.Milliseconds() == p.at/span.Milliseconds() {
			last[n-1] = p
			continue
		}
		last = append(last, p)
	}
	return last
}

func (s series) line(bins []*point, now int64, top float64) line {
	l := line{Name: s.name, Class: s.class, Now: "–"}
	var path []byte
	first, x := 0.0, 0.0
	for i := 1; i < len(bins); i++ {
		a, b := bins[i-1], bins[i]
		value := s.of(a, b)
		x = max(0, float64(chartWidth)-float64(now-b.at)/1000)
		y := chartHeight * (1 - min(1, value/max(top, math.SmallestNonzeroFloat64)))
		if len(path) == 0 {
			first = x
			path = append(path, 'M')
		} else {
			path = append(path, 'L')
		}
		path = strconv.AppendFloat(path, math.Round(x), 'f', 0, 64)
		path = append(path, ' ')
		path = strconv.AppendFloat(path, y, 'f', 1, 64)
		l.Now = s.show(value)
	}
	if len(path) > 0 {
		l.Path = string(path)
		l.Area = fmt.Sprintf("%sL%.0f %dL%.0f %dZ", path, x, chartHeight, first, chartHeight)
	}
	return l
}

// niceAbove returns the least of 1, 2 and 5 times a power of ten that is not
// below value.
func niceAbove(value float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(value)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= value {
			return factor * power
		}
	}
	return 10 * power
}

// bar is a row of a table with a bar.
type bar struct {
	Name    string
	Width   string // from 0 to 100
	Value   string
	Class   string
	Current bool
}

func newBar(name string, share float64, value string) bar {
	return bar{Name: name, Width: strconv.FormatFloat(100*min(1, max(0, share)), 'f', 1, 64), Value: value}
}

// part is a piece of the stacked bar.
type part struct {
	Name, Class string
	Bytes       int64
	X, Width    string // of 1000
	Share       float64
}

// stack places the parts of total one after the other.
func stack(total int64, parts ...part) []part {
	x := 0.0
	for i := range parts {
		p := &parts[i]
		p.Share = float64(p.Bytes) / float64(max(1, total))
		p.X, p.Width = strconv.FormatFloat(1000*x, 'f', 1, 64), strconv.FormatFloat(1000*p.Share, 'f', 1, 64)
		x += p.Share
	}
	return parts
}
