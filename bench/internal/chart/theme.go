// Package chart draws the report's charts as SVG that reads well on a light
// page and on a dark one.
package chart

import (
	"bytes"
	"image/color"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

const width = 18 * vg.Centimeter

// ink is what axes and text are drawn with. In the file it becomes the page's
// own colour of text, which a style sheet chooses.
var ink = color.RGBA{A: 255}

const (
	inkInFile = "#000000"
	styles    = `<style>
svg { color: #24292f }
text { fill: currentColor; font-family: Liberation Sans, Arial, Helvetica, sans-serif !important }
@media (prefers-color-scheme: dark) { svg { color: #e6edf3 } }
</style>`
)

// Colours of data, each of enough contrast with white and with black.
var (
	ours   = color.RGBA{R: 0x1f, G: 0x88, B: 0x3d, A: 255}
	theirs = color.RGBA{R: 0x57, G: 0x7e, B: 0xb0, A: 255}

	series = []color.RGBA{
		ours,
		{R: 0xc9, G: 0x51, B: 0x0c, A: 255}, {R: 0x57, G: 0x7e, B: 0xb0, A: 255},
		{R: 0xa4, G: 0x57, B: 0xc8, A: 255}, {R: 0xa8, G: 0x80, B: 0x0a, A: 255},
		{R: 0x0d, G: 0x8f, B: 0x9c, A: 255}, {R: 0xcf, G: 0x45, B: 0x74, A: 255},
		{R: 0x7d, G: 0x85, B: 0x8f, A: 255},
	}
)

// newPlot returns an empty plot on a transparent ground.
func newPlot(title string) *plot.Plot {
	p := plot.New()
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font = font.From(sans, style.Font.Size)
		style.Color = ink
	}
	p.BackgroundColor = nil
	p.Title.Text = title
	p.Title.Padding = vg.Points(8)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color = ink
		axis.Tick.Marker = plainTicks{}
		axis.Tick.Color = ink
	}
	return p
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

// sans is the font that text is laid out with; the style sheet asks for the
// like of it.
var sans = font.Font{Typeface: "Liberation", Variant: "Sans"}

// render draws p, leaving so much room on its right, and puts the style sheet
// in.
func render(p *plot.Plot, height, right vg.Length) ([]byte, error) {
	const margin = 10
	canvas := vgsvg.New(width, height)
	p.Draw(draw.Crop(draw.New(canvas), margin, -margin-right, margin, -margin))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, err
	}
	return []byte(themed(out.String())), nil
}

func themed(svg string) string {
	svg = strings.ReplaceAll(svg, inkInFile, "currentColor")
	end := strings.Index(svg, "<svg")
	end += strings.Index(svg[end:], ">") + 1
	return svg[:end] + "\n" + styles + svg[end:]
}
