package sqlstore

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/tier"
)

// ErrInUse is wrapped by the error of New for an SQLite file that another Store
// uses, in this process or in another one, or could use by another name of the
// file. It has ended that use once its process has ended, also by a crash.
var ErrInUse = errors.New("sqlstore: another store uses the file")

// Errors of a driver may contain the arguments of a statement, IDs and values,
// and the password of a connection string. So an error that leaves this package
// has a text of this file, and wraps errors that are known to have neither.

// failure is an error of one line that wraps others.
type failure struct {
	text  string
	wraps []error
}

func (f *failure) Error() string   { return f.text }
func (f *failure) Unwrap() []error { return f.wraps }

// failed returns an error with the text "sqlstore: text" that wraps some
// others.
func failed(text string, wraps ...error) error { return &failure{"sqlstore: " + text, wraps} }

// unavailable returns the error of New for one of the database.
func unavailable(err error) error {
	return &failure{err.Error(), []error{holdfast.ErrUnavailable, err}}
}

// sqlState returns the SQLSTATE of a server's error, or "". The drivers for
// PostgreSQL (pgx, lib/pq) have this method in common.
func sqlState(err error) string {
	var stated interface{ SQLState() string }
	if errors.As(err, &stated) {
		return stated.SQLState()
	}
	return ""
}

const otherTable = "the table is not one of Schema; alter it, or set another Options.Table"

// refusals are the errors of a PostgreSQL server that has carried out nothing
// and will not either, until somebody changes it. Two characters are a class.
var refusals = map[string]string{
	"53100": "its disk is full: make room",
	"53200": "it is out of memory: give it more",
	"42501": "the user lacks a permission on the table: grant SELECT, INSERT, UPDATE and DELETE, or to make it CREATE on the schema",
	"42P01": "there is no such table: set Options.Migrate, or run the statements of Schema",
	"3F000": "there is no such schema: create it, or correct Options.Table",
	"42703": "the table lacks a column: " + otherTable,
	"54000": "the ID is too long for an index: use shorter ones",
	"28000": "it refuses the user: correct the connection string, or pg_hba.conf",
	"28P01": "it refuses the password: correct the connection string",
	"3D000": "there is no such database: create it, or correct the connection string",
	"0A":    "it is no table: " + otherTable,
	"55000": "it is no table: " + otherTable,
	"P0":    "a trigger forbids it: " + otherTable,
	"22":    "a column has another type: " + otherTable,
	"23":    "a constraint forbids it: " + otherTable,
	"42":    "the statement does not suit the table: " + otherTable,
}

// transients explain other errors. The next attempt may succeed.
var transients = map[string]string{
	"25006": "it is read-only: connect to the primary server",
	"40001": "a transaction could not be serialized",
	"40P01": "a deadlock",
	"53300": "it has too many connections: lower SetMaxOpenConns, or raise max_connections",
	"55P03": "a lock was not available in time",
	"57014": "the statement was cancelled",
	"57P01": "it shuts down",
	"57P02": "it crashes",
	"57P03": "it does not accept connections now",
}

// classifyPostgres returns the error of a statement without anything that the
// statement contained.
func classifyPostgres(err error) error {
	state := sqlState(err)
	switch {
	case err == nil:
		return nil
	case state == "":
		return described(err)
	}
	answer := "the server answers SQLSTATE " + state
	if reason, ok := transients[state]; ok {
		return failed(answer + ": " + reason)
	}
	for _, code := range []string{state, state[:min(2, len(state))]} {
		if reason, ok := refusals[code]; ok {
			return failed(answer+": "+reason, tier.ErrRefused)
		}
	}
	return failed(answer)
}

