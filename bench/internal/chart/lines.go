package chart

import (
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// Point is one measurement of a line.
type Point struct{ X, Y float64 }

// Series is one line.
type Series struct {
	Label  string
	Points []Point
}

const legendWidth = 4 * vg.Centimeter

// Lines is a chart of lines, the first one stressed, over a logarithmic axis of X.
type Lines struct {
	File, Title, XAxis, YAxis string
	Series                    []Series
}

// Name implements report.Chart.
func (l Lines) Name() string { return l.File }

// Caption implements report.Chart.
func (l Lines) Caption() string { return l.Title + ": " + l.YAxis + " over " + l.XAxis }

// SVG implements report.Chart.
func (l Lines) SVG() ([]byte, error) {
	p := newPlot(l.Title)
	p.X.Label.Text, p.Y.Label.Text = l.XAxis, l.YAxis
	p.X.Scale = plot.LogScale{}
	p.X.Tick.Marker = l.ticks()
	p.Y.Min = 0
	p.Legend.Top, p.Legend.XOffs = true, legendWidth // beside the plot, not over it
	p.Legend.Padding = vg.Points(3)
	for i, s := range l.Series {
		line, err := plotter.NewLine(s.xys())
		if err != nil {
			return nil, err
		}
		line.Color = series[i%len(series)]
		line.Width = vg.Points(1.5)
		if i == 0 {
			line.Width = vg.Points(3)
		}
		// After the colours have all been used, dashes tell the lines apart.
		if i >= len(series) {
			line.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
		}
		p.Add(line)
		p.Legend.Add(s.Label, line)
	}
	return render(p, 11*vg.Centimeter, legendWidth)
}

func (s Series) xys() plotter.XYs {
	var xys plotter.XYs
	for _, point := range s.Points {
		xys = append(xys, plotter.XY(point))
	}
	return xys
}

// ticks marks each X that was measured.
func (l Lines) ticks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for _, s := range l.Series {
		for _, point := range s.Points {
			tick := plot.Tick{Value: point.X, Label: strconv.FormatFloat(point.X, 'g', -1, 64)}
			if !slices.Contains(ticks, tick) {
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}
