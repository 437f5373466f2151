// Package sqlstore keeps sessions in a table of PostgreSQL or SQLite, with
// local copies in this process. It uses database/sql and imports no driver.
//
//	db, err := sql.Open("pgx", "postgres://holdfast@db.example/sessions")
//	db.SetMaxOpenConns(20)
//	db.SetMaxIdleConns(20)
//	store, err := sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{Migrate: true})
//	sessions, err := holdfast.New(holdfast.Options{Store: store})
//
// Package tier has the promises that hold with any database. The rest is here.
//
// # PostgreSQL
//
// For sessions that several processes share. A request asks the server once
// whether its local copy of the session is the latest version. A change takes
// one statement, compare-and-set, and a second one if another process came
// first. All times are the server's.
//
// The driver github.com/jackc/pgx/v5/stdlib is tested. Give the Store an
// *sql.DB of its own: sessions must not wait until other queries return a
// connection. SetMaxIdleConns should be what SetMaxOpenConns is. By default
// database/sql keeps two connections and opens all others anew for each
// statement.
//
// The *sql.DB must reach the primary server alone. A standby has old sessions.
// With several hosts in the URL add target_session_attrs=read-write. While the
// server says that it is a standby, the Store answers holdfast.ErrUnavailable.
//
// Every statement is a transaction of its own, so PgBouncer may pool
// transactions. pgx then needs the parameter default_query_exec_mode=exec in
// the URL, or simple_protocol: the statements that it prepares by default
// belong to one connection of the server. LISTEN does not work through such a
// pool: connect Options.Listen to the server itself.
//
// A commit is as durable as synchronous_commit of the server says. If a
// failover loses a commit, it loses logins and logouts too.
//
// Expired entries are never found. A purge removes them from the table up to an
// hour and PurgeEvery later, in batches, while other instances do not purge.
//
// Options.Listen lets a removal execute NOTIFY, which PostgreSQL carries out
// for one transaction at a time. It shortens Session.Ended, and nothing else.
// Local copies are verified in each request with or without it.
//
// IDs of more than about 2,600 bytes may be too long for the index. Those of
// sessions have 32.
//
// # SQLite
//
// For one process on one host, whose sessions must survive its end. The drivers
// modernc.org/sqlite and github.com/ncruces/go-sqlite3/driver are tested.
//
//	db, err := sql.Open("sqlite", "/var/lib/site/sessions.db")
//	store, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{Migrate: true})
//
// Give the Store a file of its own, in a folder that nobody else can read. It
// takes six connections of the *sql.DB: one writes, four read, and one holds a
// lock beside the file, in the file of the same name with "-owner" after it. So
// a second Store on the file fails with ErrInUse, until the first one is closed
// or its process has ended in any way. A file with hard links fails so too,
// except on Windows, where a Store cannot see them. New sets the journal mode
// WAL. Other settings in the name of the data source are not needed.
//
// A login, a logout and any other change has reached the disk when it returns.
// Changes that arrive while the disk works share the next commit. A touch that
// restarts an idle timeout does not wait for the disk. So it survives the end
// of the process, but perhaps not a power failure.
//
// All times are this host's clock. The file keeps the size that it once had:
// space of entries that were removed is used again.
//
// Tools may read the file and write to it while the Store uses it. Local copies
// follow within MaxStale. To restore a backup, end the process first. If the
// file, its WAL or its lock is removed or replaced meanwhile, no more writes
// are acknowledged, and within MaxStale all commands fail with
// holdfast.ErrUnavailable, until it is put back. A file that is damaged has the
// same effect once SQLite finds out, until the process ends. If the file with
// the ending "-shm" is cut off, the system may kill the process.
package sqlstore
