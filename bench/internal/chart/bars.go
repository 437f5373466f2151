package chart

import (
	"math"
	"slices"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

// Bar is one peer's value and its spread; Low and High equal to Value draw
// none.
type Bar struct {
	Label            string
	Value, Low, High float64
}

// Bars is a chart of one horizontal bar a peer, the first one on top and in a
// colour of its own.
type Bars struct {
	File, Title, Axis string
	Bars              []Bar
}

// Add adds the bar of a peer below the others.
func (b *Bars) Add(peer string, s stat.Summary) {
	b.Bars = append(b.Bars, Bar{Label: peer, Value: s.Median, Low: s.Low, High: s.High})
}

// Name implements report.Chart.
func (b Bars) Name() string { return b.File }

// Caption implements report.Chart.
func (b Bars) Caption() string { return b.Title + ": " + b.Axis }

// SVG implements report.Chart.
func (b Bars) SVG() ([]byte, error) {
	const barWidth, perBar = 14, 20 // points
	bars := slices.Clone(b.Bars)
	bars = slices.DeleteFunc(bars, func(bar Bar) bool { return math.IsNaN(bar.Value) })
	slices.Reverse(bars) // the plot counts from below

	p := newPlot(b.Title)
	p.X.Label.Text = b.Axis
	p.X.Min = 0
	var labels []string
	spreads := &spread{}
	for i, bar := range bars {
		drawn, err := plotter.NewBarChart(plotter.Values{bar.Value}, vg.Points(barWidth))
		if err != nil {
			return nil, err
		}
		drawn.Horizontal = true
		drawn.XMin = float64(i)
		drawn.LineStyle.Width = 0
		drawn.Color = theirs
		if i == len(bars)-1 {
			drawn.Color = ours
		}
		p.Add(drawn)
		labels = append(labels, bar.Label)
		spreads.add(bar, float64(i))
	}
	errorBars, err := plotter.NewXErrorBars(spreads)
	if err != nil {
		return nil, err
	}
	errorBars.LineStyle.Color = ink
	p.Add(errorBars)
	p.NominalY(labels...)
	return render(p, vg.Points(float64(len(bars)*perBar+90)), 0)
}

// spread is what the plotter of error bars wants to know.
type spread struct {
	plotter.XYs
	plotter.XErrors
}

func (s *spread) add(b Bar, y float64) {
	s.XYs = append(s.XYs, plotter.XY{X: b.Value, Y: y})
	s.XErrors = append(s.XErrors, struct{ Low, High float64 }{b.Low - b.Value, b.High - b.Value})
}
