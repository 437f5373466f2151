package main

import (
	"bytes"
	"cmp"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// chart is a chart of horizontal bars or of lines, as SVG that reads well on a
// light page and on a dark one.
type chart struct {
	File  string // without the extension
	Title string
	X, Y  string // the axes
	Bars  []bar  // the first one is on top
	Lines []line // over a logarithmic X axis
}

// bar is a figure and its spread.
type bar struct {
	Label string
	summary
}

type line struct {
	Label  string
	Points plotter.XYs
}

func (c chart) caption() string {
	if c.Lines != nil {
		return c.Title + ": " + c.Y + " over " + c.X
	}
	return c.Title + ": " + c.X
}

// barChart returns a chart of one figure of the rows, in another unit.
func barChart(file, title, axis string, s samples, rows []string, name string, unit float64) chart {
	c := chart{File: file, Title: title, X: axis}
	for _, row := range rows {
		c.Bars = append(c.Bars, bar{row, s.summary(row, name).in(unit)})
	}
	return c
}

var (
	// ink is the colour of axes and text. In the file the page's style sheet
	// replaces it.
	ink = color.RGBA{A: 255}

	// colours have enough contrast with white and with black. The first is
	// Holdfast's.
	colours = []color.RGBA{
		{R: 0x1f, G: 0x88, B: 0x3d, A: 255},
		{R: 0xc9, G: 0x51, B: 0x0c, A: 255}, {R: 0x57, G: 0x7e, B: 0xb0, A: 255},
		{R: 0xa4, G: 0x57, B: 0xc8, A: 255}, {R: 0xa8, G: 0x80, B: 0x0a, A: 255},
		{R: 0x0d, G: 0x8f, B: 0x9c, A: 255}, {R: 0xcf, G: 0x45, B: 0x74, A: 255},
		{R: 0x7d, G: 0x85, B: 0x8f, A: 255},
	}
	peerColour = colours[2]
)

const (
	inkInFile = "#000000"
	styles    = `<style>
svg { color: #24292f }
text { fill: currentColor; font-family: Liberation Sans, Arial, Helvetica, sans-serif !important }
@media (prefers-color-scheme: dark) { svg { color: #e6edf3 } }
</style>`
)

func (c chart) svg() ([]byte, error) {
	p := plot.New()
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font = font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, style.Font.Size)
		style.Color = ink
	}
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Tick.Color = ink, ink
		axis.Tick.Marker = plainTicks{}
	}
	p.BackgroundColor = nil
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.X, c.Y
	p.Title.Padding = vg.Points(8)
	if c.Lines != nil {
		const legend = 4 * vg.Centimeter // beside the plot, not over it
		p.Legend.Top, p.Legend.XOffs, p.Legend.Padding = true, legend, vg.Points(3)
		return render(p, 11*vg.Centimeter, legend, c.drawLines(p))
	}
	const perBar = 20 // points
	bars := slices.DeleteFunc(slices.Clone(c.Bars), func(b bar) bool { return math.IsNaN(b.Median) })
	slices.Reverse(bars) // the plot counts from below
	return render(p, vg.Points(float64(len(bars)*perBar+90)), 0, drawBars(p, bars))
}

func drawBars(p *plot.Plot, bars []bar) error {
	p.X.Min = 0
	var labels []string
	var spreads struct {
		plotter.XYs
		plotter.XErrors
	}
	for i, b := range bars {
		drawn, err := plotter.NewBarChart(plotter.Values{b.Median}, vg.Points(14))
		if err != nil {
			return err
		}
		drawn.Horizontal, drawn.XMin, drawn.LineStyle.Width = true, float64(i), 0
		drawn.Color = peerColour
		if i == len(bars)-1 {
			drawn.Color = colours[0]
		}
		p.Add(drawn)
		labels = append(labels, b.Label)
		spreads.XYs = append(spreads.XYs, plotter.XY{X: b.Median, Y: float64(i)})
		spreads.XErrors = append(spreads.XErrors, struct{ Low, High float64 }{b.Low - b.Median, b.High - b.Median})
	}
	errorBars, err := plotter.NewXErrorBars(spreads)
	if err != nil {
		return err
	}
	errorBars.LineStyle.Color = ink
	p.Add(errorBars)
	p.NominalY(labels...)
	return nil
}

func (c chart) drawLines(p *plot.Plot) error {
	var ticks plot.ConstantTicks // at each measured X
	for i, l := range c.Lines {
		drawn, err := plotter.NewLine(l.Points)
		if err != nil {
			return err
		}
		drawn.Color = colours[i%len(colours)]
		drawn.Width = vg.Points(1.5)
		if i == 0 {
			drawn.Width = vg.Points(3)
		}
		if i >= len(colours) { // all colours are used
			drawn.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
		}
		p.Add(drawn)
		p.Legend.Add(l.Label, drawn)
		for _, point := range l.Points {
			tick := plot.Tick{Value: point.X, Label: strconv.FormatFloat(point.X, 'g', -1, 64)}
			if !slices.Contains(ticks, tick) {
				ticks = append(ticks, tick)
			}
		}
	}
	p.Y.Min = 0
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, ticks
	return nil
}

// plainTicks are the default ones, without trailing zeros.
type plainTicks struct{ plot.DefaultTicks }

// Ticks implements plot.Ticker.
func (t plainTicks) Ticks(low, high float64) []plot.Tick {
	ticks := t.DefaultTicks.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = strconv.FormatFloat(ticks[i].Value, 'g', 6, 64)
		}
	}
	return ticks
}

// render returns the SVG of p, with room to the right of it, unless err is not
// nil.
func render(p *plot.Plot, height, right vg.Length, err error) ([]byte, error) {
	const margin = 10
	canvas := vgsvg.New(18*vg.Centimeter, height)
	if err == nil {
		p.Draw(draw.Crop(draw.New(canvas), margin, -margin-right, margin, -margin))
	}
	var out bytes.Buffer
	_, writeErr := canvas.WriteTo(&out)
	svg := strings.ReplaceAll(out.String(), inkInFile, "currentColor")
	end := strings.Index(svg, "<svg")
	end += strings.Index(svg[end:], ">") + 1
	return []byte(svg[:end] + "\n" + styles + svg[end:]), cmp.Or(err, writeErr)
}
