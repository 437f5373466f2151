package report

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
)

// Read reads the report.json of an earlier run.
func Read(file string) (Report, error) {
	var r Report
	data, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("%s is no report.json: %w", file, err)
	}
	return r, nil
}

const agreementIntro = `Of each comparison with Holdfast that both runs made, this is how far they agree: whether this run's median
lies within the spread of the earlier run, from its lowest to its highest round, or at least the two spreads overlap. A comparison that
was made in one round alone has no spread; it agrees if the two differ by less than a tenth.`

// Agreement tells how far this run repeats an earlier one.
func (r Report) Agreement(earlier Report) Section {
	counts := Table{
		Question: "Does this run repeat the earlier one?",
		Columns:  []string{"", "comparisons", "median within the spread", "spreads overlap", "apart"},
	}
	apart := Table{
		Question: "Where are the two apart?",
		Columns:  []string{"what", "peer", "earlier", "now"},
		Prose:    true,
	}
	before := earlier.rivals()
	for _, section := range r.Sections {
		var n [3]int
		for _, now := range section.Rivals {
			then, ok := before[rivalKey{now.Peer, now.What}]
			if !ok {
				continue
			}
			how := now.agrees(then)
			n[how]++
			if how == isApart {
				apart.Rows = append(apart.Rows, []string{now.What, now.Peer, Spread(then.Ratio), Spread(now.Ratio)})
			}
		}
		counts.Rows = append(counts.Rows, []string{section.Title, strconv.Itoa(n[isWithin] + n[overlaps] + n[isApart]),
			strconv.Itoa(n[isWithin]), strconv.Itoa(n[overlaps]), strconv.Itoa(n[isApart])})
	}
	if len(apart.Rows) == 0 {
		apart.Rows = [][]string{{"nowhere", "", "", ""}}
	}
	return Section{Title: "Beside an earlier run", Intro: agreementIntro, Tables: []Table{counts, apart}}
}

type rivalKey struct{ peer, what string }

func (r Report) rivals() map[rivalKey]Rival {
	all := make(map[rivalKey]Rival)
	for _, section := range r.Sections {
		for _, rival := range section.Rivals {
			all[rivalKey{rival.Peer, rival.What}] = rival
		}
	}
	return all
}

// agreement is how far two runs agree in one comparison.
type agreement int

const (
	isWithin agreement = iota
	overlaps
	isApart
)

func (r Rival) agrees(earlier Rival) agreement {
	then := earlier.Ratio
	if then.N < 2 {
		const tenth = 0.1
		then.Low, then.High = then.Median*(1-tenth), then.Median*(1+tenth)
	}
	switch {
	case then.Contains(r.Ratio.Median):
		return isWithin
	case then.Overlaps(r.Ratio):
		return overlaps
	}
	return isApart
}
