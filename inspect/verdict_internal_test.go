package inspect

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
)

// calm is a cache without evictions, which is half full.
func calm() facts {
	return facts{Window: window, Cap: 64 << 20, Used: 32 << 20, Quiet: 76 * time.Hour}
}

// curve gives the hits at a quarter, half, once, twice and four times the cap.
func curve(limit int64, hits ...float64) (all []cache.CurvePoint) {
	for i, factor := range []int64{1, 2, 4, 8, 16}[:len(hits)] {
		all = append(all, cache.CurvePoint{MaxBytes: limit * factor / 4, HitRatio: hits[i]})
	}
	return all
}

func only(t *testing.T, f facts) sentence {
	t.Helper()
	all := verdict(f)
	require.Len(t, all, 1)
	return all[0]
}

func TestVerdict_large_enough(t *testing.T) {
	f := calm()
	require.Equal(t, sentence{good, "The cap is large enough: nothing was evicted for 3 days.", "About 50 % of it is in use."}, only(t, f))

	f.Used = 1 << 20
	require.Equal(t, "Hardly any of it is in use.", only(t, f).Detail)
	f.Quiet = 5 * time.Second
	require.Equal(t, "The cap is large enough so far: nothing is evicted.", only(t, f).Text, "the page has just begun")
}

// A cap is too large if a smaller one would hold the same sessions.
func TestVerdict_larger_than_needed(t *testing.T) {
	f := calm()
	f.Used, f.Curve = 12<<20, curve(f.Cap, 0.97, 0.97, 0.97, 0.97, 0.97)
	require.Contains(t, only(t, f).Detail, "16 MiB would do")

	f.Used = 20 << 20
	require.Contains(t, only(t, f).Detail, "32 MiB would do", "a cap has room for what is in use")
	f.Curve = curve(f.Cap, 0.5, 0.6, 0.97, 0.97, 0.97)
	require.NotContains(t, only(t, f).Detail, "would do")
	f.Curve = nil
	require.NotContains(t, only(t, f).Detail, "would do", "there was too little traffic")
}

func TestVerdict_nothing_needed_was_evicted(t *testing.T) {
	f := calm()
	f.Evicted, f.Curve = 12345, curve(f.Cap, 0.8, 0.9, 0.97, 0.971, 0.972)
	s := only(t, f)
	require.Equal(t, good, s.Level)
	require.Equal(t, "The cap is large enough: hardly any evicted session was asked for again.", s.Text)
	require.Contains(t, s.Detail, "At least 10,000 sessions evicted in the last 15 minutes")
}

func TestVerdict_users_lose_sessions(t *testing.T) {
	f := calm()
	f.Evicted, f.Curve = 1, curve(f.Cap, 0.6, 0.7, 0.8, 0.9, 0.92)
	s := only(t, f)
	require.Equal(t, bad, s.Level)
	require.Equal(t, "12 % of requests lost their session to eviction.", s.Text)
	// Nine tenths of 0.12 are at 0.908: 40 % of the way from 128 to 256 MiB.
	require.Equal(t, "116 MiB more (a cap of 180 MiB) would have kept nine in ten of them.", s.Detail)
}

func TestVerdict_a_small_loss(t *testing.T) {
	f := calm()
	f.Evicted, f.Curve = 1, curve(f.Cap, 0.6, 0.7, 0.88, 0.9, 0.9)
	require.Equal(t, sentence{notice, "2 % of requests lost their session to eviction.",
		"58 MiB more (a cap of 122 MiB) would have kept nine in ten of them."}, only(t, f))
	f.Curve = curve(f.Cap, 0.6, 0.7, 0.892, 0.9, 0.9)
	require.Equal(t, "Almost 1 % of requests lost their session to eviction.", only(t, f).Text)
}

// At night, the page still shows the loss of the day.
func TestVerdict_an_earlier_loss(t *testing.T) {
	f := calm()
	f.EvictedEver, f.Quiet, f.Curve = true, 5*time.Hour, curve(f.Cap, 0.6, 0.7, 0.8, 0.9, 0.92)
	s := only(t, f)
	require.Equal(t, notice, s.Level)
	require.Equal(t, "12 % of requests lost their session to eviction.", s.Text)
	require.Contains(t, s.Detail, "Nothing was evicted for 5 hours.")

	f.Quiet = 30 * time.Hour
	require.Equal(t, good, only(t, f).Level)
	f.Quiet, f.EvictedEver = time.Hour, false
	require.Equal(t, good, only(t, f).Level, "an error of the curve")
}

