// Package chart draws the report's charts as SVG that reads well on a light
// page and on a dark one.
package chart

import (
	"bytes"
	"image/color"
	"strings"

	"gonum.org/v1/plot"
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
	style     = `<style>svg{color:#24292f}@media (prefers-color-scheme:dark){svg{color:#e6edf3}}</style>`
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
	p.BackgroundColor = color.Transparent
	p.Title.Text = title
	p.Title.Padding = vg.Points(8)
	p.Title.TextStyle.Color = ink
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color = ink
		axis.Label.TextStyle.Color = ink
		axis.Tick.Color = ink
		axis.Tick.Label.Color = ink
	}
	p.Legend.TextStyle.Color = ink
	return p
}

// render draws p and puts the style sheet in.
func render(p *plot.Plot, height vg.Length) ([]byte, error) {
	canvas := vgsvg.New(width, height)
	p.Draw(draw.New(canvas))
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
	return svg[:end] + "\n" + style + svg[end:]
}
