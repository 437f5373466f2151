package chart

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/holdfast-go/holdfast/bench/internal/report"
)

func charts() []report.Chart {
	return []report.Chart{
		Bars{File: "bars", Title: "Bars", Axis: "ns", Bars: []Bar{
			{"holdfast", 100, 90, 120}, {"unknown", math.NaN(), 0, 0}, {"other", 150, 150, 150},
		}},
		Lines{File: "lines", Title: "Lines", XAxis: "sessions", YAxis: "per cent", Series: []Series{
			{"holdfast", []Point{{10, 20}, {100, 40}}}, {"other", []Point{{10, 10}, {100, 30}}},
		}},
	}
}

func TestChartsAreDrawn(t *testing.T) {
	for _, c := range charts() {
		svg, err := c.SVG()
		if err != nil {
			t.Fatal(err)
		}
		if err := wellFormed(string(svg)); err != nil {
			t.Errorf("%s is no XML: %v", c.Name(), err)
		}
		if !strings.Contains(string(svg), ">holdfast<") || strings.Contains(string(svg), ">unknown<") {
			t.Errorf("%s does not label what was measured, and only that", c.Name())
		}
		if c.Caption() == "" {
			t.Errorf("%s has no caption", c.Name())
		}
	}
}

// Ink must follow the page's colour of text, and nothing may hide the page.
func TestChartsReadInLightAndDark(t *testing.T) {
	for _, c := range charts() {
		svg, err := c.SVG()
		if err != nil {
			t.Fatal(err)
		}
		text := string(svg)
		if !strings.Contains(text, "prefers-color-scheme: dark") || !strings.Contains(text, "currentColor") {
			t.Errorf("%s does not follow the page's colours", c.Name())
		}
		for _, fixed := range []string{inkInFile, "#FFFFFF"} {
			if strings.Contains(text, fixed) {
				t.Errorf("%s is drawn with %s", c.Name(), fixed)
			}
		}
	}
}

func wellFormed(text string) error {
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