// The curve still rises at its end, so its end is not enough.
func TestVerdict_even_four_times_is_too_small(t *testing.T) {
	f := calm()
	f.Evicted, f.Curve = 1, curve(f.Cap, 0.1, 0.2, 0.3, 0.4, 0.8)
	s := only(t, f)
	require.Equal(t, bad, s.Level)
	require.Contains(t, s.Detail, "even a cap of 256 MiB is too small")
}

func TestVerdict_without_a_curve(t *testing.T) {
	f := calm()
	f.Evicted, f.VictimAge, f.ProtectedAge = 7, 3*time.Minute, 2*time.Hour
	require.Equal(t, sentence{notice, "Visitors who came once are evicted after 3 minutes.",
		"7 sessions evicted in the last 15 minutes. Users who came back stay."}, only(t, f))

	f.Returned = true
	s := only(t, f)
	require.Equal(t, bad, s.Level)
	require.Equal(t, "Users who came back are evicted after 2 hours without a request.", s.Text)
}

// The eviction of a local copy costs a round trip, and nobody's session.
func TestVerdict_copies(t *testing.T) {
	f := calm()
	f.Copies = true
	require.Equal(t, "The cap of the local copies is large enough: nothing was evicted for 3 days.", only(t, f).Text)
	f.Evicted, f.Returned = 1, true
	s := only(t, f)
	require.Equal(t, notice, s.Level)
	require.Contains(t, s.Detail, "No session is lost. 1 local copy evicted")

	f.Curve = curve(f.Cap, 0.6, 0.7, 0.8, 0.9, 0.92)
	s = only(t, f)
	require.Equal(t, notice, s.Level)
	require.Contains(t, s.Text, "12 % of requests asked the database")
}

func TestVerdict_database(t *testing.T) {
	well := databaseFacts{Name: "Redis", Notifies: true, Cached: true, ProofAge: 300 * time.Millisecond}
	for name, test := range map[string]struct {
		change func(*databaseFacts)
		level  level
		text   string
	}{
		"well":             {func(*databaseFacts) {}, good, "Redis is well."},
		"away":             {func(d *databaseFacts) { d.Away, d.ProofAge = true, time.Minute }, bad, "Redis does not answer."},
		"an old proof":     {func(d *databaseFacts) { d.ProofAge = 5 * time.Second }, notice, "Redis is silent: its last sign of life is more than 3 seconds old."},
		"answers again":    {func(d *databaseFacts) { d.Unavailable = 12 }, notice, "Redis left 12 commands without an answer in the last 15 minutes."},
		"no notifications": {func(d *databaseFacts) { d.Notifies, d.ProofAge = false, time.Hour }, notice, "Redis sends no notifications."},
		"refuses":          {func(d *databaseFacts) { d.Refused = 1 }, bad, "Redis refused 1 command in the last 15 minutes."},
		"wrong copies":     {func(d *databaseFacts) { d.Mismatches = 2 }, bad, "Redis did not report a change 2 times: local copies were out of date."},
	} {
		t.Run(name, func(t *testing.T) {
			f, d := calm(), well
			test.change(&d)
			f.Database = &d
			all := verdict(f)
			require.Len(t, all, 2, "the cap and the database")
			ofDatabase := all[0]
			if test.level == good {
				ofDatabase = all[1]
			}
			require.Equal(t, test.text, ofDatabase.Text)
			require.Equal(t, test.level, ofDatabase.Level)
			require.NotEmpty(t, ofDatabase.Detail)
		})
	}
	t.Run("Verified needs no notification", func(t *testing.T) {
		f := calm()
		f.Database = &databaseFacts{Name: "Redis", ProofAge: time.Hour}
		require.Equal(t, "Redis is well.", verdict(f)[1].Text)
	})
}

func TestVerdict_errors(t *testing.T) {
	f := calm()
	f.Errors, f.Panics = 3, 1
	all := verdict(f)
	require.Equal(t, "3 sessions could not be read or stored in the last 15 minutes.", all[0].Text)
	require.Equal(t, "The function OnEvict panicked once.", all[1].Text)
	require.Equal(t, good, all[2].Level, "the most urgent is first")
}

func TestVerdict_hot_shard(t *testing.T) {
	even, hot := make([]uint64, 32), make([]uint64, 32)
	for i := range even {
		even[i], hot[i] = 100+uint64(i%7), 100
	}
	hot[9] = 400
	f := calm()
	f.Shards = even
	only(t, f)
	f.Shards = hot
	require.Equal(t, "One of 32 shards has 3.66 times its share of the entries.", verdict(f)[0].Text)
	for i := range hot {
		hot[i] /= 10
	}
	require.Len(t, verdict(f), 1, "chance alone makes a few entries uneven")
}
