package report

import (
	"fmt"
	"strings"

	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

// Rival compares a peer with Holdfast in one respect: what it costs there, as
// a multiple of what it costs Holdfast. Below 1 the peer is better.
type Rival struct {
	Peer  string       `json:"peer"`
	What  string       `json:"what"`
	Ratio stat.Summary `json:"ratio"`
}

// Loses reports whether the peer is better by enough to show.
func (r Rival) Loses() bool { return r.Ratio.Median < 0.995 }

// Losses is the table of all respects in which a peer is better than Holdfast,
// one row each.
func (r Report) Losses() Table {
	t := Table{
		Question: "Where is a peer better than Holdfast?",
		Columns:  []string{"what", "peers, each with its multiple of Holdfast's cost"},
		Prose:    true,
		Notes:    []string{"Listed is each peer whose median lies below 1, with the lowest and the highest round."},
	}
	var order []string
	better := make(map[string][]string)
	for _, section := range r.Sections {
		for _, rival := range section.Rivals {
			if !rival.Loses() {
				continue
			}
			if better[rival.What] == nil {
				order = append(order, rival.What)
			}
			better[rival.What] = append(better[rival.What], fmt.Sprintf("%s %s", rival.Peer, Spread(rival.Ratio)))
		}
	}
	for _, what := range order {
		t.Rows = append(t.Rows, []string{what, strings.Join(better[what], ", ")})
	}
	if len(t.Rows) == 0 {
		t.Rows = [][]string{{"nowhere in this run", ""}}
	}
	return t
}
