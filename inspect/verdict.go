package inspect

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// level is how urgent a sentence of the verdict is.
type level int

const (
	good level = iota
	notice
	bad
)

func (l level) String() string { return [...]string{"good", "notice", "bad"}[l] }

// MarshalText implements encoding.TextMarshaler, for the page's JSON.
func (l level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// sentence is a part of the verdict: a headline, and a remedy or a reason.
type sentence struct {
	Level  level  `json:"level"`
	Text   string `json:"text"`
	Detail string `json:"detail,omitempty"`
}

// facts are the input of a verdict. Counts are of the last window, unless
// their comment says otherwise.
type facts struct {
	Window time.Duration // of the counts; the length of the history

	// The cache.
	Copies       bool               // it has local copies of a database's entries
	Cap, Used    int64              // bytes
	Evicted      uint64             // entries evicted for room
	EvictedEver  bool               // since the cache was made
	Quiet        time.Duration      // since the last of them, or since the page began to watch
	Curve        []cache.CurvePoint // by rising cap; empty if unknown
	VictimAge    time.Duration
	ProtectedAge time.Duration
	Returned     bool     // users who came back are among the next victims
	Panics       uint64   // of OnEvict, since the cache was made
	Shards       []uint64 // entries in each; empty if unknown

	// The sessions.
	Errors uint64 // of reading and storing

	Database *databaseFacts // nil if there is none
}

type databaseFacts struct {
	Name        string // at the beginning of a sentence
	Away        bool
	Notifies    bool
	Cached      bool          // the mode that needs notifications
	ProofAge    time.Duration // of the local copies
	Unavailable uint64        // commands without an answer
	Refused     uint64        // commands
	Mismatches  uint64        // stale copies that were found, since the store was made
}

// verdict returns what an operator needs to know, the most urgent first. It is
// never empty.
func verdict(f facts) []sentence {
	all := []sentence{ofCap(f)}
	if f.Database != nil {
		all = append(all, ofDatabase(f.Database, f.Window)...)
	}
	if f.Errors > 0 {
		all = append(all, sentence{notice,
			fmt.Sprintf("%s could not be read or stored %s.", atLeast(f.Errors, "session", "sessions"), inLast(f.Window)),
			"The log has the reasons."})
	}
	if f.Panics > 0 {
		all = append(all, sentence{notice,
			fmt.Sprintf("The function OnEvict panicked %s.", times(f.Panics)),
			"The cache goes on. The function needs a repair."})
	}
	if s, hot := ofShards(f.Shards); hot {
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b sentence) int { return int(b.Level - a.Level) })
	return all
}

// A loss below the first share is none, within the error of the curve. From the
// second on it is urgent.
const (
	lossNoticed = 0.005
	lossUrgent  = 0.05
)

// lossRemains is how long the loss of a busy hour stays in the verdict. The
// curve forgets it in about this time.
const lossRemains = 24 * time.Hour

