package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// connection is a connection to an SQLite file that belongs to the Store until
// close. It keeps its prepared statements. It is for one goroutine at a time.
// Its statements cannot be interrupted: each is short, and the interruption
// would cost a goroutine a statement in some drivers.
type connection struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

// connect takes a connection of db, and carries out statements that set it up.
func connect(ctx context.Context, db *sql.DB, setup ...string) (*connection, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := &connection{conn, make(map[string]*sql.Stmt)}
	for _, statement := range setup {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// close closes the connection. Its settings are the Store's, so it does not
// return to the *sql.DB.
func (c *connection) close() {
	_ = c.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = c.conn.Close()
}

// prepared returns a statement, and prepares it at its first use.
func (c *connection) prepared(text string) (*sql.Stmt, error) {
	if s := c.statements[text]; s != nil {
		return s, nil
	}
	s, err := c.conn.PrepareContext(context.Background(), text)
	if err == nil {
		c.statements[text] = s
	}
	return s, err
}

// exec runs a statement and returns the number of rows that it has changed.
func (c *connection) exec(text string, args ...any) (rows int64, err error) {
	s, err := c.prepared(text)
	if err != nil {
		return 0, err
	}
	result, err := s.Exec(args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query runs a statement and calls row for each row of its result.
func (c *connection) query(text string, args []any, row func(scan func(...any) error) error) error {
	s, err := c.prepared(text)
	if err != nil {
		return err
	}
	rows, err := s.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
