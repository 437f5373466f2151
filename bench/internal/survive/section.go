package survive

import (
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

const intro = `Caps mean different things to different libraries, so here each peer's cap is first adjusted until it holds the stated
number of sessions; what is compared is whom it keeps. Nothing expires meanwhile.`

// tolerated is how far from the stated capacity a cache may be to be compared.
const tolerated = 0.1

// rival compares two shares of which less is better. Below a tenth of a per
// cent they count as equal.
func rival(name, what string, theirs, ours float64) report.Rival {
	const least = 0.001
	ratio := max(theirs, least) / max(ours, least)
	return report.Rival{Peer: name, What: what, Ratio: stat.Summary{Median: ratio, Low: ratio, High: ratio, N: 1}}
}