func ofCap(f facts) sentence {
	use := fmt.Sprintf("About %.0f %% of it is in use.", 10*math.Round(10*float64(f.Used)/float64(max(1, f.Cap))))
	if f.Used < f.Cap/20 {
		use = "Hardly any of it is in use."
	}
	lost, enough, certain := lossOf(f)
	recent := f.EvictedEver && f.Quiet < lossRemains && lost >= lossNoticed
	if f.Evicted == 0 && !recent {
		subject := "The cap"
		if f.Copies {
			subject = "The cap of the local copies"
		}
		s := sentence{good, fmt.Sprintf("%s is large enough: nothing was evicted for %s.", subject, roughly(f.Quiet)), use}
		if f.Quiet < time.Minute {
			s.Text = subject + " is large enough so far: nothing is evicted."
		}
		if small, ok := smallerCap(f); ok {
			s.Detail += fmt.Sprintf(" %s would do for this traffic.", showBytes(small))
		}
		return s
	}
	evicted := atLeast(f.Evicted, "session", "sessions") + " evicted " + inLast(f.Window)
	if f.Copies {
		evicted = atLeast(f.Evicted, "local copy", "local copies") + " evicted " + inLast(f.Window)
	}
	if len(f.Curve) == 0 {
		return ofVictims(f, evicted)
	}
	if lost < lossNoticed {
		return sentence{good, "The cap is large enough: hardly any evicted session was asked for again.",
			fmt.Sprintf("%s: visitors who did not come back.", evicted)}
	}
	s := sentence{Level: notice}
	more := fmt.Sprintf("%s more (a cap of %s)", showBytes(enough-f.Cap), showBytes(enough))
	if f.Copies {
		s.Text = fmt.Sprintf("%s of requests asked the database for a session that was evicted here.", wholePercent(lost))
		s.Detail = fmt.Sprintf("No session is lost. %s would have saved nine in ten of these.", more)
		return s
	}
	if lost >= lossUrgent {
		s.Level = bad
	}
	if f.Evicted == 0 {
		s.Level = notice
	}
	s.Text = fmt.Sprintf("%s of requests lost their session to eviction.", wholePercent(lost))
	s.Detail = fmt.Sprintf("%s would have kept nine in ten of them.", more)
	if !certain {
		s.Detail = fmt.Sprintf("More than %s would have kept them: even a cap of %s is too small.",
			showBytes(enough-f.Cap), showBytes(enough))
	}
	if f.Evicted == 0 {
		s.Detail += fmt.Sprintf(" Nothing was evicted for %s.", roughly(f.Quiet))
	}
	return s
}

// ofVictims judges evictions without a curve.
func ofVictims(f facts, evicted string) sentence {
	switch {
	case f.Copies:
		return sentence{notice, "The cap of the local copies is in use.",
			fmt.Sprintf("No session is lost. %s: each costs a round trip if it is needed again.", evicted)}
	case f.Returned:
		return sentence{bad,
			fmt.Sprintf("Users who came back are evicted after %s without a request.", roughly(f.ProtectedAge)),
			fmt.Sprintf("%s. A larger cap keeps them longer.", evicted)}
	}
	return sentence{notice, fmt.Sprintf("Visitors who came once are evicted after %s.", roughly(f.VictimAge)),
		fmt.Sprintf("%s. Users who came back stay.", evicted)}
}

// lossOf returns the share of lookups that a larger cap would answer, and the
// cap that answers nine in ten of these. certain is false if the largest cap of
// the curve is still too small to tell.
func lossOf(f facts) (lost float64, enough int64, certain bool) {
	if len(f.Curve) == 0 {
		return 0, 0, false
	}
	now, last := hitAt(f.Curve, f.Cap), f.Curve[len(f.Curve)-1]
	best := last.HitRatio
	lost = max(0, best-now)
	aim := now + 0.9*lost
	enough = last.MaxBytes
	for i := 1; i < len(f.Curve); i++ {
		a, b := f.Curve[i-1], f.Curve[i]
		if b.MaxBytes <= f.Cap || b.HitRatio < aim {
			continue
		}
		share := 1.0
		if b.HitRatio > a.HitRatio {
			share = max(0, (aim-a.HitRatio)/(b.HitRatio-a.HitRatio))
		}
		enough = roundUp(max(f.Cap, a.MaxBytes+int64(share*float64(b.MaxBytes-a.MaxBytes))))
		break
	}
	if n := len(f.Curve); n > 1 && last.HitRatio-f.Curve[n-2].HitRatio > lost/2 {
		return lost, last.MaxBytes, false
	}
	return lost, enough, true
}

// hitAt returns the share of hits at a cap, on the lines between the points.
func hitAt(curve []cache.CurvePoint, limit int64) float64 {
	for i, p := range curve {
		if p.MaxBytes < limit {
			continue
		}
		if i == 0 || p.MaxBytes == limit {
			return p.HitRatio
		}
		before := curve[i-1]
		return before.HitRatio + (p.HitRatio-before.HitRatio)*float64(limit-before.MaxBytes)/float64(p.MaxBytes-before.MaxBytes)
	}
	return curve[len(curve)-1].HitRatio
}

