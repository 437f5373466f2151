package main

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	_ "modernc.org/sqlite"             // the driver sqlite

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/store/redis"
	"github.com/holdfast-go/holdfast/store/sql"
)

// open returns the options of a Manager whose sessions are in the named store,
// and a function that closes the store.
func open(name string) (o holdfast.Options, closeStore func(), err error) {
	scheme, rest, _ := strings.Cut(name, ":")
	switch scheme {
	case "memory":
		c, err := cache.New(cache.Options{})
		if err != nil {
			return o, nil, err
		}
		return holdfast.Options{Cache: c}, func() { _ = c.Close() }, nil
	case "redis", "rediss":
		store, err := redisstore.New(redisstore.Options{URL: name, Check: true})
		if err != nil {
			return o, nil, err
		}
		return holdfast.Options{Store: store}, func() { _ = store.Close() }, nil
	case "sqlite":
		return openSQL("sqlite", rest, sqlstore.SQLite)
	case "postgres", "postgresql":
		return openSQL("pgx", name, sqlstore.PostgreSQL)
	}
	return o, nil, errors.New("-store must be memory, sqlite:FILE, redis://host:port/0 or postgres://user:password@host/database")
}

func openSQL(driver, source string, dialect sqlstore.Dialect) (o holdfast.Options, closeStore func(), err error) {
	db, err := sql.Open(driver, source)
	if err != nil {
		return o, nil, fmt.Errorf("-store: not the address of a database for the driver %s", driver)
	}
	db.SetMaxOpenConns(20)
	db.SetMaxIdleConns(20)
	store, err := sqlstore.New(db, dialect, sqlstore.Options{Migrate: true})
	if err != nil {
		_ = db.Close()
		return o, nil, err
	}
	return holdfast.Options{Store: store}, func() { _ = store.Close(); _ = db.Close() }, nil
}
