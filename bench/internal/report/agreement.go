package report

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

// Repeatability is the table of how near a second run can be expected to be. It
// has no rows where nothing was measured in rounds.
func (s Section) Repeatability() Table {
	t := Table{
		Question: "How near should a second run be?",
		Columns:  []string{"peer", "from round to round", "a second run's median"},
		Notes: []string{"From round to round: the standard deviation of a peer's comparisons with Holdfast, pooled. " +
			"The median of as many rounds in a second run should be no farther from this one's, up or down, in 19 of 20 cases: take what is nearer for equal."},
	}
	rounds := 0
	for _, r := range s.Rivals {
		rounds = max(rounds, r.Ratio.N)
	}
	row := func(who string, noise float64) {
		if noise > 0 {
			t.Rows = append(t.Rows, []string{who, "± " + Percent(noise), "± " + Percent(stat.Repeats(noise, rounds)-1)})
		}
	}
	for _, peer := range s.peers() {
		if len(s.ratios(peer)) >= enough {
			row(peer, s.noiseOf(peer))
		}
	}
	if len(t.Rows) == 0 {
		row("all", s.noiseOf(""))
	}
	return t
}

// enough comparisons of one peer tell its own noise.
const enough = 10

// peers are those that are compared, in their order.
func (s Section) peers() []string {
	var peers []string
	for _, r := range s.Rivals {
		if !slices.Contains(peers, r.Peer) {
			peers = append(peers, r.Peer)
		}
	}
	return peers
}

// noiseOf is that of a peer's comparisons or, where they are not enough, of the
// whole section's.
func (s Section) noiseOf(peer string) float64 {
	if own := s.ratios(peer); len(own) >= enough {
		return stat.Noise(own)
	}
	return stat.Noise(s.ratios(""))
}

// ratios are those of a peer; of "", all.
func (s Section) ratios(peer string) []stat.Summary {
	var ratios []stat.Summary
	for _, r := range s.Rivals {
		if peer == "" || r.Peer == peer {
			ratios = append(ratios, r.Ratio)
		}
	}
	return ratios
}

const agreementIntro = `Of each comparison with Holdfast that both runs made: is this run's median as near to the earlier one's as that run said
for 19 of 20 cases? Where there were no rounds to tell by, within a tenth counts as near.`

// Agreement tells how far this run repeats an earlier one.
func (r Report) Agreement(earlier Report) Section {
	counts := Table{
		Question: "Does this run repeat the earlier one?",
		Columns:  []string{"", "comparisons", "as near as expected", "farther apart", "expected by chance"},
		Notes:    r.differences(earlier),
	}
	apart := Table{
		Question: "Where are the two farther apart?",
		Columns:  []string{"what", "peer", "earlier", "now"},
		Prose:    true,
	}
	for _, now := range r.Sections {
		then := earlier.section(now.Title)
		all, far := 0, 0
		for _, rival := range now.Rivals {
			was, ok := then.rival(rival.Peer, rival.What)
			if !ok {
				continue
			}
			all++
			if !near(was.Ratio, rival.Ratio, then.noiseOf(rival.Peer)) {
				far++
				apart.Rows = append(apart.Rows, []string{rival.What, rival.Peer, Spread(was.Ratio), Spread(rival.Ratio)})
			}
		}
		counts.Rows = append(counts.Rows, []string{now.Title, strconv.Itoa(all), strconv.Itoa(all - far), strconv.Itoa(far), Number(float64(all) / 20)})
	}
	if len(apart.Rows) == 0 {
		apart.Rows = [][]string{{"nowhere", "", "", ""}}
	}
	return Section{Title: "Beside an earlier run", Intro: agreementIntro, Tables: []Table{counts, apart}}
}

// near reports whether the medians are as near as noise lets expect.
func near(was, is stat.Summary, noise float64) bool {
	factor := 1.1
	if noise > 0 {
		factor = stat.Repeats(noise, min(was.N, is.N))
	}
	ratio := is.Median / was.Median
	return ratio <= factor && 1/ratio <= factor
}

// differences are the circumstances in which the runs cannot be compared.
func (r Report) differences(earlier Report) []string {
	var notes []string
	was := make(map[string]string)
	for _, f := range earlier.Facts {
		was[f.Name] = f.Value
	}
	for _, f := range r.Facts {
		if f.Name != "took" && was[f.Name] != f.Value {
			notes = append(notes, fmt.Sprintf("The runs differ in %s: it was %q and is %q.", f.Name, was[f.Name], f.Value))
		}
	}
	return notes
}

func (r Report) section(title string) Section {
	for _, s := range r.Sections {
		if s.Title == title {
			return s
		}
	}
	return Section{}
}

func (s Section) rival(peer, what string) (Rival, bool) {
	for _, r := range s.Rivals {
		if r.Peer == peer && r.What == what {
			return r, true
		}
	}
	return Rival{}, false
}
