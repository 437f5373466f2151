package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/postgresstore"
	"github.com/alexedwards/scs/sqlite3store"
	"github.com/gorilla/sessions"
	_ "github.com/jackc/pgx/v5/stdlib"
	gormsqlite "github.com/libtnb/sqlite"
	"github.com/wader/gormstore/v2"
	gormpostgres "gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"modernc.org/sqlite"

	"github.com/holdfast-go/holdfast/internal/testserver"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
	"github.com/holdfast-go/holdfast/tier"
)

const (
	sqlModule       = "github.com/holdfast-go/holdfast/store/sql"
	gormstoreModule = "github.com/wader/gormstore/v2"
)

// postgresApps are the apps with sessions in PostgreSQL, Holdfast's default
// first. Express is a program of its own.
func postgresApps(url string) []appInfo {
	return []appInfo{
		{"holdfast, Verified", "net/http", "PostgreSQL, verified copies", sqlModule, func() app { return sqlApp(openPostgres(url), sqlstore.PostgreSQL, tier.Verified) }},
		{"holdfast, Direct", "net/http", "PostgreSQL", "", func() app { return sqlApp(openPostgres(url), sqlstore.PostgreSQL, tier.Direct) }},
		{"scs postgresstore", "net/http", "PostgreSQL", "github.com/alexedwards/scs/postgresstore", func() app {
			db := openPostgres(url)
			makeTable(db, "data BYTEA NOT NULL, expiry TIMESTAMPTZ NOT NULL")
			return newSCSApp(postgresstore.New(db))
		}},
		{"gorilla gormstore", "net/http", "PostgreSQL", gormstoreModule, func() app {
			return newGorillaApp(openGorm(gormpostgres.New(gormpostgres.Config{Conn: openPostgres(url)})))
		}},
		{"express", "express", "PostgreSQL", "", nil},
	}
}

// sqliteApps are the apps with sessions in SQLite, Holdfast's default first.
// Each has a file of its own in the folder.
func sqliteApps(folder string) []appInfo {
	return []appInfo{
		{cachedName, "net/http", "SQLite, local copies", sqlModule, func() app { return sqlApp(openSQLite(folder, "cached"), sqlstore.SQLite, tier.Cached) }},
		{"holdfast, Verified", "net/http", "SQLite, verified copies", "", func() app { return sqlApp(openSQLite(folder, "verified"), sqlstore.SQLite, tier.Verified) }},
		{"holdfast, Direct", "net/http", "SQLite", "", func() app { return sqlApp(openSQLite(folder, "direct"), sqlstore.SQLite, tier.Direct) }},
		{"scs sqlite3store", "net/http", "SQLite", "github.com/alexedwards/scs/sqlite3store", func() app {
			db := openSQLite(folder, "scs")
			makeTable(db, "data BLOB NOT NULL, expiry REAL NOT NULL")
			return newSCSApp(sqlite3store.New(db))
		}},
		{"gorilla gormstore", "net/http", "SQLite", gormstoreModule, func() app {
			return newGorillaApp(openGorm(gormsqlite.New(gormsqlite.Config{Conn: openSQLite(folder, "gorilla")})))
		}},
	}
}

func sqlApp(db *sql.DB, dialect sqlstore.Dialect, mode tier.Mode) app {
	return newHoldfastApp(must(sqlstore.New(db, dialect, sqlstore.Options{Migrate: true, Tier: patient(mode)})))
}

// makeTable makes the table of scs, as its documentation says.
func makeTable(db *sql.DB, columns string) {
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, " + columns + ")",
		"CREATE INDEX IF NOT EXISTS sessions_expiry_idx ON sessions (expiry)",
	} {
		must(db.Exec(statement))
	}
}

func openGorm(d gorm.Dialector) sessions.Store {
	db := must(gorm.Open(d, &gorm.Config{Logger: logger.Discard}))
	return gormstore.NewOptions(db, gormstore.Options{TableName: "gorilla_sessions"}, signingKey)
}

// pool is the number of connections of an app, also under Express.
const pool = 20

// openPostgres returns the database for an app.
func openPostgres(url string) *sql.DB {
	db := must(sql.Open("pgx", url))
	db.SetMaxOpenConns(pool)
	db.SetMaxIdleConns(pool)
	return db
}

