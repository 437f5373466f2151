package main

import (
	"context"
	"database/sql/driver"
	"sync/atomic"
)

// statements is the number of statements of this process that connections of
// counting have executed. BEGIN and COMMIT are statements too.
var statements atomic.Int64

// executed returns the statements of the child.
type executed struct{}

func (executed) measure(*child) figures { return figures{"statements": float64(statements.Load())} }

// counting counts the statements of connections to SQLite, a driver that has
// contexts everywhere.
type counting struct{ driver.Connector }

func (c counting) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return countingConn{conn.(sqliteConn)}, nil
}

type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

type countingConn struct{ sqliteConn }

func (c countingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	statements.Add(1)
	tx, err := c.sqliteConn.BeginTx(ctx, o)
	return countingTx{tx}, err
}

func (c countingConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	statements.Add(1)
	return c.sqliteConn.ExecContext(ctx, text, args)
}

func (c countingConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	statements.Add(1)
	return c.sqliteConn.QueryContext(ctx, text, args)
}

func (c countingConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	s, err := c.sqliteConn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return countingStmt{s.(sqliteStmt)}, nil
}

type countingTx struct{ driver.Tx }

func (t countingTx) Commit() error {
	statements.Add(1)
	return t.Tx.Commit()
}

func (t countingTx) Rollback() error {
	statements.Add(1)
	return t.Tx.Rollback()
}

type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type countingStmt struct{ sqliteStmt }

func (s countingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	statements.Add(1)
	return s.sqliteStmt.ExecContext(ctx, args)
}

func (s countingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	statements.Add(1)
	return s.sqliteStmt.QueryContext(ctx, args)
}
