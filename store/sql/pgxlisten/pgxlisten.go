// Package pgxlisten receives notifications of PostgreSQL for package sqlstore,
// with the driver github.com/jackc/pgx/v5.
package pgxlisten

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A connection without notifications is asked for a sign of life after every
// period of quiet, and has as long to answer.
const quiet = 10 * time.Second

// New returns a function for sqlstore.Options.Listen. It connects to the server
// itself, not to a pooler. The connection string is a URL or DSN as for pgx.
// New returns an error if it is neither, which does not contain it.
func New(connection string) (func(ctx context.Context, channel string, notified func(payload string)) error, error) {
	config, err := pgx.ParseConfig(connection)
	if err != nil {
		return nil, errors.New("pgxlisten: the connection string is no URL or DSN of PostgreSQL")
	}
	return func(ctx context.Context, channel string, notified func(payload string)) error {
		return listen(ctx, config, channel, notified)
	}, nil
}

func listen(ctx context.Context, config *pgx.ConnConfig, channel string, notified func(payload string)) error {
	c, err := connect(ctx, config, channel)
	if err != nil {
		return fmt.Errorf("pgxlisten: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	notified("")
	for {
		notification, err := next(ctx, c)
		if err != nil {
			return fmt.Errorf("pgxlisten: %w", err)
		}
		if notification != nil {
			notified(notification.Payload)
		}
	}
}

func connect(ctx context.Context, config *pgx.ConnConfig, channel string) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", first(err))
	}
	if _, err := c.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	return c, nil
}

// first returns the error of the first address, if it is one of the network or
// of a server. That of pgx has a line for each address.
func first(err error) error {
	var network *net.OpError
	var server *pgconn.PgError
	switch {
	case errors.As(err, &network):
		return network
	case errors.As(err, &server):
		return server
	}
	return err
}

// next returns the next notification, or nil after a period of quiet in which
// the connection has shown that it works.
func next(ctx context.Context, c *pgx.Conn) (*pgconn.Notification, error) {
	limited, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	notification, err := c.WaitForNotification(limited)
	if err == nil || ctx.Err() != nil || limited.Err() == nil {
		return notification, err
	}
	limited, cancel = context.WithTimeout(ctx, quiet)
	defer cancel()
	return nil, c.Ping(limited)
}
