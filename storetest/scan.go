package storetest

import (
	"fmt"
	"strings"

	"github.com/holdfast-go/holdfast/internal/record"
)

var scanChecks = []check{
	{"ScanValues/finds_the_prefix_once", ruleScan, notEnded, func(t tb, s *store) {
		values := map[string]string{
			"1": "ada\x00\xff: 1", "2": "ada\x00\xff: 2", "3": "ada\x00\xff",
			"4": "ada\x00", "5": "ada\x00\xfe: 1", "6": "ADA\x00\xff: 1", "7": " ada\x00\xff: 1", "8": "ada%: 1", "9": "",
		}
		s.mustScan(t, "")
		for id, value := range values {
			s.set(t, value, hour, id)
		}
		s.wantScan(t, values, "ada\x00\xff", "ada\x00\xff: 2", "ada", "ada%", "*", "ada\x00\xff: 12", "")
	}},
	{"ScanValues/finds_sessions_of_a_user", ruleScan, notEnded, func(t tb, s *store) {
		ada, bob, visitor := s.userTag("ada"), s.userTag("bob"), s.userTag("")
		s.mustScan(t, ada)
		values := map[string]string{
			"1": s.record("ada", 1), "2": s.record("ada", 2), "logs in": s.record("", 3), "changes user": s.record("ada", 4),
			"logs out": s.record("ada", 5), "ends": s.record("ada", 6), "bob's": s.record("bob", 7),
			"another site's": recordOf(s.prefix+"another site", "ada", 8), "no record": "1",
		}
		for id, value := range values {
			s.set(t, value, hour, id)
		}
		s.wantScan(t, values, ada, bob, visitor)
		for id, value := range map[string]string{"logs in": s.record("ada", 9), "changes user": s.record("bob", 10), "2": "no record any more"} {
			values[id] = value
			must(t, s.change(id, put(value, hour)), "Put of %q", id)
		}
		for id, o := range map[string]op{"logs out": removeOp, "ends": touchEndOp} {
			delete(values, id)
			o.must(t, s, id)
		}
		s.wantScan(t, values, ada, bob, visitor, ada[:6])
	}},
	{"ScanValues/body_stops_and_calls_the_store", ruleScanBody, deadlock, func(t tb, s *store) {
		s.mustScan(t, "")
		for i := range 5 {
			s.set(t, "value", hour, fmt.Sprint(i))
		}
		removed := 0
		for e, err := range s.Store.ScanValues(s.ctx, []byte("value")) {
			must(t, err, "ScanValues")
			id, own := strings.CutPrefix(e.ID, s.prefix)
			if !own {
				continue
			}
			must(t, s.inTime("Remove", func() error { return removeOp.call(s, id) }), "Remove in a loop over ScanValues")
			if removed++; removed == 3 {
				break
			}
		}
		equal(t, len(s.mustScan(t, "value")), 2, "entries after Remove of 3 of 5 and a break")
	}},
}

// wantScan wants the entries with each prefix, and no others.
func (s *store) wantScan(t tb, values map[string]string, prefixes ...string) {
	t.Helper()
	for _, prefix := range prefixes {
		entries := s.mustScan(t, prefix)
		for id, value := range values {
			e, found := entries[id]
			want := entryOf([]byte(value), strings.HasPrefix(value, prefix))
			equal(t, entryOf(e.Value, found), want, "ScanValues(%q) for ID %q", prefix, id)
			delete(entries, id)
		}
		for id, e := range entries {
			equal(t, is(string(e.Value)), none, "ScanValues(%q) for ID %q", prefix, id)
		}
	}
}

// record returns the record of a session, and userTag the tag of its user. ""
// is a visitor who has not logged in.
func (s *store) record(user string, created int) string { return recordOf(s.prefix, user, created) }

func (s *store) userTag(user string) string {
	return string(record.NewNamespace(s.prefix).AppendUserPrefix(nil, []byte(user)))
}

func recordOf(namespace, user string, created int) string {
	r := record.Record{Created: record.Instant(created), User: []byte(user)}
	return string(record.Encode(record.NewNamespace(namespace), r, nil))
}
