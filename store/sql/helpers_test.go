package sqlstore_test

import (
	"cmp"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/ncruces/go-sqlite3/driver"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/holdfast-go/holdfast/internal/testserver"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
	"github.com/holdfast-go/holdfast/tier"
)

// sqliteDrivers are the names of the drivers in database/sql.
var sqliteDrivers = map[string]string{"modernc": "sqlite", "ncruces": "sqlite3"}

// eachSQLite runs a test with each driver.
func eachSQLite(t *testing.T, test func(t *testing.T, driver string)) {
	for name, driver := range sqliteDrivers {
		t.Run(name, func(t *testing.T) { test(t, driver) })
	}
}

// shared is the server of all tests that do not stop it.
var shared struct {
	sync.Mutex
	server *testserver.Server
}

func TestMain(m *testing.M) {
	if role := os.Getenv("SQLSTORE_CHILD"); role != "" {
		children[role]()
		return
	}
	_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))) // they often wait
	code := m.Run()
	if shared.server != nil {
		_ = shared.server.Close()
	}
	os.Exit(code)
}

// children are the programs that tests run in a process of their own.
var children = map[string]func(){}

// postgres returns the URL of a database of its own on the shared server.
func postgres(t testing.TB) string {
	t.Helper()
	testserver.Need(t, testserver.Postgres)
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		server, err := testserver.Start(testserver.Postgres, "fsync = off", "max_connections = 200", "autovacuum = off")
		require.NoError(t, err)
		shared.server = server
	}
	return newDatabase(t, shared.server)
}

var databases atomic.Int64

// newDatabase makes a database and returns its URL.
func newDatabase(t testing.TB, server *testserver.Server) string {
	t.Helper()
	db := openURL(t, server.URL())
	name := fmt.Sprint("test", databases.Add(1))
	_, err := db.Exec("CREATE DATABASE " + name)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	return strings.Replace(server.URL(), "/postgres?", "/"+name+"?", 1)
}

func openURL(t testing.TB, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// file returns the name of an SQLite file that does not exist yet.
func file(t testing.TB) string { return filepath.Join(t.TempDir(), "sessions.db") }

func openFile(t testing.TB, driver, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, "file:"+file)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// open returns a Store that makes its table. Unless o has a Timeout, a busy
// machine has time enough for each call.
func open(t testing.TB, db *sql.DB, dialect sqlstore.Dialect, o sqlstore.Options) *sqlstore.Store {
	t.Helper()
	o.Migrate = true
	o.Tier.Timeout = cmp.Or(o.Tier.Timeout, patience)
	s, err := sqlstore.New(db, dialect, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// patience bounds each wait for an event. A busy machine needs less.
const patience = 30 * time.Second

// patient gives each call time enough on a busy machine.
var patient = tier.Options{Timeout: patience}

func soon(t testing.TB, condition func() bool, args ...any) {
	t.Helper()
	require.Eventually(t, condition, patience, 5*time.Millisecond, args...)
}

var background = context.Background()

// long is HOLDFAST_LONG, or 1.
func long() int {
	if n, err := strconv.Atoi(os.Getenv("HOLDFAST_LONG")); err == nil {
		return n
	}
	return 1
}

func contextFor(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(background, d)
}
