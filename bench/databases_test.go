package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/holdfast-go/holdfast/internal/testserver"
)

// testDatabaseApps tests the apps with sessions in a database, but Express.
func testDatabaseApps(t *testing.T, url string) {
	testApps(t, slices.DeleteFunc(appsOn(url), isNode))
}

func TestPostgresApps(t *testing.T) {
	testDatabaseApps(t, testserver.Run(t, testserver.Postgres, "fsync = off").URL())
}

func TestSQLiteApps(t *testing.T) { testDatabaseApps(t, "sqlite://"+t.TempDir()) }

// A request needs the statements of its app's design. On a slow machine the
// signs of life of Holdfast's stores add to them. A killed app still has its
// session.
func TestAddCounts(t *testing.T) {
	for name, test := range map[string]struct {
		open func(t *testing.T) database
		want map[string][]float64 // of a read, a write and an anonymous request
	}{
		"PostgreSQL": {
			func(t *testing.T) database {
				server := testserver.Run(t, testserver.Postgres, "fsync = off", countStatements)
				db := openPostgres(server.URL())
				t.Cleanup(func() { db.Close() })
				return database{counted: server.URL(), apps: postgresApps(server.URL())[:3], count: serverStatements(db)}
			},
			map[string][]float64{"holdfast, Verified": {1, 2, 0}, "scs postgresstore": {1, 2, 0}},
		},
		"SQLite": {
			func(t *testing.T) database {
				folder := t.TempDir()
				return database{counted: "sqlite://" + folder, apps: sqliteApps(folder), count: childStatements}
			},
			map[string][]float64{cachedName: {0, 3, 0}, "holdfast, Verified": {1, 4, 0}, "scs sqlite3store": {1, 2, 0}, "gorilla gormstore": {1, 5, 0}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, d := samples{}, test.open(t)
			newBench(t).addCounts(d, s)
			for app, want := range test.want {
				for i, kind := range databaseKinds {
					if got := s.median(app, kind+": "+d.unit); !(got >= want[i]) { // NaN is not enough
						t.Errorf("%s, %s: %v statements, want %v or more", app, kind, got, want[i])
					}
				}
			}
		})
	}
}

// An app that has its sessions in the process loses them.
func TestAddCounts_lost(t *testing.T) {
	d := database{apps: sessionApps[:1], count: func(*appProcess) float64 { return 0 }}
	_, err := attempt(func() bool { newBench(t).addCounts(d, samples{}); return true })
	if err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the error is %v", err)
	}
}

// Preparing is no statement. The count is of one database, since the apps of
// other tests go on.
func TestCounting(t *testing.T) {
	var counted atomic.Int64
	db := openCounted(t.TempDir(), "test", &counted)
	defer db.Close()
	prepared := must(db.Prepare("SELECT 1"))
	var n int
	count := func() float64 { return float64(counted.Load()) }
	for name, test := range map[string]struct {
		do   func()
		want float64
	}{
		"exec":              {func() { must(db.Exec("CREATE TABLE t (n)")) }, 1},
		"query":             {func() { check(db.QueryRow("SELECT 1").Scan(&n)) }, 1},
		"prepared exec":     {func() { must(prepared.Exec()) }, 1},
		"prepared query":    {func() { check(prepared.QueryRow().Scan(&n)) }, 1},
		"empty transaction": {func() { check(must(db.Begin()).Commit()) }, 2},
		"rollback":          {func() { check(must(db.Begin()).Rollback()) }, 2},
		"exec in one":       {func() { tx := must(db.Begin()); must(tx.Exec("SELECT 1")); check(tx.Commit()) }, 3},
		"preparation":       {func() { check(must(db.Prepare("SELECT 2")).Close()) }, 0},
	} {
		if got := during(count, test.do); got != test.want {
			t.Errorf("%s: %v statements, want %v", name, got, test.want)
		}
	}
}

func TestLostChanges(t *testing.T) {
	if lost := lostChanges(fmt.Sprint(appServer{App: holdfastName}.measure(nil)["port"])); lost != 0 {
		t.Errorf("Holdfast lost %v changes", lost)
	}
	forgetful := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "7") }))
	defer forgetful.Close()
	if lost := lostChanges(must(url.Parse(forgetful.URL)).Port()); lost != simultaneous+1 {
		t.Errorf("a server that always answers 7 lost %v changes", lost)
	}
}

func TestDatabaseSection(t *testing.T) {
	apps := append([]appInfo{find(sessionApps, holdfastName)}, redisApps("")...)
	s := samples{}
	for i, app := range names(apps) {
		for _, kind := range databaseKinds {
			s.addAll(app, kind+": ", figures{"ns": 1000 * float64(i), "cost": 1000 * float64(i), "trips": float64(i)})
			for _, clients := range crowds {
				s.add(app, rateOf(kind, clients), 100*float64(i))
			}
		}
		s.add(app, "lost", float64(i))
	}
	sec := database{name: "Redis", apps: apps, unit: "trips"}.section(s)
	text := fmt.Sprint(sec.Tables)
	for _, want := range []string{
		"[scs goredisstore Redis 4.00 4 4.00 4 4.00 4]", "[express 700 700 700 700 700 700 7.00]",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the tables lack %q: %v", want, text)
		}
	}
	for _, c := range sec.Comparisons {
		want := map[bool]float64{true: 4, false: 0.25}[strings.HasPrefix(c.What, "time that")]
		if c.Peer == "scs goredisstore" && c.Ratio.Median != want {
			t.Errorf("%s: %v, want %v", c.What, c.Ratio, want)
		}
	}
	if n := len(sec.Comparisons); n != 4*len(databaseKinds)*(1+len(crowds)) {
		t.Errorf("%d comparisons, want each of four peers with Cached", n)
	}
	if !slices.ContainsFunc(sec.Charts, func(c chart) bool { return c.File == "redis-read" && len(c.Bars) == len(apps) }) {
		t.Errorf("the charts are %v", sec.Charts)
	}
}
