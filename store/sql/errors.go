package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/holdfast-go/holdfast/tier"
)

// ErrInUse is wrapped by the error of New for an SQLite file that another Store
// uses, in this process or in another one. It has ended that use once its
// process has ended, also by a crash.
var ErrInUse = errors.New("sqlstore: another store uses the file")

// Errors of a driver may contain the arguments of a statement: IDs and values.
// So an error that leaves this package has the code of the server and a text of
// this file. Errors of the network have no arguments.

// sqlState returns the SQLSTATE of a server's error, or "". The drivers for
// PostgreSQL (pgx, lib/pq) have this method in common.
func sqlState(err error) string {
	var stated interface{ SQLState() string }
	if errors.As(err, &stated) {
		return stated.SQLState()
	}
	return ""
}

// refusals are the errors of a PostgreSQL server that has carried out nothing
// and will not either, until somebody changes it.
var refusals = map[string]string{
	"53100": "its disk is full",
	"53200": "it is out of memory",
	"42501": "the user lacks a permission on the table",
	"42P01": "there is no such table; set Options.Migrate, or run the statements of Schema",
	"3F000": "there is no such schema",
	"42703": "the table lacks a column; it is not one of Schema",
	"54000": "the ID is too long for an index",
	"28000": "it refuses the user",
	"28P01": "it refuses the password",
	"3D000": "there is no such database",
}

// transients explain other errors. The next attempt may succeed.
var transients = map[string]string{
	"25006": "it is read-only",
	"40001": "a transaction could not be serialized",
	"40P01": "a deadlock",
	"53300": "it has too many connections",
	"55P03": "a lock was not available in time",
	"57014": "the statement was cancelled",
	"57P01": "it shuts down",
	"57P02": "it crashes",
	"57P03": "it does not accept connections now",
}

// classifyPostgres returns the error of a statement without anything that the
// statement contained.
func classifyPostgres(err error) error {
	if err == nil {
		return nil
	}
	state := sqlState(err)
	if state == "" {
		return fmt.Errorf("sqlstore: %w", described(err))
	}
	if reason, ok := refusals[state]; ok {
		return fmt.Errorf("%w: SQLSTATE %s: %s", tier.ErrRefused, state, reason)
	}
	if reason, ok := transients[state]; ok {
		return fmt.Errorf("sqlstore: the server answers SQLSTATE %s: %s", state, reason)
	}
	return fmt.Errorf("sqlstore: the server answers SQLSTATE %s", state)
}

// described returns err if its text cannot have an argument of a statement, and
// otherwise its type.
func described(err error) error {
	if network := net.Error(nil); errors.As(err, &network) {
		return err
	}
	for _, known := range []error{
		context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF,
		driver.ErrBadConn, sql.ErrConnDone, sql.ErrNoRows, errClosed,
	} {
		if errors.Is(err, known) {
			return known
		}
	}
	return fmt.Errorf("an error of the type %T", err)
}

// SQLite's drivers have no type or code in common. All of them use the texts of
// SQLite.
var sqliteErrors = []struct {
	text, reason string
	refused      bool
}{
	{"database or disk is full", "the disk is full", true},
	{"attempt to write a readonly database", "the file cannot be written", true},
	{"no such table", "there is no such table; set Options.Migrate, or run the statements of Schema", true},
	{"has no column named", "the table lacks a column; it is not one of Schema", true},
	{"no such column", "the table lacks a column; it is not one of Schema", true},
	{"access permission denied", "the file cannot be used", true},
	{"string or blob too big", "the value is larger than SQLite allows", true},
	{"database is locked", "another program holds a lock on the file", false},
	{"database table is locked", "another program holds a lock on the file", false},
	{"unable to open database file", "the file cannot be opened", false},
	{"disk I/O error", "the disk returns an error", false},
	{"database disk image is malformed", "the file is damaged", false},
	{"file is not a database", "the file is no database", false},
	{"out of memory", "SQLite is out of memory", false},
	{"database is closed", "the *sql.DB is closed", false},
}

// classifySQLite is classifyPostgres for SQLite.
func classifySQLite(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range sqliteErrors {
		switch {
		case !strings.Contains(err.Error(), known.text):
		case known.refused:
			return fmt.Errorf("%w: SQLite: %s", tier.ErrRefused, known.reason)
		default:
			return fmt.Errorf("sqlstore: SQLite: %s", known.reason)
		}
	}
	return fmt.Errorf("sqlstore: %w", described(err))
}

// errClosed is the error of a command after Close.
var errClosed = errors.New("sqlstore: the store is closed")
