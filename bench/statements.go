package main

import (
	"context"
	"database/sql/driver"
	"sync/atomic"
)

// statements is the number of statements of this process to SQLite.
var statements atomic.Int64

// executed returns the statements of the child.
type executed struct{}

func (executed) measure(*child) figures { return figures{"statements": float64(statements.Load())} }

// counting adds the statements of its connections to count; BEGIN and COMMIT are
// statements too. It is for SQLite, a driver that has contexts everywhere.
type counting struct {
	driver.Connector
	count *atomic.Int64
}

func (c counting) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return countingConn{conn.(sqliteConn), c.count}, nil
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

type countingConn struct {
	sqliteConn
	count *atomic.Int64
}

func (c countingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	c.count.Add(1)
	tx, err := c.sqliteConn.BeginTx(ctx, o)
	return countingTx{tx, c.count}, err
}

func (c countingConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	c.count.Add(1)
	return c.sqliteConn.ExecContext(ctx, text, args)
}

func (c countingConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	c.count.Add(1)
	return c.sqliteConn.QueryContext(ctx, text, args)
}

func (c countingConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	s, err := c.sqliteConn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return countingStmt{s.(sqliteStmt), c.count}, nil
}

type countingTx struct {
	driver.Tx
	count *atomic.Int64
}

func (t countingTx) Commit() error {
	t.count.Add(1)
	return t.Tx.Commit()
}

func (t countingTx) Rollback() error {
	t.count.Add(1)
	return t.Tx.Rollback()
}

type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type countingStmt struct {
	sqliteStmt
	count *atomic.Int64
}

func (s countingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.count.Add(1)
	return s.sqliteStmt.ExecContext(ctx, args)
}

func (s countingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.count.Add(1)
	return s.sqliteStmt.QueryContext(ctx, args)
}
