package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// chart is a chart of horizontal bars or of lines, as SVG that reads well on a
// light page and on a dark one.
type chart struct {
	File  string // without the extension
	Title string
	X     string // the unit of bars, or the axes of lines
	Bars  []bar  // the first one is on top

	// Lines are of percentages over a logarithmic X axis with these marks.
	Lines []line
	Marks []int
}

// bar is a figure and its spread.
type bar struct {
	Label string
	summary
}

type line struct {
	Label    string
	Percents []float64 // by mark; NaN for none
}

// barChart returns a chart of one figure in another unit, with a bar for each
// row that has the figure.
func barChart(file, title, axis string, s samples, rows []string, name string, unit float64) chart {
	c := chart{File: file, Title: title, X: axis}
	for _, row := range rows {
		if figure := s.summary(row, name); figure.N > 0 {
			c.Bars = append(c.Bars, bar{row, figure.in(unit)})
		}
	}
	return c
}

// colours have enough contrast with white and with black. The first is
// Holdfast's.
var colours = []string{"#1f883d", "#c9510c", "#577eb0", "#a457c8", "#a8800a", "#0d8f9c", "#cf4574", "#7d858f"}

// plotLeft, plotTop and plotWidth are the place of the bars or lines, in
// pixels. Labels stand around it.
const plotLeft, plotTop, plotWidth = 180.0, 40.0, 400.0

const svgHead = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f">
<style>
svg { color: #24292f }
text { fill: currentColor; font: 13px Liberation Sans, Arial, Helvetica, sans-serif }
path { stroke: currentColor }
@media (prefers-color-scheme: dark) { svg { color: #e6edf3 } }
</style>
`

// drawing is an SVG file.
type drawing struct{ strings.Builder }

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

// text adds a text with its start, middle or end at x.
func (d *drawing) text(anchor string, x, y float64, text string) {
	d.add(`<text text-anchor="%s" x="%.1f" y="%.1f">%s</text>`, anchor, x, y, html.EscapeString(text))
}

func (c chart) svg() string {
	draw, height := c.drawBars, float64(22*len(c.Bars))
	if c.Lines != nil {
		draw, height = c.drawLines, 330
	}
	var d drawing
	d.add(svgHead, plotLeft+plotWidth+140, plotTop+height+50)
	d.text("middle", plotLeft+plotWidth/2, 20, c.Title)
	d.text("middle", plotLeft+plotWidth/2, plotTop+height+40, c.X)
	draw(&d, height)
	d.add("</svg>")
	return d.String()
}

func (c chart) drawBars(d *drawing, height float64) {
	most := 0.0
	for _, b := range c.Bars {
		most = max(most, b.High)
	}
	x := func(figure float64) float64 { return plotLeft + plotWidth*max(0, figure)/most }
	colour := colours[0]
	for i, b := range c.Bars {
		y := plotTop + height*float64(i)/float64(len(c.Bars))
		d.text("end", plotLeft-8, y+12, b.Label)
		d.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="15" fill="%s"/>`, plotLeft, y, x(b.Median)-plotLeft, colour)
		d.add(`<path d="M%.1f %.1fH%.1f"/>`, x(b.Low), y+7.5, x(b.High))
		d.text("start", x(b.High)+6, y+12, number(b.Median))
		colour = colours[2]
	}
}

func (c chart) drawLines(d *drawing, height float64) {
	least, most := float64(c.Marks[0]), float64(c.Marks[len(c.Marks)-1])
	x := func(mark int) float64 {
		return plotLeft + plotWidth*math.Log(float64(mark)/least)/max(math.Log(most/least), 1e-9)
	}
	y := func(percent float64) float64 { return plotTop + height*(1-percent/100) }
	for percent := 0.0; percent <= 100; percent += 20 {
		d.text("end", plotLeft-8, y(percent)+5, fmt.Sprint(percent))
		d.add(`<path d="M%.1f %.1fh%.1f" opacity="0.2"/>`, plotLeft, y(percent), plotWidth)
	}
	for _, mark := range c.Marks {
		d.text("middle", x(mark), plotTop+height+18, fmt.Sprint(mark))
	}
	legend := plotTop
	for i, l := range c.Lines {
		style := fmt.Sprintf(`fill="none" stroke="%s" stroke-width="%d"`, colours[i%len(colours)], max(2, 4-2*i))
		if i >= len(colours) { // all colours are used
			style += ` stroke-dasharray="5 3"`
		}
		var points strings.Builder
		for m, percent := range l.Percents {
			if !math.IsNaN(percent) {
				fmt.Fprintf(&points, "%.1f,%.1f ", x(c.Marks[m]), y(percent))
			}
		}
		if points.Len() == 0 {
			continue
		}
		d.add(`<polyline points="%s" %s/>`, points.String(), style)
		d.add(`<polyline points="%.1f,%.1f %.1f,%.1f" %s/>`, plotLeft+plotWidth+15, legend, plotLeft+plotWidth+35, legend, style)
		d.text("start", plotLeft+plotWidth+40, legend+5, l.Label)
		legend += 20
	}
}
