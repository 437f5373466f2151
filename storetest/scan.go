package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/holdfast-go/holdfast/internal/record"
)

var scanChecks = []check{
	{"ScanValues/finds_the_prefix_once", ruleScan, func(s *store) {
		s.mustScan("")
		values := map[string]string{
			"1": "ada\x00\xff: 1", "2": "ada\x00\xff: 2", "3": "ada\x00\xff",
			"4": "ada\x00", "5": "ada\x00\xfe: 1", "6": "ADA\x00\xff: 1", "7": " ada\x00\xff: 1", "8": "ada%: 1", "9": "",
		}
		for id, value := range values {
			s.do(id, set(value, hour))
		}
		s.wantScan(values, "ada\x00\xff", "ada\x00\xff: 2", "ada", "ada%", "*", "ada\x00\xff: 12", "")
	}},
	{"ScanValues/finds_sessions_of_a_user", ruleScan, func(s *store) {
		ada, bob, visitor := s.userTag("ada"), s.userTag("bob"), s.userTag("")
		s.mustScan(ada)
		values := map[string]string{
			"1": s.record("ada", 1), "2": s.record("ada", 2), "logs in": s.record("", 3), "changes user": s.record("ada", 4),
			"logs out": s.record("ada", 5), "ends": s.record("ada", 6), "bob's": s.record("bob", 7),
			"another site's": recordOf(s.prefix+"another site", "ada", 8), "no record": "1",
		}
		for id, value := range values {
			s.do(id, set(value, hour))
		}
		s.wantScan(values, ada, bob, visitor)
		for id, o := range map[string]op{
			"logs in": put(s.record("ada", 9), hour), "changes user": put(s.record("bob", 10), hour), "2": put("no record any more", hour),
			"logs out": remove, "ends": touch0,
		} {
			s.do(id, o)
			if values[id] = string(o.leaves); o.leaves == none {
				delete(values, id)
			}
		}
		s.wantScan(values, ada, bob, visitor, ada[:6])
	}},
	{"ScanValues/body_stops_and_calls_the_store", ruleScanBody, func(s *store) {
		s.mustScan("")
		for i := range 5 {
			s.do(fmt.Sprint(i), set("value", hour))
		}
		removed := 0
		for e, err := range s.Store.ScanValues(s.ctx, []byte("value")) {
			s.must(err, "ScanValues")
			if id, own := strings.CutPrefix(e.ID, s.prefix); own {
				s.do(id, remove)
				removed++
			}
			if removed == 3 {
				break
			}
		}
		s.equal(len(s.mustScan("value")), 2, "entries after Remove of 3 of 5 and a break")
	}},
}

// wantScan wants the entries with each prefix, and no others.
func (s *store) wantScan(values map[string]string, prefixes ...string) {
	s.t.Helper()
	for _, prefix := range prefixes {
		entries := s.mustScan(prefix)
		for _, id := range slices.AppendSeq(slices.Collect(maps.Keys(values)), maps.Keys(entries)) {
			e, found := entries[id]
			value, wanted := values[id]
			want := entryOf([]byte(value), wanted && strings.HasPrefix(value, prefix))
			s.equal(entryOf(e.Value, found), want, "ScanValues(%q) for ID %q", prefix, id)
		}
	}
}

// record returns the record of a session, and userTag the tag of its user. ""
// is a visitor without a login.
func (s *store) record(user string, created int) string { return recordOf(s.prefix, user, created) }

func (s *store) userTag(user string) string {
	return string(record.NewNamespace(s.prefix).AppendUserPrefix(nil, []byte(user)))
}

func recordOf(namespace, user string, created int) string {
	r := record.Record{Created: record.Instant(created), User: []byte(user)}
	return string(record.Encode(record.NewNamespace(namespace), r, nil))
}