// openSQLite returns a file for an app. Settings and connections are those that
// Holdfast chooses: each app's changes are as durable. The others wait longer
// for a lock than Holdfast, whose connections do not meet one.
func openSQLite(folder, name string) *sql.DB { return openCounted(folder, name, &statements) }

// openCounted is openSQLite, but adds the statements to count.
func openCounted(folder, name string, count *atomic.Int64) *sql.DB {
	const settings = "?_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate&_time_format=sqlite"
	db := sql.OpenDB(counting{must(sqlite.NewConnector("file:" + filepath.Join(folder, name+".db") + settings)), count})
	db.SetMaxOpenConns(6)
	db.SetMaxIdleConns(6)
	return db
}

// init undoes what gorm's dialect of SQLite sets in the driver for all apps.
func init() {
	sqlite.StrictPragmas(false)
	sqlite.OFDLocking(false)
	sqlite.Fdatasync(false)
}

// Lines of PostgreSQL's configuration.
const (
	manyConnections = "max_connections = 200"
	countStatements = "shared_preload_libraries = 'pg_stat_statements'"
)

// serverStatements returns a count of the statements of all clients but this
// one.
func serverStatements(db *sql.DB) func(*appProcess) float64 {
	must(db.Exec("CREATE EXTENSION pg_stat_statements"))
	return func(*appProcess) (n float64) {
		check(db.QueryRow("SELECT sum(calls) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'").Scan(&n))
		return n
	}
}

// childStatements returns the statements of an app's process.
func childStatements(p *appProcess) float64 { return p.child.run(executed{})["statements"] }

// postgres is the part about sessions in PostgreSQL.
func (b *bench) postgres() section {
	server, err := testserver.Start(testserver.Postgres, manyConnections, countStatements)
	if err != nil {
		return section{Title: "Sessions in PostgreSQL", Missing: []string{err.Error()}}
	}
	defer server.Close()
	db := openPostgres(server.URL())
	defer db.Close()
	var version string
	check(db.QueryRow("SHOW server_version").Scan(&version))
	return b.in(database{
		name: "PostgreSQL",
		intro: "One server on the loopback interface has the sessions, with its default settings: a change is on the disk when it is answered. " +
			"Each app has up to 20 connections, and those in Go the driver pgx.",
		version: "PostgreSQL " + version + ", " + syncTime(),
		url:     server.URL(),
		apps:    postgresApps(server.URL()),
		unit:    "statements",
		counted: server.URL(),
		count:   serverStatements(db),
		counter: "Statements: of a request, the median of some requests; counted by the server (pg_stat_statements), with BEGIN and COMMIT.",
	}, samples{})
}

// sqlite is the part about sessions in SQLite.
func (b *bench) sqlite() section {
	folder := must(os.MkdirTemp("", "holdfast-bench-"))
	defer os.RemoveAll(folder)
	var version string
	db := must(sql.Open("sqlite", ":memory:"))
	defer db.Close()
	check(db.QueryRow("SELECT sqlite_version()").Scan(&version))
	url := "sqlite://" + folder
	return b.in(database{
		name: "SQLite",
		intro: "Each app has a file of its own and the driver modernc.org/sqlite, with the settings that Holdfast chooses: journal mode WAL and synchronous FULL. " +
			"So a change is on the disk when it is answered.",
		version: "SQLite " + version + ", " + syncTime(),
		url:     url,
		apps:    sqliteApps(folder),
		unit:    "statements",
		counted: url,
		count:   childStatements,
		counter: "Statements: of a request, the median of some requests; counted between database/sql and the driver, with BEGIN and COMMIT.",
	}, samples{})
}

// syncTime tells how long the disk takes to store 4 KiB at the end of a file.
func syncTime() string {
	f := must(os.CreateTemp("", "holdfast-bench-"))
	defer os.Remove(f.Name())
	defer f.Close()
	var all []float64
	for block := make([]byte, 4<<10); len(all) < 100; {
		must(f.Write(block))
		start := time.Now()
		check(f.Sync())
		all = append(all, float64(time.Since(start)))
	}
	return "on a disk where one fsync takes " + duration(median(all))
}