// described returns an error that is not a server's.
func described(err error) error {
	if isA(err, "ParseConfigError") {
		return failed("the driver cannot read the connection string: correct the argument of sql.Open", holdfast.ErrOptions)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return failed("no answer in time: the server or the disk hangs, or all connections of the *sql.DB are in use", context.DeadlineExceeded)
	}
	for _, known := range []error{
		context.Canceled, io.EOF, io.ErrUnexpectedEOF, driver.ErrBadConn, sql.ErrConnDone, sql.ErrNoRows, errClosed,
	} {
		if errors.Is(err, known) {
			return failed(known.Error(), known)
		}
	}
	var host *net.DNSError
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &host):
		return failed("connect: "+host.Error()+": correct the host in the connection string", host)
	case errors.As(err, &network) && network.Op == "dial":
		return failed("connect: "+network.Error()+": start the server, or correct its address in the connection string", network)
	case errors.As(err, &network):
		return failed("the connection broke: "+network.Error()+": the next statement makes a new one", network)
	case errors.As(err, &certificate):
		return failed("connect: "+certificate.Error()+": correct sslrootcert or the host in the connection string", certificate)
	case isA(err, "ConnectError"):
		// No statement was sent yet.
		return failed("connect: " + first(err).Error() + ": compare the connection string with the server's settings")
	case strings.HasPrefix(err.Error(), "sql: Scan error"):
		return failed("a column has another type: "+otherTable, tier.ErrRefused)
	case strings.Contains(err.Error(), "database is closed"):
		return failed("the *sql.DB is closed: close it after the Store")
	}
	return failed(fmt.Sprintf("the driver fails with an error of the type %T", first(err)))
}

// isA reports whether err is of a driver's type, or wraps such an error. This
// package imports no driver.
func isA(err error, name string) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.HasSuffix(fmt.Sprintf("%T", err), "."+name) {
			return true
		}
	}
	return false
}

// first returns the innermost error. A driver that tries several addresses
// joins an error for each: then it is that of the first one.
func first(err error) error {
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return first(inner)
		}
	case interface{ Unwrap() []error }:
		if all := e.Unwrap(); len(all) > 0 {
			return first(all[0])
		}
	}
	return err
}

const damaged = "the file is damaged, or no database of SQLite: end the process, and restore a backup"

// SQLite's drivers have no type or code in common. All of them use the texts of
// SQLite.
var sqliteErrors = []struct {
	text, reason string
	refused      bool
}{
	{"database or disk is full", "the disk is full: make room", true},
	{"attempt to write a readonly database", "the file cannot be written: correct its permissions", true},
	{"no such table", "there is no such table: set Options.Migrate, or run the statements of Schema", true},
	{"has no column named", "the table lacks a column: " + otherTable, true},
	{"no such column", "the table lacks a column: " + otherTable, true},
	{"ON CONFLICT clause does not match", "the table lacks its primary key: " + otherTable, true},
	{"constraint failed", "a constraint forbids it: " + otherTable, true},
	{"access permission denied", "the file cannot be used: correct its permissions", true},
	{"string or blob too big", "the value is larger than SQLite allows: lower Tier.MaxValue", true},
	{"database is locked", "another program holds a lock on the file: end it", false},
	{"database table is locked", "another program holds a lock on the file: end it", false},
	{"unable to open database file", "the file cannot be opened: create its folder, and let this process write to it", false},
	{"disk I/O error", "the disk returns an error, or has no room for the WAL: check it", false},
	{"database disk image is malformed", damaged, false},
	{"file is not a database", damaged, false},
	{"out of memory", "SQLite is out of memory", false},
	{"database is closed", "the *sql.DB is closed: close it after the Store", false},
}

// classifySQLite is classifyPostgres for SQLite. The file is "" if its name is
// unknown.
func classifySQLite(err error, file string) error {
	if known := (*failure)(nil); err == nil || errors.As(err, &known) {
		return err
	}
	for _, known := range sqliteErrors {
		if !strings.Contains(err.Error(), known.text) {
			continue
		}
		text := "SQLite: " + strings.TrimPrefix(file+": ", ": ") + known.reason
		if known.refused {
			return failed(text, tier.ErrRefused)
		}
		return failed(text)
	}
	return described(err)
}

// errIgnored is the error of a write that has changed nothing without a reason.
var errIgnored = failed("the table has ignored a write: remove its triggers and rules", tier.ErrRefused)

// errClosed is the error of a command after Close.
var errClosed = errors.New("the store is closed")
