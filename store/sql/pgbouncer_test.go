//go:build unix

package sqlstore_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/loopback"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
	"github.com/holdfast-go/holdfast/storetest"
)

// bouncer starts PgBouncer before the server of url, and returns the URL of the
// same database there. A transaction gets any of two connections.
func bouncer(t *testing.T, url string) string {
	t.Helper()
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		path = "/usr/sbin/pgbouncer" // not in the PATH of all users
		_, err = os.Stat(path)
	}
	const missing = "PgBouncer is not installed: apt-get install pgbouncer"
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(missing)
	} else if err != nil {
		t.Skip(missing)
	}
	port, err := loopback.Port()
	require.NoError(t, err)
	server, _, _ := strings.Cut(strings.TrimPrefix(url, "postgres://postgres@127.0.0.1:"), "/")
	config := filepath.Join(t.TempDir(), "pgbouncer.ini")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `[databases]
* = host=127.0.0.1 port=%s user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
ignore_startup_parameters = extra_float_digits
`, server, port), 0o644))
	cmd := exec.Command(path, config)
	if os.Geteuid() == 0 {
		runAs(t, cmd, "nobody")
		for folder := filepath.Dir(config); folder != os.TempDir() && folder != "/"; folder = filepath.Dir(folder) {
			require.NoError(t, os.Chmod(folder, 0o755))
		}
	}
	output := new(strings.Builder)
	cmd.Stdout, cmd.Stderr = output, output
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(output)
		}
	})
	pooled := strings.Replace(url, ":"+server+"/", fmt.Sprintf(":%d/", port), 1)
	db := openURL(t, pooled+"&default_query_exec_mode=exec")
	soon(t, func() bool { return db.Ping() == nil })
	return pooled
}

// runAs lets cmd run as another user, since it refuses to run as root.
func runAs(t *testing.T, cmd *exec.Cmd, name string) {
	t.Helper()
	u, err := user.Lookup(name)
	require.NoError(t, err)
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	require.NoError(t, err)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// Behind PgBouncer each transaction may run on another connection of the
// server.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	url := bouncer(t, postgres(t))
	for _, mode := range []string{"exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			stores := openAll(t, url+"&default_query_exec_mode="+mode, 3, sqlstore.Options{})
			model(t, stores, 100)
			db := stores[0].Database()
			require.NoError(t, db.Set(background, "tagged", 1, tagged(1, "\x00'\\"), time.Hour))
			ids, _ := scan(t, db, tagged(1, ""))
			require.Equal(t, []string{"tagged"}, ids)
			_, err := stores[0].Purge(1000)
			require.NoError(t, err)
		})
	}
	t.Run("contract", func(t *testing.T) {
		db := openURL(t, url+"&default_query_exec_mode=exec")
		storetest.Run(t, func(t *testing.T) holdfast.Store {
			return open(t, db, sqlstore.PostgreSQL, sqlstore.Options{})
		}, storetest.Options{})
	})
}