// smallerCap returns a cap of the curve that answers as many lookups.
func smallerCap(f facts) (int64, bool) {
	for _, p := range f.Curve {
		if p.MaxBytes >= f.Cap {
			break
		}
		if p.MaxBytes >= f.Used && p.HitRatio >= f.Curve[len(f.Curve)-1].HitRatio-0.001 {
			return p.MaxBytes, true
		}
	}
	return 0, false
}

// roundUp returns n with two significant digits of its binary unit.
func roundUp(n int64) int64 {
	step := int64(1)
	for n/step >= 100 {
		step *= 2
	}
	return (n + step - 1) / step * step
}

// staleProof is above the time between two pulses of any tier.Options.
const staleProof = 3 * time.Second

func ofDatabase(d *databaseFacts, window time.Duration) (all []sentence) {
	add := func(l level, text, detail string) { all = append(all, sentence{l, text, detail}) }
	if d.Mismatches > 0 {
		add(bad, fmt.Sprintf("%s did not report a change %s: local copies were out of date.", d.Name, times(d.Mismatches)),
			"The server, its proxy or its client has a fault. The mode Verified avoids copies that nobody confirms.")
	}
	if d.Refused > 0 {
		add(bad, fmt.Sprintf("%s refused %s %s.", d.Name, plural(d.Refused, "command", "commands"), inLast(window)),
			"Its memory may be full, or a permission is missing. The log has the reason.")
	}
	switch {
	case d.Away:
		add(bad, d.Name+" does not answer.", "Requests with a session get the status 503. No session is lost by that.")
	case d.Cached && d.Notifies && d.ProofAge >= staleProof:
		add(notice, fmt.Sprintf("%s is silent: its last sign of life is more than %d seconds old.", d.Name, staleProof/time.Second),
			"Until the next one, each request asks it.")
	case d.Unavailable > 0:
		add(notice, fmt.Sprintf("%s left %s without an answer %s.", d.Name, plural(d.Unavailable, "command", "commands"), inLast(window)),
			"It answers now.")
	case d.Cached && !d.Notifies:
		add(notice, d.Name+" sends no notifications.", "So each request asks it. All answers are right, but slower.")
	case len(all) == 0:
		add(good, d.Name+" is well.", "It answers, and refuses nothing.")
	}
	return all
}

// ofShards reports a shard with far more entries than the others.
func ofShards(shards []uint64) (sentence, bool) {
	if len(shards) < 2 {
		return sentence{}, false
	}
	total, most := uint64(0), uint64(0)
	for _, n := range shards {
		total += n
		most = max(most, n)
	}
	mean := float64(total) / float64(len(shards))
	// Chance spreads the entries of a shard by the square root of their number.
	if mean < 16 || float64(most) < 1.5*mean+6*math.Sqrt(mean) {
		return sentence{}, false
	}
	return sentence{notice,
		fmt.Sprintf("One of %d shards has %s times its share of the entries.", len(shards), digits(float64(most)/mean)),
		"It evicts while the others have room. Fewer shards (cache.Options.Shards) share better."}, true
}

// wholePercent changes less often than showPercent.
func wholePercent(share float64) string {
	if share < 0.01 {
		return "Almost 1 %"
	}
	return fmt.Sprintf("%.0f %%", share*100)
}

// atLeast rounds n down to one digit, since it changes all the time.
func atLeast(n uint64, one, many string) string {
	if n < 10 {
		return plural(n, one, many)
	}
	step := uint64(1)
	for n/step >= 10 {
		step *= 10
	}
	return fmt.Sprintf("At least %s %s", showCount(n/step*step), many)
}

func plural(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return showCount(n) + " " + many
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return showCount(n) + " times"
}
