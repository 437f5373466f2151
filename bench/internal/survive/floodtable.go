package survive

import (
	"fmt"

	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
)

func floodTable(e *run.Env, losses []Losses) report.Table {
	capacity := floodCapacity(e)
	t := report.Table{
		Question: fmt.Sprintf("Of the returning users, how many lose their session to a flood? Capacity %s sessions", report.Count(capacity)),
		Columns:  []string{"peer", "who goes first"},
		Notes: []string{
			"Half the capacity belongs to users who came three times. While they are away, sessions that nobody uses again are stored, so many times the capacity.",
			"A dash: the peer cannot be given that size. Peers without a cap lose nobody, and grow.",
		},
	}
	for _, times := range floods() {
		t.Columns = append(t.Columns, fmt.Sprintf("lost after %d ×", times))
	}
	for i, l := range losses {
		row := []string{e.Peers[i].Name, e.Peers[i].Policy}
		for _, lost := range l.Lost {
			if off(l.Held, capacity) > tolerated {
				row = append(row, report.None)
			} else {
				row = append(row, report.Percent(lost))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func floodRivals(e *run.Env, losses []Losses) []report.Rival {
	var all []report.Rival
	for i, info := range e.Peers[1:] {
		theirs := losses[i+1]
		if !info.Bounded() || off(theirs.Held, floodCapacity(e)) > tolerated {
			continue
		}
		for j, times := range floods() {
			what := fmt.Sprintf("users lost to a flood of %d times the capacity", times)
			all = append(all, rival(info.Name, what, theirs.Lost[j], losses[0].Lost[j]))
		}
	}
	return all
}
