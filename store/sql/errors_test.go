package sqlstore_test

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
	"github.com/holdfast-go/holdfast/store/sql/pgxlisten"
	"github.com/holdfast-go/holdfast/tier"
)

// silent returns the address of a server that accepts connections and does not
// answer.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// requireNoSecret looks at an error and at all that it wraps.
func requireNoSecret(t *testing.T, err error) {
	t.Helper()
	require.NotContains(t, fmt.Sprintf("%v %+v", err, err), "secret")
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		requireNoSecret(t, wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		for _, wrapped := range wrapper.Unwrap() {
			requireNoSecret(t, wrapped)
		}
	}
}

// An error has one line, which names the cause and the remedy.
func TestErrors_connect(t *testing.T) {
	server := postgres(t)
	for name, test := range map[string]struct {
		source, cause, remedy string
		sentinel              error
	}{
		"refused":     {"postgres://ada:secret@localhost:1/x", "connection refused", "start the server", nil},
		"two hosts":   {"postgres://ada:secret@127.0.0.1:1,127.0.0.1:2/x", "127.0.0.1:1: connect: connection refused", "start the server", nil},
		"socket":      {"user=ada password=secret host=/none", "no such file", "start the server", nil},
		"host":        {"postgres://ada:secret@none.invalid/x", "none.invalid", "correct the host", nil},
		"percent":     {"postgres://ada:sec%zzret@localhost/x", "connection string", "sql.Open", holdfast.ErrOptions},
		"port":        {"postgres://ada:secret@localhost:abc/x", "connection string", "sql.Open", holdfast.ErrOptions},
		"quotes":      {"user=ada password='secret host=a", "connection string", "sql.Open", holdfast.ErrOptions},
		"certificate": {"postgres://ada:secret@localhost/x?sslmode=verify-full&sslrootcert=/none", "connection string", "sql.Open", holdfast.ErrOptions},
		"database":    {strings.Replace(server, "/test", "/none", 1), "3D000", "create it", tier.ErrRefused},
		"user":        {strings.Replace(server, "postgres@", "ada:secret@", 1), "28000", "pg_hba.conf", tier.ErrRefused},
		"TLS":         {strings.Replace(server, "sslmode=disable", "sslmode=require", 1), "refused TLS", "compare", nil},
		"silent":      {"postgres://ada:secret@" + silent(t) + "/x?sslmode=disable", "no answer in time", "hangs", nil},
	} {
		t.Run(name, func(t *testing.T) {
			check := func(err error) {
				t.Helper()
				require.ErrorContains(t, err, test.cause)
				require.ErrorContains(t, err, test.remedy)
				require.NotContains(t, err.Error(), "\n")
				require.Equal(t, 1, strings.Count(err.Error(), "sqlstore: "), err)
				requireNoSecret(t, err)
				if test.sentinel != nil {
					require.ErrorIs(t, err, test.sentinel)
				}
			}
			db := openURL(t, test.source)
			o := sqlstore.Options{Tier: tier.Options{Timeout: 500 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)}, Migrate: true}
			began := time.Now()
			_, err := sqlstore.New(db, sqlstore.PostgreSQL, o)
			require.ErrorIs(t, err, holdfast.ErrUnavailable)
			require.Less(t, time.Since(began), 20*time.Second)
			require.True(t, strings.HasPrefix(err.Error(), "sqlstore: "), err)
			check(err)

			o.Migrate = false
			s, err := sqlstore.New(db, sqlstore.PostgreSQL, o)
			require.NoError(t, err)
			defer s.Close()
			ctx, cancel := contextFor(500 * time.Millisecond)
			defer cancel()
			_, err = s.Database().Pulse(ctx)
			check(err)
			_, err = s.Database().Read(ctx, "a", 0)
			check(err)
		})
	}
}

// The cause is there for errors.As.
func TestErrors_cause(t *testing.T) {
	_, err := sqlstore.New(openURL(t, "postgres://ada:secret@127.0.0.1:1/x"), sqlstore.PostgreSQL, sqlstore.Options{Migrate: true})
	var network *net.OpError
	require.ErrorAs(t, err, &network)
	require.Equal(t, "dial", network.Op)
}

func TestErrors_closed(t *testing.T) {
	db := openURL(t, postgres(t))
	s := open(t, db, sqlstore.PostgreSQL, sqlstore.Options{})
	require.NoError(t, db.Close())
	err := s.Database().Set(background, "a", 1, nil, time.Hour)
	require.EqualError(t, err, "sqlstore: the *sql.DB is closed: close it after the Store")
	eachSQLite(t, func(t *testing.T, driver string) {
		s := open(t, openFile(t, driver, file(t)), sqlstore.SQLite, sqlstore.Options{})
		require.NoError(t, s.Close())
		_, err := s.Database().Read(background, "a", 0)
		require.EqualError(t, err, "sqlstore: the store is closed")
		err = s.Database().Set(background, "a", 1, nil, time.Hour)
		require.EqualError(t, err, "sqlstore: the store is closed")
	})
}

// The driver knows the name of the file before it can open the lock beside it.
func TestErrors_path(t *testing.T) {
	eachSQLite(t, func(t *testing.T, driver string) {
		file := file(t)
		require.NoError(t, os.Mkdir(file+"-owner", 0o700))
		_, err := sqlstore.New(openFile(t, driver, file), sqlstore.SQLite, sqlstore.Options{Migrate: true})
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
		require.ErrorContains(t, err, "sqlstore: SQLite: "+file+": the file cannot be opened: ")
		_, err = sqlstore.New(openFile(t, driver, filepath.Join(t.TempDir(), "none", "a.db")), sqlstore.SQLite, sqlstore.Options{})
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
		require.ErrorContains(t, err, "sqlstore: SQLite: the file cannot be opened: create its folder")
	})
}

func TestErrors_pgxlisten(t *testing.T) {
	listen, err := pgxlisten.New("postgres://ada:secret@localhost:1/x")
	require.NoError(t, err)
	err = listen(background, "a", func(string) {})
	require.ErrorContains(t, err, "pgxlisten: connect: dial tcp 127.0.0.1:1: connect: connection refused")
	require.NotContains(t, err.Error(), "\n")
}
